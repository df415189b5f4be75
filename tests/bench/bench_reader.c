// Reading and decoding, without a broker: walk with merge, walk in file order, typed decode, JSON; beside reading the
// same bytes and copying the same records. Usage: bench_reader FILE
#include <stdio.h>
#include <stdlib.h>

#include "event/format.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "schema/types.h"
#include "source/etl_reader.h"
#include "util/mem.h"

#define ROUNDS 5

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v) {
    qsort(v, ROUNDS, sizeof *v, compare);
    return v[ROUNDS / 2];
}

static void must(int r, const Err *err) {
    if (r < 0) {
        fprintf(stderr, "bench_reader: %s\n", err->text);
        exit(1);
    }
}

static double read_file(const char *path) {
    static uint8_t buf[65536];
    Err err = ERR_INIT;
    PlatFile *file;
    size_t got = 1;
    uint64_t sum = 0, at = 0;
    int64_t start = plat_thread_cpu_ns();
    must(plat_file_open(path, &file, &err), &err);
    for (; got > 0; at += got) {
        must(plat_file_read_at(file, at, buf, sizeof buf, &got, &err), &err);
        for (size_t i = 0; i + 8 <= got; i += 64) // touch each cache line
            sum += buf[i];
    }
    plat_file_close(file);
    if (sum == 1)
        puts("");
    return (double)(plat_thread_cpu_ns() - start);
}

static uint64_t n_events;

static double walk(const char *path, bool file_order) {
    Err err = ERR_INIT;
    EtlReader *reader;
    EventRecord record;
    EtlOptions options = {.file_order = file_order};
    uint64_t n = 0, sum = 0;
    int r;
    must(etl_open(path, &options, &reader, &err), &err);
    int64_t start = plat_thread_cpu_ns();
    while ((r = etl_next(reader, &record, &err)) == 1) {
        n++;
        sum += record.payload_bytes;
    }
    int64_t ns = plat_thread_cpu_ns() - start;
    must(r, &err);
    etl_close(reader);
    n_events = n + (sum == 1);
    return (double)ns;
}

typedef enum Work { WORK_TYPES, WORK_VALUES, WORK_JSON } Work;

static double decode(const char *path, Work work, size_t *ret_bytes) {
    static FieldSlice slices[SCHEMA_MAX_FIELDS];
    Err err = ERR_INIT;
    EtlReader *reader;
    SchemaStore *store;
    TypeTable *types;
    EventRecord record;
    Guid guid;
    Buf out = BUF_INIT;
    uint64_t sum = 0;
    size_t bytes = 0;
    int r;
    must(schema_store_new(&store), &err);
    must(type_table_new(store, NULL, &types), &err);
    must(etl_open(path, &(EtlOptions){.schema_only = true}, &reader, &err), &err);
    while ((r = etl_next(reader, &record, &err)) == 1)
        schema_store_feed(store, &record, &guid);
    must(r, &err);
    etl_close(reader);
    must(etl_open(path, &(EtlOptions){0}, &reader, &err), &err);
    int64_t start = plat_thread_cpu_ns();
    while ((r = etl_next(reader, &record, &err)) == 1) {
        Type *type = type_table_find(types, &record);
        if (!type)
            exit(1);
        if (work == WORK_VALUES) {
            Payload payload;
            payload_open(&payload, type->schema, &record, slices);
            Value v;
            while (payload_next(&payload, &v))
                sum += v.kind + v.bytes;
        } else if (work == WORK_JSON) {
            event_json(&out, &record, type->schema, 0, NULL);
            bytes += out.bytes;
            buf_clear(&out);
        }
    }
    int64_t ns = plat_thread_cpu_ns() - start;
    must(r, &err);
    etl_close(reader);
    type_table_free(types);
    schema_store_free(store);
    buf_deinit(&out);
    *ret_bytes = bytes + (sum == 1);
    return (double)ns;
}

int main(int argc, char **argv) {
    double base[ROUNDS], merged[ROUNDS], order[ROUNDS], type[ROUNDS], value[ROUNDS], json[ROUNDS];
    size_t bytes = 0;
    if (argc != 2) {
        fputs("usage: bench_reader FILE\n", stderr);
        return 2;
    }
    for (int i = 0; i < ROUNDS; i++) { // in turn, so that a slow moment hits all alike
        base[i] = read_file(argv[1]);
        order[i] = walk(argv[1], true);
        merged[i] = walk(argv[1], false);
        type[i] = decode(argv[1], WORK_TYPES, &bytes);
        value[i] = decode(argv[1], WORK_VALUES, &bytes);
        json[i] = decode(argv[1], WORK_JSON, &bytes);
    }
    double n = (double)n_events;
    double b = median(base);
    struct {
        const char *name;
        double ns;
    } rows[] = {{"read the file (page cache)", b},
                {"walk, file order", median(order)},
                {"walk, merged in time order", median(merged)},
                {"walk and find the type", median(type)},
                {"walk and decode all values", median(value)},
                {"walk and write JSON", median(json)}};
    printf("%s: %llu events\n", argv[1], (unsigned long long)n_events);
    printf("  %-30s %10s %12s %8s\n", "", "ns/event", "M events/s", "ratio");
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        printf("  %-30s %10.1f %12.2f %8.2f\n", rows[i].name, rows[i].ns / n, 1e3 * n / rows[i].ns,
               rows[i].ns / b);
    printf("  JSON: %.1f MB\n", (double)bytes / 1e6);
    return 0;
}
