// See images.h. Each process (and the kernel, pid 0) has a set of intervals; the sets are in order
// of use.
#include "enrich/images.h"

#include "enrich/image_set.h"
#include "enrich/numbers.h"
#include "util/mem.h"
#include "util/utf.h"

#define MAX_PENDING 256u
// A second start of a pid so soon (100 ns units) is the same one told by another provider.
#define SAME_START 10000000

typedef struct Identity { // what ImageID says, for the Image event of the same time
    bool used;
    uint8_t role;
    bool il;
    uint32_t pid, timestamp, age;
    uint64_t base;
    int64_t raw_time;
    Guid guid;
    Text *name;
} Identity;

struct Images {
    ImagesOptions options;
    Volumes *volumes;
    Modules *modules;
    NumberMap sets; // pid -> ImageSet *
    ImageSet *newest, *oldest;
    size_t set_bytes;
    Module *guessed; // the last one that was a guess
    Identity pending[MAX_PENDING];
    uint32_t next_pending, n_pending;
    uint64_t version;
    uint32_t generation; // of the volumes, at `version`
    CacheStats stats;
};

int images_new(const ImagesOptions *options, Volumes *volumes, Images **ret) {
    Images *images = mem_zalloc(sizeof *images);
    if (!images)
        return -STATUS_NO_MEMORY;
    int r = modules_new(volumes, &images->modules);
    if (r < 0) {
        mem_free(images);
        return r;
    }
    images->options = *options;
    images->options.max_processes = MAX_OF(options->max_processes, 1u);
    images->volumes = volumes;
    images->version = 1;
    images->stats.name = "Images";
    images->stats.limit = images->options.max_processes;
    images->stats.bytes_limit = options->max_bytes;
    *ret = images;
    return 0;
}

// --- processes ---------------------------------------------------------------------------------

static void unlink_set(Images *images, ImageSet *set) {
    *(set->newer ? &set->newer->older : &images->newest) = set->older;
    *(set->older ? &set->older->newer : &images->oldest) = set->newer;
}

static void push_set(Images *images, ImageSet *set) {
    set->newer = NULL;
    set->older = images->newest;
    *(images->newest ? &images->newest->newer : &images->oldest) = set;
    images->newest = set;
}

static void use_set(Images *images, ImageSet *set) {
    if (images->newest != set) {
        unlink_set(images, set);
        push_set(images, set);
    }
}

static void drop_set(Images *images, ImageSet *set) {
    for (uint32_t i = 0; i < set->n; i++)
        module_unref(set->intervals[i].module);
    unlink_set(images, set);
    number_map_remove(&images->sets, set->pid);
    images->set_bytes -= sizeof *set + set->room * sizeof(Interval);
    mem_free(set->intervals);
    mem_free(set);
    images->version++;
}

static size_t bytes_of(const Images *images) {
    return images->set_bytes + modules_bytes(images->modules) + number_map_bytes(&images->sets);
}

static bool has_too_much(const Images *images) {
    return images->options.max_bytes != 0 && bytes_of(images) > images->options.max_bytes;
}

// The other processes go first, then modules of the one in use.
static void keep_limits(Images *images, ImageSet *keep) {
    while (images->oldest && images->oldest != keep &&
           (images->sets.n > images->options.max_processes || has_too_much(images))) {
        drop_set(images, images->oldest);
        images->stats.evicted++;
    }
    while (keep->n > 1 && has_too_much(images)) {
        image_set_remove_stalest(keep);
        images->version++;
        images->stats.evicted++;
    }
}

static ImageSet *find_set(const Images *images, uint32_t pid) {
    if (images->newest && images->newest->pid == pid)
        return images->newest;
    uint64_t found = number_map_get(&images->sets, pid);
    return found == NUMBER_NONE ? NULL : (ImageSet *)(uintptr_t)found;
}

static ImageSet *make_set(Images *images, uint32_t pid) {
    ImageSet *set = find_set(images, pid);
    if (set) {
        use_set(images, set);
        return set;
    }
    set = mem_zalloc(sizeof *set);
    if (!set)
        return NULL;
    set->pid = pid;
    if (number_map_put(&images->sets, pid, (uintptr_t)set) < 0) {
        mem_free(set);
        return NULL;
    }
    push_set(images, set);
    images->set_bytes += sizeof *set;
    images->stats.inserted++;
    keep_limits(images, set);
    return set;
}

void images_clear(Images *images) {
    images->guessed = module_unref(images->guessed);
    while (images->oldest)
        drop_set(images, images->oldest);
    number_map_deinit(&images->sets);
    for (uint32_t i = 0; i < MAX_PENDING; i++)
        images->pending[i].name = text_unref(images->pending[i].name);
    memset(images->pending, 0, sizeof images->pending);
    images->n_pending = 0;
}

Images *images_free(Images *images) {
    if (images) {
        images_clear(images);
        modules_free(images->modules);
        mem_free(images);
    }
    return NULL;
}

// --- intervals ---------------------------------------------------------------------------------

// Without looking ahead nobody asks far back.
static void trim(const Images *images, ImageSet *set) {
    if (!images->options.looks_ahead)
        image_set_trim(set);
}

// Takes the module. NULL: no memory.
static Interval *insert(Images *images, ImageSet *set, const Interval *take_interval) {
    uint32_t room = set->room;
    bool pushed_out = false;
    Interval *interval = image_set_insert(set, take_interval, &pushed_out);
    images->set_bytes += (set->room - room) * sizeof(Interval);
    images->stats.evicted += pushed_out;
    return interval;
}

// --- what events tell --------------------------------------------------------------------------

typedef struct ImageFacts {
    uint64_t base, size, end;
    uint32_t pid, timestamp, checksum;
    Text *path; // owned
} ImageFacts;

static uint64_t read_number(const PayloadRef *ref, const EventRecord *record) {
    uint64_t v = 0;
    return payload_ref_get(ref, record, &v) ? v : 0;
}

static bool read_pid(const ImagePlan *plan, const EventRecord *record, uint32_t *ret) {
    uint64_t pid = record->pid;
    if (plan->pid.bytes64 != 0 && !payload_ref_get(&plan->pid, record, &pid))
        return false;
    *ret = (uint32_t)pid;
    return *ret != UINT32_MAX;
}

static bool read_facts(const ImagePlan *plan, const EventRecord *record, const Schema *schema,
                       ImageFacts *ret) {
    ImageFacts f = {.path = NULL};
    if (!read_pid(plan, record, &f.pid) || !payload_ref_get(&plan->base, record, &f.base) ||
        !payload_ref_get(&plan->size, record, &f.size))
        return false;
    // SizeOfImage has 32 bits; what is larger is no image.
    if (f.size == 0 || f.size > UINT32_MAX || f.base > UINT64_MAX - f.size)
        return false;
    f.end = f.base + f.size;
    f.timestamp = (uint32_t)read_number(&plan->timestamp, record);
    f.checksum = (uint32_t)read_number(&plan->checksum, record);
    f.path = fact_text(record, schema, plan->name);
    *ret = f;
    return true;
}

static const char *base_name(const char *path) {
    const char *name = path;
    for (; *path; path++)
        if (*path == '\\' || *path == '/')
            name = path + 1;
    return name;
}

static const char *path_of(const Text *text) {
    return text ? text->s : "";
}

static bool same_image(const Interval *interval, const ImageFacts *facts) {
    const ModuleFacts *known = &interval->module->facts;
    if (interval->base != facts->base || interval->end != facts->end)
        return false;
    if (known->timestamp != 0 && facts->timestamp != 0)
        return known->timestamp == facts->timestamp;
    return fold_equal(base_name(path_of(known->path)), base_name(path_of(facts->path)));
}

static void set_module(Images *images, Interval *interval, const ModuleFacts *facts) {
    Module *module = modules_get(images->modules, facts);
    if (!module)
        return; // it goes on as it was
    module_unref(interval->module);
    interval->module = module;
    images->version++;
}

// A later event of the same image may tell more: rundown has the device that Load leaves out.
static void learn_more(Images *images, Interval *interval, const ImageFacts *facts) {
    ModuleFacts more = interval->module->facts;
    if (more.timestamp == 0)
        more.timestamp = facts->timestamp;
    if (more.checksum == 0)
        more.checksum = facts->checksum;
    size_t known = more.path ? more.path->bytes : 0, told = facts->path ? facts->path->bytes : 0;
    if (told > known && fold_equal(path_of(facts->path) + (told - known), path_of(more.path)))
        more.path = facts->path;
    if (more.timestamp != interval->module->facts.timestamp ||
        more.checksum != interval->module->facts.checksum ||
        more.path != interval->module->facts.path)
        set_module(images, interval, &more);
}

static void apply_identity(Images *images, Interval *interval, const Identity *id) {
    ModuleFacts facts = interval->module->facts;
    if (id->role == IMAGE_IDENTITY) {
        if (facts.timestamp != 0 || id->timestamp == 0)
            return;
        facts.timestamp = id->timestamp;
    } else {
        if (id->il && interval->native_pdb)
            return;
        interval->native_pdb = !id->il;
        facts.pdb_guid = id->guid;
        facts.pdb_age = id->age;
        facts.pdb = id->name;
    }
    set_module(images, interval, &facts);
}

static void apply_pending(Images *images, uint32_t pid, Interval *interval, int64_t raw_time) {
    for (uint32_t i = 0; i < MAX_PENDING && images->n_pending > 0; i++) {
        Identity *id = &images->pending[i];
        if (!id->used || id->pid != pid || id->base != interval->base || id->raw_time != raw_time)
            continue;
        apply_identity(images, interval, id);
        id->used = false;
        id->name = text_unref(id->name);
        images->n_pending--;
    }
}

// The open interval of the same image; those that stand in its way are closed before `at`.
static Interval *claim(Images *images, ImageSet *set, const ImageFacts *facts, uint64_t at) {
    for (uint32_t i = image_set_upper(set, facts->end - 1); i > 0;) {
        Interval *interval = &set->intervals[--i];
        if (interval->reach <= facts->base)
            break;
        if (interval->end <= facts->base || interval->to != IMAGE_OPEN)
            continue;
        if (same_image(interval, facts))
            return interval;
        images->version++;
        if (at > interval->from)
            image_set_close(set, interval, at - 1);
        else
            image_set_remove(set, i);
    }
    return NULL;
}

// First ordinal from which an image that was not seen loading may have been there.
static uint64_t free_since(const ImageSet *set, const ImageFacts *facts) {
    uint64_t from = set->since;
    for (uint32_t i = image_set_upper(set, facts->end - 1); i > 0;) {
        const Interval *interval = &set->intervals[--i];
        if (interval->reach <= facts->base)
            break;
        if (interval->end > facts->base && interval->to != IMAGE_OPEN)
            from = MAX_OF(from, interval->to + 1);
    }
    return from;
}

// An image that was not known at its place; NULL: no memory.
static Interval *open_interval(Images *images, ImageSet *set, const ImageFacts *facts,
                               const ImagePlan *plan, const EventRecord *record) {
    uint64_t at = record->ordinal;
    bool load = plan->role == IMAGE_LOAD;
    uint64_t from = load ? at : free_since(set, facts);
    ModuleFacts module = {
        .base = facts->base,
        .size = facts->size,
        .timestamp = facts->timestamp,
        .checksum = facts->checksum,
        .path = facts->path,
        .provenance = load ? PROVENANCE_LIVE : PROVENANCE_RUNDOWN,
    };
    Interval fresh = {
        .base = facts->base,
        .end = facts->end,
        .from = MIN_OF(from, at),
        .to = IMAGE_OPEN,
        .born = set->since,
        .told = {record->raw_time, record->raw_time},
        .module = modules_get(images->modules, &module),
    };
    if (!fresh.module)
        return NULL;
    images->version++;
    return insert(images, set, &fresh);
}

static void observe_image(Images *images, const ImagePlan *plan, const EventRecord *record,
                          const Schema *schema) {
    ImageFacts facts;
    if (!read_facts(plan, record, schema, &facts))
        return;
    uint64_t at = record->ordinal;
    ImageSet *set = make_set(images, facts.pid);
    if (!set)
        goto finish;
    Interval *interval = claim(images, set, &facts, at);
    if (interval)
        learn_more(images, interval, &facts);
    else
        interval = open_interval(images, set, &facts, plan, record);
    if (!interval)
        goto finish;
    interval->told[1] = record->raw_time;
    apply_pending(images, facts.pid, interval, record->raw_time);
    if (plan->role == IMAGE_UNLOAD) {
        images->version++;
        image_set_close(set, interval, at);
        trim(images, set);
    }
    keep_limits(images, set);
finish:
    text_unref(facts.path);
}

// How far an ordinal is from an interval.
static uint64_t distance(const Interval *interval, uint64_t at) {
    if (at < interval->from)
        return interval->from - at;
    return at > interval->to ? at - interval->to : 0;
}

static void observe_identity(Images *images, const ImagePlan *plan, const EventRecord *record,
                             const Schema *schema) {
    Identity id = {.used = true, .role = plan->role, .il = plan->il, .raw_time = record->raw_time};
    if (!read_pid(plan, record, &id.pid) || !payload_ref_get(&plan->base, record, &id.base))
        return;
    id.timestamp = (uint32_t)read_number(&plan->timestamp, record);
    id.age = (uint32_t)read_number(&plan->age, record);
    if (plan->role == IMAGE_PDB) {
        Value v;
        if (!fact_value(record, schema, plan->guid, &v) || v.bytes != sizeof id.guid)
            return;
        memcpy(id.guid.b, v.data, sizeof id.guid);
        id.name = fact_text(record, schema, plan->name);
    }
    // The Image event of the same time is meant. It may come behind: then this waits, and meanwhile
    // annotates what is there and has nothing of its kind.
    ImageSet *set = find_set(images, id.pid);
    Interval *nearest = NULL;
    for (uint32_t i = set ? image_set_upper(set, id.base) : 0; i > 0;) {
        Interval *interval = &set->intervals[--i];
        if (interval->base != id.base)
            break;
        bool exact = interval->told[0] == id.raw_time || interval->told[1] == id.raw_time;
        if (exact) {
            apply_identity(images, interval, &id);
            text_unref(id.name);
            keep_limits(images, set);
            return;
        }
        if (!nearest || distance(interval, record->ordinal) < distance(nearest, record->ordinal))
            nearest = interval;
    }
    if (nearest && nearest->to == IMAGE_OPEN && nearest->from <= record->ordinal &&
        nearest->module->facts.pdb_age == 0) {
        apply_identity(images, nearest, &id);
        keep_limits(images, set);
    }
    Identity *slot = &images->pending[images->next_pending++ % MAX_PENDING];
    text_unref(slot->name);
    images->n_pending += !slot->used;
    *slot = id;
}

static void observe_start(Images *images, const ImagePlan *plan, const EventRecord *record) {
    uint32_t pid;
    if (!read_pid(plan, record, &pid))
        return;
    ImageSet *set = make_set(images, pid);
    if (!set)
        return;
    if (set->started && !set->ended && record->time - set->start_time < SAME_START)
        return;
    for (uint32_t i = set->n; i > 0;) {
        Interval *interval = &set->intervals[--i];
        if (interval->to != IMAGE_OPEN)
            continue;
        if (interval->from < record->ordinal)
            image_set_close(set, interval, record->ordinal - 1);
        else
            image_set_remove(set, i);
    }
    images->version++;
    trim(images, set);
    set->since = record->ordinal;
    set->start_time = record->time;
    set->started = true;
    set->ended = false;
}

static void observe_exit(Images *images, const ImagePlan *plan, const EventRecord *record) {
    uint32_t pid;
    ImageSet *set = read_pid(plan, record, &pid) ? find_set(images, pid) : NULL;
    if (!set)
        return;
    set->since = record->ordinal + 1;
    set->ended = true;
}

void images_observe(Images *images, const ImagePlan *plan, const EventRecord *record,
                    const Schema *schema) {
    switch (plan->role) {
    case IMAGE_LOAD:
    case IMAGE_UNLOAD:
    case IMAGE_STATE:
        observe_image(images, plan, record, schema);
        break;
    case IMAGE_IDENTITY:
    case IMAGE_PDB:
        observe_identity(images, plan, record, schema);
        break;
    case IMAGE_EXIT:
        observe_exit(images, plan, record);
        break;
    case IMAGE_START:
        observe_start(images, plan, record);
        break;
    default:
        break;
    }
}

// --- looking up --------------------------------------------------------------------------------

bool address_is_kernel(uint64_t address, uint8_t pointer_size) {
    return pointer_size == 4 ? (address & 0x80000000u) != 0 : address >> 63 != 0;
}

// The same module as a guess. Once made it lives as long as whoever holds it, at least until the
// next one.
static const ModuleView *guess(Images *images, const Interval *interval) {
    ModuleFacts facts = interval->module->facts;
    facts.provenance = PROVENANCE_GUESS;
    Module *module = modules_get(images->modules, &facts);
    module_unref(images->guessed);
    images->guessed = module;
    return module ? &module->view : NULL;
}

static const ModuleView *find_in(Images *images, uint32_t pid, uint64_t address, uint64_t at,
                                 uint64_t *io_from, uint64_t *io_to) {
    ImageSet *set = find_set(images, pid);
    if (!set)
        return NULL;
    use_set(images, set);
    Interval *next;
    Interval *interval = image_set_find(set, address, at, io_from, io_to, &next);
    if (!interval)
        return next && images->options.looks_ahead ? guess(images, next) : NULL;
    if (!module_is_current(interval->module)) {
        Module *renewed = modules_get(images->modules, &interval->module->facts);
        if (renewed) {
            module_unref(interval->module);
            interval->module = renewed;
        }
    }
    return &interval->module->view;
}

const ModuleView *images_find_within(Images *images, uint32_t pid, uint64_t address,
                                     uint8_t pointer_size, uint64_t at, uint64_t *io_from,
                                     uint64_t *io_to) {
    const ModuleView *found;
    images->stats.retrievals++;
    if (address_is_kernel(address, pointer_size)) {
        found = find_in(images, 0, address, at, io_from, io_to);
        if (!found) // some traces log drivers under System
            found = find_in(images, 4, address, at, io_from, io_to);
    } else {
        found = find_in(images, pid, address, at, io_from, io_to);
    }
    if (!found) {
        images->stats.misses++;
        return NULL;
    }
    images->stats.hits++;
    images->stats.live += found->provenance == PROVENANCE_LIVE;
    images->stats.rundown += found->provenance == PROVENANCE_RUNDOWN;
    images->stats.guess += found->provenance == PROVENANCE_GUESS;
    return found;
}

const ModuleView *images_find(Images *images, uint32_t pid, uint64_t address, uint8_t pointer_size,
                              uint64_t at) {
    uint64_t from = 0, to = UINT64_MAX;
    return images_find_within(images, pid, address, pointer_size, at, &from, &to);
}

uint64_t images_version(Images *images) {
    uint32_t generation = volumes_generation(images->volumes);
    if (generation != images->generation) {
        images->generation = generation;
        images->version++;
    }
    return images->version;
}

void images_hold(const ModuleView *module) {
    module_ref((Module *)(uintptr_t)module);
}

void images_release(const ModuleView *module) {
    module_unref((Module *)(uintptr_t)module);
}

uint32_t images_stats(const Images *images, CacheStats ret[1]) {
    ret[0] = images->stats;
    ret[0].entries = images->sets.n;
    ret[0].bytes = bytes_of(images);
    return 1;
}
