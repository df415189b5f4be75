// What only Unix sockets have: files, modes, folders, credentials, descriptors that run out.
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../port_help.h"
#include "platform/clock.h"
#include "util/mem.h"

#define S INT64_C(1000000000)

static char folder[64], path[100];

static void make_folder(void) {
    snprintf(folder, sizeof folder, "/tmp/etwtest-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/broker.sock", folder);
}

static void remove_folder(void) {
    unlink(path);
    rmdir(folder);
}

static int listen_at(PlatPort *port, const char *endpoint, uint32_t mode, PlatListener **ret,
                     Err *err) {
    return plat_listen(port, endpoint, NULL, mode, NULL, ret, err);
}

static mode_t mode_of(const char *name) {
    struct stat st;
    cr_assert_eq(lstat(name, &st), 0, "%s is not there", name);
    return st.st_mode & 07777;
}

Test(socket, mode_is_exact_whatever_the_umask, .init = make_folder, .fini = remove_folder,
     .timeout = 60) {
    PlatPort *port;
    cr_assert_eq(plat_port_new(&port, NULL), 0);
    static const mode_t umasks[] = {0, 022, 077, 0777};
    static const uint32_t modes[] = {0, 0600, 0660, 0666};
    for (size_t u = 0; u < ARRAY_COUNT(umasks); u++) {
        for (size_t m = 0; m < ARRAY_COUNT(modes); m++) {
            PlatListener *listener;
            Err err = ERR_INIT;
            umask(umasks[u]);
            cr_assert_eq(listen_at(port, path, modes[m], &listener, &err), 0, "%s", err.text);
            cr_assert_eq(mode_of(path), modes[m] != 0 ? modes[m] : 0600);
            plat_listener_close(listener);
            cr_assert_neq(access(path, F_OK), 0, "the socket file was left behind");
        }
    }
    plat_port_free(port);
}

Test(socket, one_broker_at_a_path, .init = make_folder, .fini = remove_folder, .timeout = 60) {
    PlatPort *port;
    PlatListener *first, *second = NULL;
    Err err = ERR_INIT;
    cr_assert_eq(plat_port_new(&port, NULL), 0);
    cr_assert_eq(listen_at(port, path, 0, &first, &err), 0, "%s", err.text);
    cr_assert_eq(listen_at(port, path, 0, &second, &err), -STATUS_CONFLICT);
    cr_assert(strstr(err.text, path) != NULL, "%s", err.text);
    // The first one still works; the probe is at most a connection that ended.
    PlatChannel *channel;
    cr_assert_eq(plat_channel_open(path, S, &channel, &err), 0, "%s", err.text);
    plat_channel_close(channel);
    plat_listener_close(first);
    cr_assert_eq(listen_at(port, path, 0, &first, &err), 0, "%s", err.text);
    plat_port_free(port); // closes it
    cr_assert_neq(access(path, F_OK), 0);
}

Test(socket, a_stale_socket_is_replaced, .init = make_folder, .fini = remove_folder,
     .timeout = 60) {
    // As a killed broker leaves it: bound, and nobody listens.
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    PlatPort *port;
    PlatListener *listener;
    Err err = ERR_INIT;
    cr_assert_eq(plat_port_new(&port, NULL), 0);
    cr_assert_eq(listen_at(port, path, 0, &listener, &err), 0, "%s", err.text);
    PlatChannel *channel;
    cr_assert_eq(plat_channel_open(path, S, &channel, &err), 0, "%s", err.text);
    plat_channel_close(channel);
    plat_port_free(port);
}

Test(socket, other_files_are_never_removed, .init = make_folder, .fini = remove_folder,
     .timeout = 60) {
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    cr_assert_geq(fd, 0);
    close(fd);
    PlatPort *port;
    PlatListener *listener;
    Err err = ERR_INIT;
    cr_assert_eq(plat_port_new(&port, NULL), 0);
    cr_assert_eq(listen_at(port, path, 0, &listener, &err), -STATUS_CONFLICT);
    cr_assert_eq(access(path, F_OK), 0);
    // Nor a socket that has taken the place of ours.
    unlink(path);
    cr_assert_eq(listen_at(port, path, 0, &listener, &err), 0, "%s", err.text);
    unlink(path);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    plat_listener_close(listener);
    cr_assert_eq(access(path, F_OK), 0, "a file of somebody else was removed");
    cr_assert_eq(listen_at(port, "/nonexistent/x.sock", 0, &listener, &err), -STATUS_NOT_FOUND);
    plat_port_free(port);
}

Test(socket, path_length, .init = make_folder, .fini = remove_folder, .timeout = 60) {
    char longest[200];
    PlatPort *port;
    cr_assert_eq(plat_port_new(&port, NULL), 0);
    for (size_t n = 106; n <= 108; n++) {
        PlatListener *listener;
        int used = snprintf(longest, sizeof longest, "%s/", folder);
        memset(longest + used, 'x', n - (size_t)used);
        longest[n] = '\0';
        int result = listen_at(port, longest, 0, &listener, NULL);
        cr_assert_eq(result, n <= 107 ? 0 : -STATUS_INVALID_ARGUMENT, "%zu bytes: %d", n, result);
        if (result == 0)
            plat_listener_close(listener);
    }
    plat_port_free(port);
}

// ---- Folders of named endpoints

static int resolve_with(const char *runtime, char *buf, size_t cap) {
    setenv("XDG_RUNTIME_DIR", runtime, 1);
    return plat_endpoint_path("name", buf, cap, NULL);
}

Test(socket, folder_of_a_name, .init = make_folder, .fini = remove_folder, .timeout = 60) {
    char got[200], wanted[200];
    cr_assert_eq(resolve_with(folder, got, sizeof got), 0);
    snprintf(wanted, sizeof wanted, "%s/etwbroker/name.sock", folder);
    cr_assert_str_eq(got, wanted);
    // Not absolute, not there: the default of this user.
    cr_assert_eq(resolve_with("relative", got, sizeof got), 0);
    cr_assert_neq(strncmp(got, "relative", 8), 0, "%s", got);
    cr_assert_eq(resolve_with("/nonexistent", got, sizeof got), 0);
    cr_assert_neq(strncmp(got, "/nonexistent", 12), 0, "%s", got);
    if (geteuid() == 0) {
        cr_assert_eq(strcmp(got, "/run/etwbroker/name.sock"), 0, "%s", got);
        // Another user's folder is not believed.
        cr_assert_eq(chown(folder, 12345, 12345), 0);
        cr_assert_eq(resolve_with(folder, got, sizeof got), 0);
        cr_assert_neq(strncmp(got, folder, strlen(folder)), 0, "%s", got);
    }
}

Test(socket, folder_is_made_and_checked, .init = make_folder, .timeout = 60) {
    char sub[200];
    PlatPort *port;
    PlatListener *listener;
    Err err = ERR_INIT;
    snprintf(sub, sizeof sub, "%s/etwbroker", folder);
    setenv("XDG_RUNTIME_DIR", folder, 1);
    umask(0);
    cr_assert_eq(plat_port_new(&port, NULL), 0);
    cr_assert_eq(listen_at(port, "name", 0, &listener, &err), 0, "%s", err.text);
    cr_assert_eq(mode_of(sub), 0700);
    plat_listener_close(listener);
    // Others may write there: whoever listens is not known.
    cr_assert_eq(chmod(sub, 0770), 0);
    cr_assert_eq(listen_at(port, "name", 0, &listener, &err), -STATUS_DENIED);
    cr_assert_eq(chmod(sub, 0702), 0);
    cr_assert_eq(listen_at(port, "name", 0, &listener, &err), -STATUS_DENIED);
    cr_assert_eq(chmod(sub, 0755), 0);
    cr_assert_eq(listen_at(port, "name", 0, &listener, &err), 0);
    plat_listener_close(listener);
    // A link in its place.
    cr_assert_eq(rmdir(sub), 0);
    cr_assert_eq(symlink("/tmp", sub), 0);
    cr_assert_eq(listen_at(port, "name", 0, &listener, &err), -STATUS_DENIED);
    cr_assert_eq(unlink(sub), 0);
    plat_port_free(port);
    rmdir(folder);
}

// ---- Credentials; these need root to become somebody else

static bool is_root(const char *test) {
    if (geteuid() == 0)
        return true;
    fprintf(stderr, "SKIP %s: needs root\n", test);
    return false;
}

// A child that becomes uid 12345 with 3 groups, connects, sends a byte and waits for the end.
static pid_t connect_as_other(const char *endpoint) {
    pid_t child = fork();
    if (child != 0)
        return child;
    static const gid_t groups[] = {20001, 20002, 12345};
    PlatChannel *channel;
    char byte;
    size_t n;
    if (setgroups(3, groups) != 0 || setgid(12345) != 0 || setuid(12345) != 0)
        _exit(2);
    if (plat_channel_open(endpoint, 10 * S, &channel, NULL) != 0)
        _exit(3);
    if (plat_channel_write(channel, "x", 1, S) != 0)
        _exit(4);
    plat_channel_read(channel, &byte, 1, 30 * S, &n);
    _exit(0);
}

Test(socket, another_user, .init = make_folder, .fini = remove_folder, .timeout = 60) {
    if (!is_root("socket/another_user"))
        return;
    cr_assert_eq(chmod(folder, 0755), 0);
    PlatPort *port;
    PlatListener *listener;
    PortEvent event;
    cr_assert_eq(plat_port_new(&port, NULL), 0);
    cr_assert_eq(listen_at(port, path, 0666, &listener, NULL), 0);
    pid_t child = connect_as_other(path);
    cr_assert_eq(plat_port_wait(port, 10 * S, &event, 1), 1);
    cr_assert_eq(event.kind, PORT_ACCEPTED);
    PlatStream *stream = event.stream;
    uint8_t byte;
    cr_assert_eq(plat_stream_read(stream, &byte, 1), 0);
    cr_assert_eq(plat_port_wait(port, 10 * S, &event, 1), 1);
    cr_assert_eq(event.kind, PORT_READ);
    PlatPeer peer;
    Err err = ERR_INIT;
    cr_assert_eq(plat_stream_peer(stream, &peer, &err), 0, "%s", err.text);
    cr_assert_str_eq(peer.sid, "S-1-22-1-12345");
    cr_assert_eq(peer.pid, (uint32_t)child);
    cr_assert(!peer.administrator && !peer.own_user && !peer.restricted);
    // The primary group first; each once.
    static const char *const wanted[] = {"S-1-22-2-12345", "S-1-22-2-20001", "S-1-22-2-20002"};
    const char *sid = NULL;
    uint32_t i = 0;
    while (plat_peer_group(&peer, &i, &sid)) {
        cr_assert_leq(i, 3);
        bool found = false;
        for (size_t w = 0; w < 3; w++)
            found = found || strcmp(sid, wanted[w]) == 0;
        cr_assert(found, "%s", sid);
    }
    cr_assert_eq(i, 3);
    cr_assert_eq(peer.n_deny_groups, 0);
    plat_peer_deinit(&peer);
    plat_port_free(port);
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %x",
              (unsigned)status);
}

Test(socket, the_mode_keeps_others_out, .init = make_folder, .fini = remove_folder, .timeout = 60) {
    if (!is_root("socket/the_mode_keeps_others_out"))
        return;
    cr_assert_eq(chmod(folder, 0755), 0);
    PlatPort *port;
    PlatListener *listener;
    cr_assert_eq(plat_port_new(&port, NULL), 0);
    cr_assert_eq(listen_at(port, path, 0600, &listener, NULL), 0);
    pid_t child = fork();
    if (child == 0) {
        PlatChannel *channel;
        if (setgid(12345) != 0 || setuid(12345) != 0)
            _exit(99);
        _exit(-plat_channel_open(path, S, &channel, NULL));
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(WEXITSTATUS(status), STATUS_DENIED);
    plat_port_free(port);
}

Test(socket, a_name_is_served_by_root_or_oneself, .init = make_folder, .timeout = 60) {
    if (!is_root("socket/a_name_is_served_by_root_or_oneself"))
        return;
    // A child of another user listens where our name points to; by its path it may be trusted.
    char sub[200], at[300];
    snprintf(sub, sizeof sub, "%s/etwbroker", folder);
    snprintf(at, sizeof at, "%s/name.sock", sub);
    cr_assert_eq(mkdir(sub, 0777), 0);
    cr_assert_eq(chmod(sub, 0777), 0);
    cr_assert_eq(chmod(folder, 0755), 0);
    int ready[2];
    cr_assert_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        PlatPort *port;
        PlatListener *listener;
        PortEvent event;
        if (setgid(12345) != 0 || setuid(12345) != 0 || plat_port_new(&port, NULL) != 0 ||
            plat_listen(port, at, NULL, 0666, NULL, &listener, NULL) != 0 ||
            write(ready[1], "x", 1) != 1)
            _exit(1);
        for (int n = 0; n < 2; n++) {
            if (plat_port_wait(port, 10 * S, &event, 1) != 1)
                _exit(3);
        }
        _exit(0);
    }
    char byte;
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    setenv("XDG_RUNTIME_DIR", folder, 1);
    PlatChannel *channel;
    Err err = ERR_INIT;
    cr_assert_eq(plat_channel_open("name", S, &channel, &err), -STATUS_DENIED, "%s", err.text);
    cr_assert(strstr(err.text, "12345") != NULL, "%s", err.text);
    cr_assert_eq(plat_channel_open(at, S, &channel, &err), 0, "%s", err.text);
    plat_channel_close(channel);
    int status;
    waitpid(child, &status, 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    unlink(at);
    rmdir(sub);
    rmdir(folder);
}

// ---- Descriptors run out

Test(socket, out_of_descriptors_does_not_spin, .init = make_folder, .fini = remove_folder,
     .timeout = 60) {
    PlatPort *port;
    PlatListener *listener;
    PortEvent events[16];
    cr_assert_eq(plat_port_new(&port, NULL), 0);
    cr_assert_eq(listen_at(port, path, 0, &listener, NULL), 0);
    // The client side of two connections is there before the limit falls.
    int clients[2];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    for (int i = 0; i < 2; i++)
        clients[i] = socket(AF_UNIX, SOCK_STREAM, 0);
    int next = dup(0);
    close(next);
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit low = {(rlim_t)next, limit.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(connect(clients[i], (struct sockaddr *)&address, sizeof address), 0);
    int64_t cpu = plat_thread_cpu_ns();
    cr_assert_eq(plat_port_wait(port, S / 5, events, 16), 0);
    cpu = plat_thread_cpu_ns() - cpu;
    cr_assert_lt(cpu, S / 10, "%lld ns of CPU time went into a wait of 200 ms", (long long)cpu);
    for (int i = 0; i < 2; i++) {
        char byte;
        cr_assert_eq(recv(clients[i], &byte, 1, MSG_DONTWAIT), 0, "client %d was not turned away",
                     i);
        close(clients[i]);
    }
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    PlatChannel *channel;
    cr_assert_eq(plat_channel_open(path, S, &channel, NULL), 0);
    cr_assert_eq(plat_port_wait(port, 10 * S, events, 16), 1);
    cr_assert_eq(events[0].kind, PORT_ACCEPTED);
    plat_channel_close(channel);
    plat_port_free(port);
}
