// Identity on Linux: SO_PEERCRED and SO_PEERGROUPS, which the kernel took when the peer connected.
//
// Nothing here asks the name service: it may wait for a directory server, and the loop would wait
// with it. The account name comes from /etc/passwd or stays empty.
#include "platform/posix/peer.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/mem.h"

// "S-1-22-1-uid" and "S-1-22-2-gid" are the SIDs that Samba gives to Unix users and groups.
static void local_name(uid_t uid, char *name, size_t cap) {
    FILE *file = fopen("/etc/passwd", "re");
    if (file == NULL)
        return;
    struct passwd entry = {0}, *found = NULL;
    char text[1024];
    while (fgetpwent_r(file, &entry, text, sizeof text, &found) == 0 && found != NULL) {
        if (entry.pw_uid == uid) {
            snprintf(name, cap, "%s", entry.pw_name);
            break;
        }
    }
    fclose(file);
}

static int read_groups(int fd, const struct ucred *peer, gid_t **ret, size_t *ret_n, Err *err) {
    // One more than the supplementary groups: the primary one.
    gid_t *groups = mem_array(PLAT_GROUPS_MAX + 1, sizeof *groups);
    if (groups == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory for the groups of a client");
    groups[0] = peer->gid;
    socklen_t bytes = PLAT_GROUPS_MAX * sizeof *groups;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups + 1, &bytes) != 0) {
        int error = errno;
        mem_free(groups);
        if (error == ERANGE) // none may be left out: one of them may be denied
            return err_set(err, STATUS_DENIED, "the client has more than %d groups",
                           PLAT_GROUPS_MAX);
        return err_set(err, STATUS_IO, "cannot read the groups of a client: %s", strerror(error));
    }
    *ret = groups;
    *ret_n = 1 + bytes / sizeof *groups;
    return 0;
}

int peer_of_socket(int fd, PlatPeer *ret, Err *err) {
    struct ucred peer;
    socklen_t bytes = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0)
        return err_set(err, STATUS_IO, "cannot read the identity of a client: %s", strerror(errno));
    gid_t *groups = NULL;
    size_t n_groups = 0;
    int result = read_groups(fd, &peer, &groups, &n_groups, err);
    if (result < 0)
        return result;
    Buf text = BUF_INIT;
    uint32_t n_kept = 0;
    for (size_t i = 0; i < n_groups; i++) {
        if (i != 0 && groups[i] == groups[0])
            continue;
        buf_printf(&text, "S-1-22-2-%lu", (unsigned long)groups[i]);
        buf_char(&text, '\0');
        n_kept++;
    }
    mem_free(groups);
    PlatPeer got;
    memset(&got, 0, sizeof got);
    got.groups = text.failed ? NULL : mem_dup(text.data, text.bytes);
    buf_deinit(&text);
    if (got.groups == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory for the groups of a client");
    got.n_groups = n_kept;
    snprintf(got.sid, sizeof got.sid, "S-1-22-1-%lu", (unsigned long)peer.uid);
    local_name(peer.uid, got.name, sizeof got.name);
    got.pid = (uint32_t)peer.pid;
    got.own_user = peer.uid != 0 && peer.uid == geteuid();
    got.administrator = peer.uid == 0 || got.own_user;
    *ret = got;
    return 0;
}

int64_t peer_uid(int fd) {
    struct ucred peer;
    socklen_t bytes = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0)
        return -1;
    return peer.uid;
}
