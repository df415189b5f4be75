// Access tokens. Nothing here looks names up: that may ask a domain controller and wait for it.
#include "platform/windows/token.h"

#include <sddl.h>
#include <stdio.h>

#include "platform/windows/endpoint.h"
#include "platform/windows/pipe_ops.h"
#include "platform/windows/text.h"
#include "util/buf.h"
#include "util/mem.h"

#define SYSTEM_SID "S-1-5-18"

static bool sid_text(PSID sid, char *buf, size_t cap) {
    wchar_t *wide;
    if (!ConvertSidToStringSidW(sid, &wide))
        return false;
    // Only letters, digits and dashes.
    int n = snprintf(buf, cap, "%ls", wide);
    LocalFree(wide);
    return n > 0 && (size_t)n < cap;
}

// One class of information as a heap block; NULL when it cannot be read.
static void *read_information(HANDLE token, TOKEN_INFORMATION_CLASS what) {
    DWORD bytes = 0;
    pipe_ops.token_information(token, what, NULL, 0, &bytes);
    if (bytes == 0)
        return NULL;
    void *data = mem_zalloc(bytes);
    if (data == NULL) {
        SetLastError(ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    if (!pipe_ops.token_information(token, what, data, bytes, &bytes)) {
        mem_free(data);
        return NULL;
    }
    return data;
}

bool token_user(HANDLE token, char *sid, size_t cap, bool *ret_deny_only) {
    TOKEN_USER *user = read_information(token, TokenUser);
    bool ok = user != NULL && sid_text(user->User.Sid, sid, cap);
    if (ok && ret_deny_only != NULL)
        *ret_deny_only = (user->User.Attributes & SE_GROUP_USE_FOR_DENY_ONLY) != 0;
    mem_free(user);
    return ok;
}

static int unreadable(const char *what, Err *err) {
    char text[300];
    return err_set(err, STATUS_DENIED, "cannot read %s of a client: %s", what,
                   text_error(GetLastError(), text, sizeof text));
}

static bool put_groups(const TOKEN_GROUPS *groups, bool deny_only, Buf *out, uint32_t *n) {
    for (DWORD i = 0; i < groups->GroupCount; i++) {
        DWORD attributes = groups->Groups[i].Attributes;
        bool denies = (attributes & SE_GROUP_USE_FOR_DENY_ONLY) != 0;
        bool counts = denies || (attributes & SE_GROUP_ENABLED) != 0;
        if (!counts || denies != deny_only || (attributes & SE_GROUP_INTEGRITY) != 0)
            continue;
        char sid[192];
        if (!sid_text(groups->Groups[i].Sid, sid, sizeof sid))
            return false;
        buf_append(out, sid, strlen(sid) + 1);
        ++*n;
    }
    return !out->failed;
}

static int read_groups(HANDLE token, PlatPeer *peer, Err *err) {
    TOKEN_GROUPS *groups = read_information(token, TokenGroups);
    if (groups == NULL)
        return unreadable("the groups", err);
    int result = 0;
    Buf text = BUF_INIT;
    if (groups->GroupCount > PLAT_GROUPS_MAX) // none may be left out: one of them may be denied
        result = err_set(err, STATUS_DENIED, "the client has more than %d groups", PLAT_GROUPS_MAX);
    else if (!put_groups(groups, false, &text, &peer->n_groups) ||
             !put_groups(groups, true, &text, &peer->n_deny_groups))
        result = err_set(err, STATUS_NO_MEMORY, "no memory for the groups of a client");
    mem_free(groups);
    if (result == 0) {
        peer->groups = mem_dup(text.data, text.bytes);
        if (peer->groups == NULL)
            result = err_set(err, STATUS_NO_MEMORY, "no memory for the groups of a client");
    }
    buf_deinit(&text);
    return result;
}

// Restricting SIDs, or an integrity level below medium (an AppContainer has low).
static int read_restricted(HANDLE token, bool *ret, Err *err) {
    TOKEN_GROUPS *restricting = read_information(token, TokenRestrictedSids);
    // Wine has no restricting SIDs and says so with this code; Windows never does.
    if (restricting == NULL && GetLastError() != ERROR_INVALID_FUNCTION)
        return unreadable("the restrictions", err);
    bool restricted = restricting != NULL && restricting->GroupCount != 0;
    mem_free(restricting);
    TOKEN_MANDATORY_LABEL *label = read_information(token, TokenIntegrityLevel);
    if (label == NULL)
        return unreadable("the integrity level", err);
    UCHAR n = *GetSidSubAuthorityCount(label->Label.Sid);
    DWORD level = n != 0 ? *GetSidSubAuthority(label->Label.Sid, n - 1u) : 0;
    mem_free(label);
    *ret = restricted || level < SECURITY_MANDATORY_MEDIUM_RID;
    return 0;
}

// CheckTokenMembership respects deny-only and disabled groups and restricting SIDs.
static int read_membership(HANDLE token, bool *ret, Err *err) {
    BYTE sid[SECURITY_MAX_SID_SIZE];
    DWORD bytes = sizeof sid;
    BOOL member = FALSE;
    if (!CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, sid, &bytes) ||
        !pipe_ops.token_membership(token, sid, &member))
        return unreadable("the membership in Administrators", err);
    *ret = member != FALSE;
    return 0;
}

int token_peer(HANDLE token, PlatPeer *ret, Err *err) {
    PlatPeer peer;
    memset(&peer, 0, sizeof peer);
    bool deny_only = false, member = false;
    if (!token_user(token, peer.sid, sizeof peer.sid, &deny_only))
        return unreadable("the user", err);
    int result = read_restricted(token, &peer.restricted, err);
    if (result == 0)
        result = read_membership(token, &member, err);
    if (result == 0)
        result = read_groups(token, &peer, err);
    if (result < 0) {
        plat_peer_deinit(&peer);
        return result;
    }
    peer.restricted = peer.restricted || deny_only;
    char own[192];
    bool is_own = endpoint_own_sid(own, sizeof own) && strcmp(own, peer.sid) == 0;
    // A sandboxed process of an administrator is none.
    bool full = !peer.restricted && (member || strcmp(peer.sid, SYSTEM_SID) == 0);
    peer.own_user = !full && !peer.restricted && is_own;
    peer.administrator = full || peer.own_user;
    *ret = peer;
    return 0;
}
