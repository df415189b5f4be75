#include "watch/provider_stats.h"

#include <stdio.h>
#include <stdlib.h>

#include "route/kernel.h"
#include "util/mem.h"

#define WINDOW_NS INT64_C(1000000000)

void provider_table_init(ProviderTable *table, int64_t now_ns) {
    *table = (ProviderTable){.by_key = MAP_INIT, .window_ns = now_ns};
}

void provider_table_deinit(ProviderTable *table) {
    for (uint32_t i = 0; i < table->n; i++) {
        mem_free(table->rows[i]->name);
        mem_free(table->rows[i]);
    }
    mem_free(table->rows);
    map_deinit(&table->by_key);
    *table = (ProviderTable){.by_key = MAP_INIT};
}

static ProviderStats *add_row(ProviderTable *table, const char *name) {
    if (table->n == table->capacity) {
        uint32_t capacity = table->capacity ? table->capacity * 2 : 32;
        ProviderStats **rows = mem_resize(table->rows, capacity * sizeof(*rows));
        if (!rows)
            return NULL;
        table->rows = rows;
        table->capacity = capacity;
    }
    ProviderStats *row = mem_zalloc(sizeof *row);
    if (!row)
        return NULL;
    row->name = mem_strdup(name);
    if (!row->name) {
        mem_free(row);
        return NULL;
    }
    row->kernel_type = -1;
    table->rows[table->n++] = row;
    return row;
}

static int kernel_type_of(const Guid *guid, uint8_t opcode) {
    if (!kernel_is_class(guid, NULL))
        return -1;
    for (uint32_t i = 0; i < kernel_type_count(); i++)
        if (kernel_matches(KERNEL_BIT(i), guid, opcode))
            return (int)i;
    return -1;
}

int provider_row_type(uint32_t kernel_type_index) {
    const KernelClassOps *first = &kernel_type(kernel_type_index)->classes[0];
    uint8_t opcode = (uint8_t)strtoul(first->opcodes, NULL, 10); // "" = all: any will do
    return kernel_type_of(first->class_guid, opcode);
}

// type >= 0: the row of a kernel type; else of a provider, called `name` when it is new.
static ProviderStats *row_of(ProviderTable *table, int type, const Guid *provider,
                             const char *name) {
    uint8_t key[17] = {0};
    if (type >= 0) {
        key[0] = 1;
        key[1] = (uint8_t)type;
    } else {
        memcpy(key + 1, provider->b, 16);
    }
    ProviderStats *row = map_get(&table->by_key, key, sizeof key);
    if (row)
        return row;
    if (table->n >= PROVIDER_STATS_MAX) {
        if (!table->others)
            table->others = add_row(table, "(others)");
        return table->others;
    }
    row = add_row(table, name);
    if (!row)
        return NULL;
    row->kernel_type = type;
    if (type < 0)
        row->guid = *provider;
    if (map_set(&table->by_key, key, sizeof key, row) < 0) {
        table->n--;
        mem_free(row->name);
        mem_free(row);
        return NULL;
    }
    return row;
}

ProviderStats *provider_table_find(ProviderTable *table, const Guid *provider,
                                   const EventDescriptor *desc, uint16_t event_flags,
                                   const char *name) {
    char text[160];
    char guid[GUID_TEXT];
    uint8_t group;
    int type = (event_flags & EVENT_CLASSIC) ? kernel_type_of(provider, desc->opcode) : -1;
    if (type >= 0)
        return provider_table_kernel(table, (uint32_t)type);
    if (kernel_is_class(provider, &group) && kernel_class_name(group)[0])
        snprintf(text, sizeof text, "Kernel class %s", kernel_class_name(group));
    else if (name && name[0])
        snprintf(text, sizeof text, "%s", name);
    else
        snprintf(text, sizeof text, "{%s}", guid_format(provider, guid));
    return row_of(table, -1, provider, text);
}

ProviderStats *provider_table_kernel(ProviderTable *table, uint32_t kernel_type_index) {
    char text[160];
    snprintf(text, sizeof text, "Kernel %s", kernel_type(kernel_type_index)->name);
    return row_of(table, (int)kernel_type_index, NULL, text);
}

void provider_table_rates(ProviderTable *table, int64_t now_ns) {
    int64_t passed = now_ns - table->window_ns;
    if (passed < WINDOW_NS)
        return;
    for (uint32_t i = 0; i < table->n; i++) {
        ProviderStats *row = table->rows[i];
        row->rate = (double)(row->events - row->window_events) * 1e9 / (double)passed;
        row->window_events = row->events;
    }
    table->window_ns = now_ns;
}
