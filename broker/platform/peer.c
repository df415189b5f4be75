// The parts of PlatPeer that no system differs in.
#include "platform/port.h"

#include "util/mem.h"

void plat_peer_deinit(PlatPeer *peer) {
    mem_free(peer->groups);
    peer->groups = NULL;
    peer->n_groups = peer->n_deny_groups = 0;
}

bool plat_peer_group(const PlatPeer *peer, uint32_t *i, const char **sid) {
    if (*i >= peer->n_groups + peer->n_deny_groups)
        return false;
    *sid = *i == 0 ? peer->groups : *sid + strlen(*sid) + 1;
    ++*i;
    return true;
}
