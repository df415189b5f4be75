// Accounts through LookupAccountSid.
#include "platform/account.h"

#include "platform/windows/win.h"

#include "util/err.h"
#include "util/utf.h"

#define NAME_UNITS 257u // UNLEN, and a domain's longest name is shorter

int plat_account_name(const uint8_t *sid, size_t sid_bytes, char *ret_name, size_t cap) {
    // A copy, aligned as the system wants it.
    union {
        SID sid;
        uint32_t words[SECURITY_MAX_SID_SIZE / 4];
        uint8_t bytes[SECURITY_MAX_SID_SIZE];
    } copy;
    if (sid_bytes < 8 || sid_bytes > sizeof copy.bytes || sid_bytes != 8 + 4u * sid[1])
        return -STATUS_NOT_FOUND;
    memset(&copy, 0, sizeof copy);
    memcpy(copy.bytes, sid, sid_bytes);
    if (!IsValidSid(&copy.sid))
        return -STATUS_NOT_FOUND;
    wchar_t name[NAME_UNITS], domain[NAME_UNITS], whole[2 * NAME_UNITS];
    DWORD n_name = NAME_UNITS, n_domain = NAME_UNITS;
    SID_NAME_USE use;
    if (!LookupAccountSidW(NULL, &copy.sid, name, &n_name, domain, &n_domain, &use)) {
        DWORD code = GetLastError();
        return code == ERROR_NONE_MAPPED || code == ERROR_INSUFFICIENT_BUFFER ? -STATUS_NOT_FOUND
                                                                              : -STATUS_IO;
    }
    size_t n = 0;
    if (n_domain > 0 && n_name > 0) {
        memcpy(whole, domain, n_domain * sizeof *whole);
        n = n_domain;
        whole[n++] = L'\\';
    }
    // A domain's own SID has only a domain.
    const wchar_t *last = n_name > 0 ? name : domain;
    size_t n_last = n_name > 0 ? n_name : n_domain;
    memcpy(whole + n, last, n_last * sizeof *whole);
    n += n_last;
    if (n == 0 || utf16_to_utf8_fixed(ret_name, cap, whole, n) >= cap)
        return -STATUS_NOT_FOUND;
    return 0;
}
