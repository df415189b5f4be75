// The security of the pipes. Wine enforces none of it, so the arguments of the calls are asserted
// through pipe_ops, the security descriptor is read back, and AccessCheck judges it.
#include <criterion/criterion.h>
#include <stdio.h>

#include "platform/windows/endpoint.h"
#include "platform/windows/pipe_ops.h"
#include "platform/windows/token.h"
#include "util/mem.h"
// after windows.h
#include <sddl.h>

#include "../port_help.h"

#define S INT64_C(1000000000)

// ---- Recording and failing

static PipeOps real;
static struct {
    uint32_t n_create, n_open, n_impersonate, n_token, n_revert, n_fatal, n_information;
    DWORD open_mode[64], pipe_mode[64], max_instances[64];
    bool security[64];
    HANDLE pipes[64];
    uint32_t create_allowed; // calls from this one on fail with create_error
    DWORD create_error;
    DWORD access, share, disposition, flags;
    wchar_t redirect[64]; // opened instead
    bool fail_impersonate, fail_token, fail_revert, fail_membership, fail_owner;
    TOKEN_INFORMATION_CLASS fail_class; // 0: none
    const char *owner;                  // SDDL of the owner that the pipe is said to have
} rec;

static HANDLE WINAPI create_pipe(LPCWSTR name, DWORD open_mode, DWORD pipe_mode, DWORD max,
                                 DWORD out, DWORD in, DWORD timeout,
                                 LPSECURITY_ATTRIBUTES security) {
    uint32_t i = rec.n_create++;
    if (i >= rec.create_allowed) {
        SetLastError(rec.create_error);
        return INVALID_HANDLE_VALUE;
    }
    HANDLE pipe =
        real.create_named_pipe(name, open_mode, pipe_mode, max, out, in, timeout, security);
    if (i < 64) {
        rec.open_mode[i] = open_mode;
        rec.pipe_mode[i] = pipe_mode;
        rec.max_instances[i] = max;
        rec.security[i] =
            security != NULL && security->lpSecurityDescriptor != NULL && !security->bInheritHandle;
        rec.pipes[i] = pipe;
    }
    return pipe;
}

static HANDLE WINAPI open_file(LPCWSTR name, DWORD access, DWORD share,
                               LPSECURITY_ATTRIBUTES security, DWORD disposition, DWORD flags,
                               HANDLE template_file) {
    rec.n_open++;
    rec.access = access;
    rec.share = share;
    rec.disposition = disposition;
    rec.flags = flags;
    return real.create_file(rec.redirect[0] != 0 ? rec.redirect : name, access, share, security,
                            disposition, flags, template_file);
}

static BOOL WINAPI impersonate(HANDLE pipe) {
    rec.n_impersonate++;
    if (rec.fail_impersonate) {
        SetLastError(ERROR_CANNOT_IMPERSONATE);
        return FALSE;
    }
    return real.impersonate(pipe);
}

static BOOL WINAPI open_token(HANDLE thread, DWORD access, BOOL as_self, PHANDLE token) {
    rec.n_token++;
    cr_assert_eq(access, TOKEN_QUERY);
    cr_assert(as_self);
    if (rec.fail_token) {
        SetLastError(ERROR_NO_TOKEN);
        return FALSE;
    }
    return real.open_thread_token(thread, access, as_self, token);
}

static BOOL WINAPI revert(void) {
    rec.n_revert++;
    BOOL ok = real.revert();
    return rec.fail_revert ? FALSE : ok;
}

static BOOL WINAPI information(HANDLE token, TOKEN_INFORMATION_CLASS what, LPVOID data, DWORD bytes,
                               PDWORD needed) {
    rec.n_information++;
    if (rec.fail_class != 0 && what == rec.fail_class) {
        SetLastError(ERROR_ACCESS_DENIED);
        return FALSE;
    }
    return real.token_information(token, what, data, bytes, needed);
}

static BOOL WINAPI membership(HANDLE token, PSID sid, PBOOL member) {
    if (rec.fail_membership) {
        SetLastError(ERROR_ACCESS_DENIED);
        return FALSE;
    }
    return real.token_membership(token, sid, member);
}

static BOOL WINAPI object_security(HANDLE object, SECURITY_INFORMATION what,
                                   PSECURITY_DESCRIPTOR data, DWORD bytes, LPDWORD needed) {
    if (rec.fail_owner) {
        SetLastError(ERROR_ACCESS_DENIED);
        return FALSE;
    }
    if (rec.owner == NULL)
        return real.object_security(object, what, data, bytes, needed);
    cr_assert_eq(what, OWNER_SECURITY_INFORMATION);
    PSECURITY_DESCRIPTOR made;
    cr_assert_eq(endpoint_security(rec.owner, &made, NULL), 0);
    cr_assert_leq(GetSecurityDescriptorLength(made), bytes);
    memcpy(data, made, GetSecurityDescriptorLength(made));
    LocalFree(made);
    return TRUE;
}

static void fatal(const char *what) {
    cr_assert_not_null(what);
    rec.n_fatal++;
}

static void record(void) {
    real = pipe_ops;
    memset(&rec, 0, sizeof rec);
    rec.create_allowed = UINT32_MAX;
    pipe_ops = (PipeOps){create_pipe, open_file,  impersonate,     open_token, revert,
                         information, membership, object_security, fatal};
}

static void stop_recording(void) {
    pipe_ops = real;
}

typedef struct Server {
    PlatPort *port;
    PlatListener *listener;
    char endpoint[64];
} Server;

static void server_open(Server *server, const char *sddl) {
    Err err = ERR_INIT;
    cr_assert_eq(plat_port_new(&server->port, &err), 0, "%s", err.text);
    help_endpoint(server->endpoint);
    cr_assert_eq(
        plat_listen(server->port, server->endpoint, sddl, 0, server, &server->listener, &err), 0,
        "%s", err.text);
}

static void server_close(Server *server) {
    plat_listener_close(server->listener);
    plat_port_free(server->port);
}

static PlatStream *server_accept(Server *server) {
    PortEvent event;
    cr_assert_eq(plat_port_wait(server->port, 10 * S, &event, 1), 1);
    cr_assert_eq(event.kind, PORT_ACCEPTED);
    return event.stream;
}

// ---- Making pipes

Test(pipe, arguments_of_every_instance, .init = record, .fini = stop_recording, .timeout = 60) {
    Server server;
    server_open(&server, NULL);
    PlatChannel *channels[3];
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(plat_channel_open(server.endpoint, 10 * S, &channels[i], NULL), 0);
        server_accept(&server);
    }
    cr_assert_geq(rec.n_create, 4, "only %u instances were made", rec.n_create);
    for (uint32_t i = 0; i < rec.n_create; i++) {
        DWORD first = rec.open_mode[i] & FILE_FLAG_FIRST_PIPE_INSTANCE;
        cr_assert_eq(first != 0, i == 0, "instance %u has the mode %lx", i, rec.open_mode[i]);
        cr_assert_eq(rec.open_mode[i] & ~(DWORD)FILE_FLAG_FIRST_PIPE_INSTANCE,
                     (DWORD)(PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED));
        cr_assert(rec.pipe_mode[i] & PIPE_REJECT_REMOTE_CLIENTS, "instance %u takes remote clients",
                  i);
        cr_assert_eq(rec.pipe_mode[i] & (PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_NOWAIT),
                     0);
        cr_assert_eq(rec.max_instances[i], PIPE_UNLIMITED_INSTANCES);
        cr_assert(rec.security[i], "instance %u has no security of its own, or is inherited", i);
    }
    for (int i = 0; i < 3; i++)
        plat_channel_close(channels[i]);
    server_close(&server);
}

Test(pipe, a_taken_name_is_a_conflict, .init = record, .fini = stop_recording, .timeout = 60) {
    rec.create_allowed = 0;
    rec.create_error = ERROR_ACCESS_DENIED; // what FIRST_PIPE_INSTANCE gives
    PlatPort *port;
    PlatListener *listener;
    Err err = ERR_INIT;
    cr_assert_eq(plat_port_new(&port, NULL), 0);
    cr_assert_eq(plat_listen(port, "etwtest-taken", NULL, 0, NULL, &listener, &err),
                 -STATUS_CONFLICT);
    cr_assert(strstr(err.text, "etwtest-taken") != NULL, "%s", err.text);
    cr_assert_eq(rec.n_create, 1, "it tried again without FIRST_PIPE_INSTANCE");
    rec.create_error = ERROR_NOT_ENOUGH_MEMORY;
    cr_assert_eq(plat_listen(port, "etwtest-taken", NULL, 0, NULL, &listener, &err), -STATUS_IO);
    cr_assert_eq(plat_listen(port, "etwtest-taken", "D:(nonsense", 0, NULL, &listener, &err),
                 -STATUS_INVALID_ARGUMENT);
    plat_port_free(port);
    cr_assert_eq(mem_in_use(), 0, "%zu bytes are left", mem_in_use());
}

Test(pipe, without_a_replacement_the_client_is_turned_away, .init = record, .fini = stop_recording,
     .timeout = 60) {
    Server server;
    server_open(&server, NULL);
    rec.create_allowed = rec.n_create; // no more from here on
    rec.create_error = ERROR_NO_SYSTEM_RESOURCES;
    PlatChannel *channel;
    PortEvent event;
    for (int i = 0; i < 6; i++) { // more often than there are instances
        cr_assert_eq(plat_channel_open(server.endpoint, 10 * S, &channel, NULL), 0);
        cr_assert_eq(plat_port_wait(server.port, S / 20, &event, 1), 0);
        char byte;
        size_t n = 1;
        int result = plat_channel_read(channel, &byte, 1, 10 * S, &n);
        cr_assert(result == -STATUS_CLOSED || (result == 0 && n == 0), "%d", result);
        plat_channel_close(channel);
    }
    // The name was ours all the time, and serves again as soon as there is room.
    rec.create_allowed = UINT32_MAX;
    cr_assert_eq(plat_channel_open(server.endpoint, 10 * S, &channel, NULL), 0);
    server_accept(&server);
    plat_channel_close(channel);
    server_close(&server);
    cr_assert_eq(mem_in_use(), 0, "%zu bytes are left", mem_in_use());
}

static void read_back(HANDLE pipe, char *buf, size_t cap) {
    union {
        SECURITY_DESCRIPTOR descriptor;
        BYTE room[2048];
    } data;
    DWORD bytes;
    const SECURITY_INFORMATION what = DACL_SECURITY_INFORMATION | OWNER_SECURITY_INFORMATION;
    wchar_t *wide;
    cr_assert(real.object_security(pipe, what, &data, sizeof data, &bytes));
    cr_assert(ConvertSecurityDescriptorToStringSecurityDescriptorW(&data, SDDL_REVISION_1, what,
                                                                   &wide, NULL));
    snprintf(buf, cap, "%ls", wide);
    LocalFree(wide);
}

Test(pipe, the_security_reads_back, .init = record, .fini = stop_recording, .timeout = 60) {
    char got[1024], own[192], wanted[1024];
    Server server;
    server_open(&server, "O:SYG:SYD:P(A;;FA;;;SY)(A;;0x12019b;;;BA)(A;;0x12019b;;;S-1-5-32-559)");
    for (uint32_t i = 0; i < rec.n_create; i++) {
        read_back(rec.pipes[i], got, sizeof got);
        cr_assert_eq(strncmp(got, "O:SYD:P", 7), 0, "%s", got);
        cr_assert(strstr(got, "0x12019b;;;BA") != NULL, "%s", got);
    }
    server_close(&server);
    cr_assert(endpoint_own_sid(own, sizeof own));
    uint32_t from = rec.n_create;
    server_open(&server, NULL);
    read_back(rec.pipes[from], got, sizeof got);
    snprintf(wanted, sizeof wanted, "(A;;0x12019b;;;BA)");
    cr_assert(strstr(got, wanted) != NULL, "%s", got);
    cr_assert_eq(strncmp(got, "O:", 2), 0);
    cr_assert_eq(strncmp(got + 2, own, strlen(own)), 0, "%s", got);
    // Nobody else may make instances: FILE_CREATE_PIPE_INSTANCE is 0x4.
    cr_assert(strstr(got, "WD)") == NULL && strstr(got, "AU)") == NULL &&
                  strstr(got, "AN)") == NULL,
              "%s", got);
    server_close(&server);
}

// AccessCheck with a token that has Administrators as it is, or for denial only.
static bool granted(const char *sddl, bool deny_only_administrator, DWORD wanted) {
    HANDLE process, token, impersonation;
    BYTE sid[SECURITY_MAX_SID_SIZE];
    DWORD bytes = sizeof sid;
    cr_assert(OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &process));
    token = process;
    if (deny_only_administrator) {
        cr_assert(CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, sid, &bytes));
        SID_AND_ATTRIBUTES disabled = {sid, 0};
        cr_assert(CreateRestrictedToken(process, DISABLE_MAX_PRIVILEGE, 1, &disabled, 0, NULL, 0,
                                        NULL, &token));
    }
    cr_assert(DuplicateTokenEx(token, TOKEN_ALL_ACCESS, NULL, SecurityImpersonation,
                               TokenImpersonation, &impersonation));
    PSECURITY_DESCRIPTOR descriptor;
    Err err = ERR_INIT;
    cr_assert_eq(endpoint_security(sddl, &descriptor, &err), 0, "%s", err.text);
    GENERIC_MAPPING mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE,
                               FILE_ALL_ACCESS};
    MapGenericMask(&wanted, &mapping);
    PRIVILEGE_SET privileges;
    DWORD privilege_bytes = sizeof privileges, access = 0;
    BOOL ok = FALSE;
    cr_assert(AccessCheck(descriptor, impersonation, wanted, &mapping, &privileges,
                          &privilege_bytes, &access, &ok));
    LocalFree(descriptor);
    CloseHandle(impersonation);
    if (token != process)
        CloseHandle(token);
    CloseHandle(process);
    return ok;
}

Test(pipe, access_checks, .timeout = 60) {
    const char *users = "O:SYG:SYD:P(A;;FA;;;SY)(A;;0x12019b;;;BA)(A;;0x12019b;;;WD)";
    // What our clients ask for is granted to users; what GENERIC_WRITE holds (0x4: another instance of
    // the pipe) is not, to nobody but the owner.
    cr_assert(granted(users, false, PIPE_CLIENT_ACCESS));
    cr_assert(granted(users, true, PIPE_CLIENT_ACCESS));
    cr_assert(!granted(users, false, GENERIC_READ | GENERIC_WRITE));
    cr_assert(!granted(users, true, GENERIC_READ | GENERIC_WRITE));
    cr_assert(!granted(users, true, 0x4));
    const char *administrators = "O:SYG:SYD:P(A;;FA;;;SY)(A;;0x12019b;;;BA)";
    cr_assert(granted(administrators, false, PIPE_CLIENT_ACCESS));
    cr_assert(!granted(administrators, true, PIPE_CLIENT_ACCESS), "deny-only was not respected");
    cr_assert(!granted("O:SYG:SYD:P", false, PIPE_CLIENT_ACCESS));
}

// ---- Opening them

Test(pipe, the_client_asks_for_exactly_this, .init = record, .fini = stop_recording,
     .timeout = 60) {
    Server server;
    server_open(&server, NULL);
    PlatChannel *channel;
    cr_assert_eq(plat_channel_open(server.endpoint, 10 * S, &channel, NULL), 0);
    cr_assert_eq(rec.n_open, 1);
    cr_assert_eq(rec.access, 0x12019Bu);
    cr_assert_eq(rec.access & 0x4u, 0); // FILE_CREATE_PIPE_INSTANCE
    cr_assert_eq(rec.share, 0);
    cr_assert_eq(rec.disposition, OPEN_EXISTING);
    cr_assert_eq(rec.flags,
                 (DWORD)(FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION));
    plat_channel_close(channel);
    server_close(&server);
}

static int open_with_owner(Server *server, const char *owner, bool named) {
    PlatChannel *channel = NULL;
    Err err = ERR_INIT;
    rec.owner = owner;
    swprintf(rec.redirect, 64, L"\\\\.\\pipe\\%hs", server->endpoint);
    int result = plat_channel_open(named ? server->endpoint : NULL, 10 * S, &channel, &err);
    if (result == 0) {
        plat_channel_close(channel);
        server_accept(server);
    } else {
        cr_assert(channel == NULL);
        cr_assert_neq(err.text[0], '\0');
        server_accept(server); // it had connected, and left without a byte
    }
    return result;
}

Test(pipe, only_the_right_owner_is_believed, .init = record, .fini = stop_recording,
     .timeout = 60) {
    char own[192], own_sddl[256];
    cr_assert(endpoint_own_sid(own, sizeof own));
    snprintf(own_sddl, sizeof own_sddl, "O:%s", own);
    Server server;
    server_open(&server, NULL);
    cr_assert_eq(open_with_owner(&server, "O:SY", false), 0);
    cr_assert_eq(open_with_owner(&server, "O:SY", true), 0);
    cr_assert_eq(open_with_owner(&server, "O:BA", false), -STATUS_DENIED);
    cr_assert_eq(open_with_owner(&server, "O:BA", true), 0);
    cr_assert_eq(open_with_owner(&server, own_sddl, false), -STATUS_DENIED);
    cr_assert_eq(open_with_owner(&server, own_sddl, true), 0);
    cr_assert_eq(open_with_owner(&server, "O:S-1-5-21-1-2-3-1001", false), -STATUS_DENIED);
    cr_assert_eq(open_with_owner(&server, "O:S-1-5-21-1-2-3-1001", true), -STATUS_DENIED);
    cr_assert_eq(open_with_owner(&server, "O:BU", true), -STATUS_DENIED);
    cr_assert_eq(open_with_owner(&server, "G:BU", true), -STATUS_DENIED); // none at all
    rec.fail_owner = true;
    cr_assert_eq(open_with_owner(&server, NULL, true), -STATUS_DENIED);
    server_close(&server);
    cr_assert_eq(mem_in_use(), 0, "%zu bytes are left", mem_in_use());
}

Test(pipe, no_remote_endpoints, .init = record, .fini = stop_recording, .timeout = 60) {
    static const char *const remote[] = {"\\\\server\\pipe\\etwbroker",
                                         "//server/pipe/etwbroker",
                                         "\\\\?\\pipe\\x",
                                         "\\\\.\\C:",
                                         "\\\\.\\pipe\\a\\b",
                                         "C:\\x"};
    for (size_t i = 0; i < ARRAY_COUNT(remote); i++) {
        PlatChannel *channel = NULL;
        cr_assert_eq(plat_channel_open(remote[i], S, &channel, NULL), -STATUS_INVALID_ARGUMENT,
                     "%s", remote[i]);
    }
    cr_assert_eq(rec.n_open, 0, "something was opened");
}

// ---- Identity

static void connected(Server *server, PlatChannel **channel, PlatStream **stream) {
    static uint8_t in[8];
    cr_assert_eq(plat_channel_open(server->endpoint, 10 * S, channel, NULL), 0);
    *stream = server_accept(server);
    cr_assert_eq(plat_channel_write(*channel, "x", 1, S), 0);
    cr_assert_eq(plat_stream_read(*stream, in, sizeof in), 0);
    PortEvent event;
    cr_assert_eq(plat_port_wait(server->port, 10 * S, &event, 1), 1);
    cr_assert_eq(event.kind, PORT_READ);
}

Test(pipe, each_call_for_the_identity_fails_in_turn, .init = record, .fini = stop_recording,
     .timeout = 60) {
    Server server;
    server_open(&server, NULL);
    PlatChannel *channel;
    PlatStream *stream;
    connected(&server, &channel, &stream);
    const size_t before = mem_in_use();
    PlatPeer peer;
    Err err = ERR_INIT;
    rec.fail_impersonate = true;
    cr_assert_eq(plat_stream_peer(stream, &peer, &err), -STATUS_DENIED);
    cr_assert_eq(rec.n_token, 0, "a token was opened without impersonation: whose was it?");
    cr_assert_eq(rec.n_revert, 0);
    rec.fail_impersonate = false;
    rec.fail_token = true;
    cr_assert_eq(plat_stream_peer(stream, &peer, &err), -STATUS_DENIED);
    cr_assert_eq(rec.n_revert, 1, "the impersonation was not ended");
    rec.fail_token = false;
    rec.fail_revert = true;
    uint32_t asked = rec.n_information;
    cr_assert_eq(plat_stream_peer(stream, &peer, &err), -STATUS_DENIED);
    cr_assert_eq(rec.n_fatal, 1, "the process went on with a client's rights");
    cr_assert_eq(rec.n_information, asked);
    rec.fail_revert = false;
    static const TOKEN_INFORMATION_CLASS classes[] = {TokenUser, TokenGroups, TokenRestrictedSids,
                                                      TokenIntegrityLevel};
    for (size_t i = 0; i < ARRAY_COUNT(classes); i++) {
        rec.fail_class = classes[i];
        cr_assert_eq(plat_stream_peer(stream, &peer, &err), -STATUS_DENIED, "class %d",
                     (int)classes[i]);
    }
    rec.fail_class = 0;
    rec.fail_membership = true;
    cr_assert_eq(plat_stream_peer(stream, &peer, &err), -STATUS_DENIED);
    rec.fail_membership = false;
    cr_assert_eq(mem_in_use(), before, "something leaked");
    cr_assert_eq(plat_stream_peer(stream, &peer, &err), 0, "%s", err.text);
    plat_peer_deinit(&peer);
    cr_assert_eq(rec.n_impersonate, rec.n_revert + 1); // all but the first, which failed
    cr_assert_eq(rec.n_fatal, 1);
    plat_channel_close(channel);
    server_close(&server);
}

// A token made of a table.
typedef struct FakeGroup {
    const char *sid;
    DWORD attributes;
} FakeGroup;

typedef struct FakeToken {
    const char *user;
    DWORD user_attributes;
    FakeGroup groups[8];
    uint32_t n_groups; // 0: those with a SID
    uint32_t n_restricting;
    DWORD integrity;
    bool administrators; // what CheckTokenMembership says
} FakeToken;

static const FakeToken *fake;

static PSID make_sid(const char *text) {
    wchar_t wide[192];
    PSID sid;
    swprintf(wide, 192, L"%hs", text);
    cr_assert(ConvertStringSidToSidW(wide, &sid), "%s", text);
    return sid; // a leak of the test
}

static BOOL WINAPI fake_information(HANDLE token, TOKEN_INFORMATION_CLASS what, LPVOID data,
                                    DWORD bytes, PDWORD needed) {
    if (token != (HANDLE)1)
        return real.token_information(token, what, data, bytes, needed);
    union {
        TOKEN_USER user;
        TOKEN_MANDATORY_LABEL label;
        TOKEN_GROUPS groups;
        BYTE room[sizeof(TOKEN_GROUPS) + (PLAT_GROUPS_MAX + 2) * sizeof(SID_AND_ATTRIBUTES)];
    } made;
    memset(&made, 0, sizeof made);
    char text[32];
    uint32_t n = 0;
    DWORD size = sizeof made.user;
    switch (what) {
    case TokenUser:
        made.user.User = (SID_AND_ATTRIBUTES){make_sid(fake->user), fake->user_attributes};
        break;
    case TokenGroups:
        while (n < 8 && fake->groups[n].sid != NULL)
            n++;
        for (uint32_t i = 0; i < MAX_OF(n, fake->n_groups); i++)
            made.groups.Groups[i] =
                i < n ? (SID_AND_ATTRIBUTES){make_sid(fake->groups[i].sid),
                                             fake->groups[i].attributes}
                      : (SID_AND_ATTRIBUTES){make_sid("S-1-1-0"), SE_GROUP_ENABLED};
        made.groups.GroupCount = MAX_OF(n, fake->n_groups);
        size = sizeof made;
        break;
    case TokenRestrictedSids:
        made.groups.GroupCount = fake->n_restricting;
        for (uint32_t i = 0; i < fake->n_restricting; i++)
            made.groups.Groups[i] = (SID_AND_ATTRIBUTES){make_sid("S-1-5-12"), SE_GROUP_ENABLED};
        size = sizeof made;
        break;
    case TokenIntegrityLevel:
        snprintf(text, sizeof text, "S-1-16-%lu", fake->integrity);
        made.label.Label = (SID_AND_ATTRIBUTES){make_sid(text), SE_GROUP_INTEGRITY};
        break;
    default:
        SetLastError(ERROR_INVALID_PARAMETER);
        return FALSE;
    }
    *needed = size;
    if (bytes < size) {
        SetLastError(ERROR_INSUFFICIENT_BUFFER);
        return FALSE;
    }
    memcpy(data, &made, size);
    return TRUE;
}

static BOOL WINAPI fake_membership(HANDLE token, PSID sid, PBOOL member) {
    cr_assert(token == (HANDLE)1);
    cr_assert(IsWellKnownSid(sid, WinBuiltinAdministratorsSid));
    *member = fake->administrators;
    return TRUE;
}

#define ON   (SE_GROUP_ENABLED | SE_GROUP_MANDATORY)
#define DENY SE_GROUP_USE_FOR_DENY_ONLY
#define USER "S-1-5-21-4294967295-4294967295-4294967295-4294967295"

typedef struct TokenCase {
    FakeToken token;
    const char *groups; // the enabled ones, then "|" and those for denial
    bool administrator, restricted;
} TokenCase;

static const TokenCase token_cases[] = {
    {{.user = USER, .groups = {{"S-1-1-0", ON}, {"S-1-5-32-545", ON}}, .integrity = 0x2000},
     "S-1-1-0 S-1-5-32-545 |",
     false,
     false},
    {{.user = USER, .groups = {{"S-1-5-32-544", ON}}, .integrity = 0x3000, .administrators = true},
     "S-1-5-32-544 |",
     true,
     false},
    // An administrator without elevation: the group denies only.
    {{.user = USER, .groups = {{"S-1-5-32-544", DENY}, {"S-1-1-0", ON}}, .integrity = 0x2000},
     "S-1-1-0 | S-1-5-32-544",
     false,
     false},
    // A disabled group counts for nothing; an integrity label is no group.
    {{.user = USER,
      .groups = {{"S-1-5-32-544", 0}, {"S-1-16-8192", ON | SE_GROUP_INTEGRITY}},
      .integrity = 0x2000},
     "|",
     false,
     false},
    {{.user = "S-1-5-18", .groups = {{"S-1-1-0", ON}}, .integrity = 0x4000},
     "S-1-1-0 |",
     true,
     false},
    // Sandboxes: restricting SIDs, low integrity, a user for denial only.
    {{.user = USER,
      .groups = {{"S-1-5-32-544", ON}},
      .integrity = 0x3000,
      .n_restricting = 1,
      .administrators = true},
     "S-1-5-32-544 |",
     false,
     true},
    {{.user = USER, .groups = {{"S-1-5-32-544", ON}}, .integrity = 0x1000, .administrators = true},
     "S-1-5-32-544 |",
     false,
     true},
    {{.user = USER, .user_attributes = DENY, .groups = {{"S-1-1-0", ON}}, .integrity = 0x2000},
     "S-1-1-0 |",
     false,
     true},
    {{.user = "S-1-5-18", .groups = {{"S-1-1-0", ON}}, .integrity = 0}, "S-1-1-0 |", false, true},
};

static void describe(const PlatPeer *peer, char *buf, size_t cap) {
    const char *sid = NULL;
    size_t at = 0;
    for (uint32_t i = 0; plat_peer_group(peer, &i, &sid);) {
        if (i == peer->n_groups + 1)
            at += (size_t)snprintf(buf + at, cap - at, "| ");
        at += (size_t)snprintf(buf + at, cap - at, "%s ", sid);
    }
    if (peer->n_deny_groups == 0)
        at += (size_t)snprintf(buf + at, cap - at, "|");
    while (at > 0 && buf[at - 1] == ' ')
        at--;
    buf[at] = '\0';
}

Test(pipe, a_table_of_tokens, .init = record, .fini = stop_recording, .timeout = 60) {
    pipe_ops.token_information = fake_information;
    pipe_ops.token_membership = fake_membership;
    for (size_t i = 0; i < ARRAY_COUNT(token_cases); i++) {
        const TokenCase *c = &token_cases[i];
        PlatPeer peer;
        Err err = ERR_INIT;
        char groups[1024];
        fake = &c->token;
        cr_assert_eq(token_peer((HANDLE)1, &peer, &err), 0, "case %zu: %s", i, err.text);
        describe(&peer, groups, sizeof groups);
        cr_assert_str_eq(peer.sid, c->token.user);
        cr_assert_str_eq(groups, c->groups, "case %zu", i);
        cr_assert_eq(peer.administrator, c->administrator, "case %zu", i);
        cr_assert_eq(peer.restricted, c->restricted, "case %zu", i);
        cr_assert(!peer.own_user);
        plat_peer_deinit(&peer);
    }
    cr_assert_eq(mem_in_use(), 0, "%zu bytes are left", mem_in_use());
}

Test(pipe, the_brokers_own_user, .init = record, .fini = stop_recording, .timeout = 60) {
    pipe_ops.token_information = fake_information;
    pipe_ops.token_membership = fake_membership;
    char own[192];
    cr_assert(endpoint_own_sid(own, sizeof own));
    FakeToken token = {.user = own, .groups = {{"S-1-1-0", ON}}, .integrity = 0x2000};
    PlatPeer peer;
    fake = &token;
    cr_assert_eq(token_peer((HANDLE)1, &peer, NULL), 0);
    cr_assert(peer.administrator && peer.own_user);
    plat_peer_deinit(&peer);
    token.integrity = 0x1000;
    cr_assert_eq(token_peer((HANDLE)1, &peer, NULL), 0);
    cr_assert(!peer.administrator && !peer.own_user);
    plat_peer_deinit(&peer);
}

Test(pipe, as_many_groups_as_there_may_be, .init = record, .fini = stop_recording, .timeout = 60) {
    pipe_ops.token_information = fake_information;
    pipe_ops.token_membership = fake_membership;
    for (uint32_t n = PLAT_GROUPS_MAX - 1; n <= PLAT_GROUPS_MAX + 1; n++) {
        FakeToken token = {.user = USER, .n_groups = n, .integrity = 0x2000};
        PlatPeer peer;
        fake = &token;
        int result = token_peer((HANDLE)1, &peer, NULL);
        cr_assert_eq(result, n <= PLAT_GROUPS_MAX ? 0 : -STATUS_DENIED, "%u groups: %d", n, result);
        if (result == 0) {
            cr_assert_eq(peer.n_groups, n);
            plat_peer_deinit(&peer);
        }
    }
    cr_assert_eq(mem_in_use(), 0, "%zu bytes are left", mem_in_use());
}
