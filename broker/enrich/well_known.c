#include "enrich/well_known.h"

#include <stdio.h>

#include "util/sha1.h"
#include "util/utf.h"

#define NT      "NT AUTHORITY\\"
#define BUILTIN "BUILTIN\\"
#define LABEL   "Mandatory Label\\"
#define PACKAGE "APPLICATION PACKAGE AUTHORITY\\"
#define MANY    0xffu // n_subs: one sub-authority more, which is in the name

typedef struct WellKnown {
    uint8_t authority;
    uint8_t n_subs;
    uint32_t subs[2];
    const char *name;
} WellKnown;

static const WellKnown table[] = {
    {0, 1, {0}, "NULL SID"},
    {1, 1, {0}, "Everyone"},
    {2, 1, {0}, "LOCAL"},
    {2, 1, {1}, "CONSOLE LOGON"},
    {3, 1, {0}, "CREATOR OWNER"},
    {3, 1, {1}, "CREATOR GROUP"},
    {3, 1, {4}, "OWNER RIGHTS"},
    {5, 1, {1}, NT "DIALUP"},
    {5, 1, {2}, NT "NETWORK"},
    {5, 1, {3}, NT "BATCH"},
    {5, 1, {4}, NT "INTERACTIVE"},
    {5, 1, {6}, NT "SERVICE"},
    {5, 1, {7}, NT "ANONYMOUS LOGON"},
    {5, 1, {8}, NT "PROXY"},
    {5, 1, {9}, NT "ENTERPRISE DOMAIN CONTROLLERS"},
    {5, 1, {10}, NT "SELF"},
    {5, 1, {11}, NT "Authenticated Users"},
    {5, 1, {12}, NT "RESTRICTED"},
    {5, 1, {13}, NT "TERMINAL SERVER USER"},
    {5, 1, {14}, NT "REMOTE INTERACTIVE LOGON"},
    {5, 1, {15}, NT "This Organization"},
    {5, 1, {17}, NT "IUSR"},
    {5, 1, {18}, NT "SYSTEM"},
    {5, 1, {19}, NT "LOCAL SERVICE"},
    {5, 1, {20}, NT "NETWORK SERVICE"},
    {5, 1, {33}, NT "WRITE RESTRICTED"},
    {5, 1, {113}, NT "Local account"},
    {5, 1, {114}, NT "Local account and member of Administrators group"},
    {5, 2, {32, 544}, BUILTIN "Administrators"},
    {5, 2, {32, 545}, BUILTIN "Users"},
    {5, 2, {32, 546}, BUILTIN "Guests"},
    {5, 2, {32, 547}, BUILTIN "Power Users"},
    {5, 2, {32, 548}, BUILTIN "Account Operators"},
    {5, 2, {32, 549}, BUILTIN "Server Operators"},
    {5, 2, {32, 550}, BUILTIN "Print Operators"},
    {5, 2, {32, 551}, BUILTIN "Backup Operators"},
    {5, 2, {32, 552}, BUILTIN "Replicator"},
    {5, 2, {32, 554}, BUILTIN "Pre-Windows 2000 Compatible Access"},
    {5, 2, {32, 555}, BUILTIN "Remote Desktop Users"},
    {5, 2, {32, 556}, BUILTIN "Network Configuration Operators"},
    {5, 2, {32, 557}, BUILTIN "Incoming Forest Trust Builders"},
    {5, 2, {32, 558}, BUILTIN "Performance Monitor Users"},
    {5, 2, {32, 559}, BUILTIN "Performance Log Users"},
    {5, 2, {32, 560}, BUILTIN "Windows Authorization Access Group"},
    {5, 2, {32, 561}, BUILTIN "Terminal Server License Servers"},
    {5, 2, {32, 562}, BUILTIN "Distributed COM Users"},
    {5, 2, {32, 568}, BUILTIN "IIS_IUSRS"},
    {5, 2, {32, 569}, BUILTIN "Cryptographic Operators"},
    {5, 2, {32, 573}, BUILTIN "Event Log Readers"},
    {5, 2, {32, 574}, BUILTIN "Certificate Service DCOM Access"},
    {5, 2, {32, 575}, BUILTIN "RDS Remote Access Servers"},
    {5, 2, {32, 576}, BUILTIN "RDS Endpoint Servers"},
    {5, 2, {32, 577}, BUILTIN "RDS Management Servers"},
    {5, 2, {32, 578}, BUILTIN "Hyper-V Administrators"},
    {5, 2, {32, 579}, BUILTIN "Access Control Assistance Operators"},
    {5, 2, {32, 580}, BUILTIN "Remote Management Users"},
    {5, 2, {32, 581}, BUILTIN "System Managed Accounts Group"},
    {5, 2, {32, 582}, BUILTIN "Storage Replica Administrators"},
    {5, 2, {32, 583}, BUILTIN "Device Owners"},
    {5, 2, {64, 10}, NT "NTLM Authentication"},
    {5, 2, {64, 14}, NT "SChannel Authentication"},
    {5, 2, {64, 21}, NT "Digest Authentication"},
    {5, 2, {65, 1}, NT "This Organization Certificate"},
    {5, 2, {80, 0}, "NT SERVICE\\ALL SERVICES"},
    {5, 2, {83, 0}, "NT VIRTUAL MACHINE\\Virtual Machines"},
    {5, 2, {90, 0}, "Window Manager\\Window Manager Group"},
    {5, MANY, {90, 0}, "Window Manager\\DWM-%u"},
    {5, MANY, {96, 0}, "Font Driver Host\\UMFD-%u"},
    {15, 2, {2, 1}, PACKAGE "ALL APPLICATION PACKAGES"},
    {15, 2, {2, 2}, PACKAGE "ALL RESTRICTED APPLICATION PACKAGES"},
    {15, 2, {3, 1}, PACKAGE "Your Internet connection"},
    {15,
     2,
     {3, 2},
     PACKAGE "Your Internet connection, including incoming connections from the Internet"},
    {15, 2, {3, 3}, PACKAGE "Your home or work networks"},
    {15, 2, {3, 4}, PACKAGE "Your pictures library"},
    {15, 2, {3, 5}, PACKAGE "Your videos library"},
    {15, 2, {3, 6}, PACKAGE "Your music library"},
    {15, 2, {3, 7}, PACKAGE "Your documents library"},
    {15, 2, {3, 8}, PACKAGE "Your Windows credentials"},
    {15, 2, {3, 9}, PACKAGE "Software and hardware certificates or a smart card"},
    {15, 2, {3, 10}, PACKAGE "Removable storage"},
    {15, 2, {3, 11}, PACKAGE "Your Appointments"},
    {15, 2, {3, 12}, PACKAGE "Your Contacts"},
    {16, 1, {0}, LABEL "Untrusted Mandatory Level"},
    {16, 1, {4096}, LABEL "Low Mandatory Level"},
    {16, 1, {8192}, LABEL "Medium Mandatory Level"},
    {16, 1, {8448}, LABEL "Medium Plus Mandatory Level"},
    {16, 1, {12288}, LABEL "High Mandatory Level"},
    {16, 1, {16384}, LABEL "System Mandatory Level"},
    {16, 1, {20480}, LABEL "Protected Process Mandatory Level"},
    {16, 1, {28672}, LABEL "Secure Process Mandatory Level"},
    {18, 1, {1}, "Authentication authority asserted identity"},
    {18, 1, {2}, "Service asserted identity"},
};

// Services whose account owns files everywhere, although no trace tells of them.
static const char *const services[] = {"TrustedInstaller"};

static bool is_service(const uint8_t *sid, size_t sid_bytes, char ret_name[WELL_KNOWN_NAME]) {
    if (sid_bytes != 8 + 6 * 4)
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(services); i++) {
        uint8_t known[SID_MAX_BYTES];
        if (service_sid(services[i], known) != sid_bytes || memcmp(known, sid, sid_bytes) != 0)
            continue;
        (void)snprintf(ret_name, WELL_KNOWN_NAME, "NT SERVICE\\%s", services[i]);
        return true;
    }
    return false;
}

bool well_known_name(const uint8_t *sid, size_t sid_bytes, char ret_name[WELL_KNOWN_NAME]) {
    static const uint8_t zeros[5] = {0};
    uint32_t subs[3] = {0};
    uint8_t n = sid[1];
    if (memcmp(sid + 2, zeros, sizeof zeros) != 0 || n == 0)
        return false;
    if (n > 3)
        return sid[7] == 5 && load_u32(sid + 8) == 80 && is_service(sid, sid_bytes, ret_name);
    for (uint8_t i = 0; i < n; i++)
        subs[i] = load_u32(sid + 8 + i * 4);
    if (n == 3 && sid[7] == 5 && subs[0] == 5) {
        (void)snprintf(ret_name, WELL_KNOWN_NAME, NT "LogonSessionId_%u_%u", (unsigned)subs[1],
                       (unsigned)subs[2]);
        return true;
    }
    for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
        const WellKnown *w = &table[i];
        if (w->authority != sid[7] || w->subs[0] != subs[0] ||
            n != (w->n_subs == MANY ? 3 : w->n_subs) || (n > 1 && w->subs[1] != subs[1]))
            continue;
        const char *number = w->n_subs == MANY ? strchr(w->name, '%') : NULL;
        if (number)
            (void)snprintf(ret_name, WELL_KNOWN_NAME, "%.*s%u", (int)(number - w->name), w->name,
                           (unsigned)subs[2]);
        else
            (void)snprintf(ret_name, WELL_KNOWN_NAME, "%s", w->name);
        return true;
    }
    return false;
}

size_t service_sid(const char *service, uint8_t ret_sid[SID_MAX_BYTES]) {
    static const uint8_t head[12] = {1, 6, 0, 0, 0, 0, 0, 5, 80, 0, 0, 0};
    Buf upper = BUF_INIT, units = BUF_INIT;
    for (const char *p = service, *end = service + strlen(service); p < end;) {
        uint32_t cp;
        char text[4];
        p += utf8_next(p, end, &cp);
        buf_append(&upper, text, utf8_put(text, cp < 0x10000 ? upper_char(cp) : cp));
    }
    utf8_to_utf16(&units, buf_str(&upper), upper.bytes);
    bool failed = upper.failed || units.failed;
    if (!failed) {
        Sha1 sha;
        sha1_init(&sha);
        sha1_update(&sha, units.data ? units.data : (const uint8_t *)"", units.bytes);
        memcpy(ret_sid, head, sizeof head);
        sha1_final(&sha, ret_sid + sizeof head);
    }
    buf_deinit(&upper);
    buf_deinit(&units);
    return failed ? 0 : sizeof head + SHA1_BYTES;
}
