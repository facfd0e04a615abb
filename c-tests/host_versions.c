/* Usage: host_versions imapd.conf. Passes structures with the sizes of an earlier header, of a
 * later header, and with impossible sizes, with a real replica. Checks that the members that both
 * sides know are passed, and that the error about an impossible size names the structure. The host
 * is the master in memory. It emits one kind of structure at a time with another size. */
#define _POSIX_C_SOURCE 200809L

#include <stdlib.h>

#include "client.h"
#include "memory.h"

/* The size of a structure of a later header. */
#define LATER 512
#define MUCH 0xff

static struct cyrsync_host honest;
/* The name of the structure that is emitted with another size, and this size. */
static const char *which;
static size_t other_size;
/* The number of times that this structure was emitted. */
static int emitted;
static void *sink;

/* Returns a copy of a structure in the size of another version. A smaller one is cut off; a larger
 * one has further members that are not 0. */
static const void *as_other(const char *name, const void *item, size_t size)
{
    static union { size_t size; uint64_t align; unsigned char bytes[LATER]; } other;

    if (strcmp(name, which) != 0) return item;
    emitted++;
    memset(other.bytes, MUCH, LATER);
    memcpy(other.bytes, item, size);
    other.size = other_size;
    return other.bytes;
}

#define EMITTER(kind)                                                                        \
    static cyrsync_emit_##kind emit_##kind;                                                  \
    static int emit_other_##kind(void *unused, const cyrsync_##kind *item)                   \
    {                                                                                        \
        (void)unused;                                                                        \
        return emit_##kind(sink, as_other("cyrsync_" #kind, item, sizeof(*item)));           \
    }

EMITTER(mailbox_entry)
EMITTER(record)
EMITTER(annotation)
EMITTER(seen)
EMITTER(quota)
EMITTER(sieve)

static int list_user(void *userdata, cyrsync_str user, cyrsync_emit_mailbox_entry emit, void *to,
                     cyrsync_failure *failure)
{
    emit_mailbox_entry = emit, sink = to;
    return honest.list_user(userdata, user, emit_other_mailbox_entry, NULL, failure);
}

static int scan(void *userdata, void *mailbox, uint32_t from_uid, uint64_t since_modseq,
                cyrsync_emit_record emit, void *to, cyrsync_failure *failure)
{
    emit_record = emit, sink = to;
    return honest.scan(userdata, mailbox, from_uid, since_modseq, emit_other_record, NULL, failure);
}

static int mailbox_annotations(void *userdata, void *mailbox, cyrsync_emit_annotation emit,
                               void *to, cyrsync_failure *failure)
{
    emit_annotation = emit, sink = to;
    return honest.mailbox_annotations(userdata, mailbox, emit_other_annotation, NULL, failure);
}

static int seen(void *userdata, cyrsync_str user, cyrsync_emit_seen emit, void *to,
                cyrsync_failure *failure)
{
    emit_seen = emit, sink = to;
    return honest.seen(userdata, user, emit_other_seen, NULL, failure);
}

static int quota(void *userdata, cyrsync_str root, cyrsync_emit_quota emit, void *to,
                 cyrsync_failure *failure)
{
    emit_quota = emit, sink = to;
    return honest.quota(userdata, root, emit_other_quota, NULL, failure);
}

static int sieve_scripts(void *userdata, cyrsync_str user, cyrsync_emit_sieve emit, void *to,
                         cyrsync_failure *failure)
{
    emit_sieve = emit, sink = to;
    return honest.sieve_scripts(userdata, user, emit_other_sieve, NULL, failure);
}

/* In structures that a host fills, the library sets the size. */
static int state(void *userdata, void *mailbox, cyrsync_mailbox_state *out,
                 cyrsync_failure *failure)
{
    CHECK(out->size == sizeof(*out));
    return honest.state(userdata, mailbox, out, failure);
}

static int message_file(void *userdata, void *mailbox, const cyrsync_record *record,
                        cyrsync_message_file *file, cyrsync_failure *failure)
{
    CHECK(record->size == sizeof(*record) && file->size == sizeof(*file));
    return honest.message_file(userdata, mailbox, record, file, failure);
}

static const struct {
    const char *name;
    /* The size in the current header, and the size of the members that every version has. */
    size_t size, least;
} structures[] = {
    {"cyrsync_mailbox_entry", sizeof(cyrsync_mailbox_entry),
     offsetof(cyrsync_mailbox_entry, former_names)},
    {"cyrsync_record", sizeof(cyrsync_record), offsetof(cyrsync_record, savedate)},
    {"cyrsync_annotation", sizeof(cyrsync_annotation), offsetof(cyrsync_annotation, modseq)},
    {"cyrsync_seen", sizeof(cyrsync_seen), offsetof(cyrsync_seen, lastread)},
    {"cyrsync_quota", sizeof(cyrsync_quota), offsetof(cyrsync_quota, modseq)},
    {"cyrsync_sieve", sizeof(cyrsync_sieve), offsetof(cyrsync_sieve, last_update)},
};

static void of_size(cyrsync_client *client, size_t size, int taken)
{
    cyrsync_error *error = NULL;
    cyrsync_result result;

    other_size = size;
    emitted = 0;
    result = cyrsync_client_sync_user(client, cyrsync_str_from("memory"), &error);
    if (result != (taken ? CYRSYNC_RESULT_OK : CYRSYNC_RESULT_HOST)
        || (!taken && !strstr(cyrsync_error_message(error), which))) {
        fprintf(stderr, "%s of %lu bytes: %s: %s\n", which, (unsigned long)size,
                cyrsync_result_name(result), cyrsync_error_message(error));
        failures++;
    }
    CHECK(emitted > 0);
    cyrsync_error_free(error);
}

/* Checks structures that the library fills: the library does not write beyond their size, and sets
 * members that it does not know to 0. */
static void filled(cyrsync_client *client)
{
    union { cyrsync_report report; unsigned char bytes[LATER]; } report;
    union { cyrsync_counters counters; unsigned char bytes[LATER]; } counters;
    cyrsync_str all = {NULL, 0};

    memset(&report, MUCH, sizeof(report));
    report.report.size = sizeof(cyrsync_report) + 8;
    CHECK(cyrsync_client_sync_all(client, all, &report.report, NULL)
          == CYRSYNC_RESULT_OK);
    CHECK(report.report.size == sizeof(cyrsync_report) + 8 && report.report.done == 1);
    CHECK(report.bytes[sizeof(cyrsync_report)] == 0);
    CHECK(report.bytes[sizeof(cyrsync_report) + 8] == MUCH);

    memset(&report, MUCH, sizeof(report));
    report.report.size = offsetof(cyrsync_report, locked);
    CHECK(cyrsync_client_plan_all(client, all, &report.report, NULL)
          == CYRSYNC_RESULT_OK);
    CHECK(report.report.done == 1);
    CHECK(report.bytes[offsetof(cyrsync_report, locked)] == MUCH);

    memset(&counters, MUCH, sizeof(counters));
    counters.counters.size = offsetof(cyrsync_counters, received);
    CHECK(cyrsync_client_counters(client, &counters.counters, NULL) == CYRSYNC_RESULT_OK);
    CHECK(counters.counters.connected && counters.counters.sent > 0);
    CHECK(counters.bytes[offsetof(cyrsync_counters, received)] == MUCH);
    counters.counters.size = sizeof(cyrsync_counters) + 8;
    CHECK(cyrsync_client_counters(client, &counters.counters, NULL) == CYRSYNC_RESULT_OK);
    CHECK(counters.bytes[sizeof(cyrsync_counters)] == 0);
    CHECK(counters.bytes[sizeof(cyrsync_counters) + 8] == MUCH);
}

/* Checks structures with options: members that the library does not know must be 0. */
static void asked_for(cyrsync_client *client)
{
    struct { cyrsync_roll_options rolling; uint64_t more; } later = {CYRSYNC_ROLL_OPTIONS_INIT, 0};
    union { cyrsync_roll_result end; unsigned char bytes[LATER]; } end;
    cyrsync_error *error = NULL;

    memset(&end, MUCH, sizeof(end));
    end.end.size = sizeof(cyrsync_roll_result) + 8;
    later.rolling.size = sizeof(later);
    later.rolling.once = 1;
    CHECK(cyrsync_client_roll(client, &later.rolling, &end.end, NULL) == CYRSYNC_RESULT_OK);
    CHECK(end.end.reason == CYRSYNC_ROLL_REASON_ONCE && end.end.failed == 0);
    CHECK(end.bytes[sizeof(cyrsync_roll_result)] == 0);
    CHECK(end.bytes[sizeof(cyrsync_roll_result) + 8] == MUCH);
    later.more = 1;
    CHECK(cyrsync_client_roll(client, &later.rolling, &end.end, &error)
          == CYRSYNC_RESULT_INVALID_ARGUMENT);
    CHECK_STR(cyrsync_error_subject(error), "options");
    CHECK(strstr(cyrsync_error_message(error), "does not know") != NULL);
    cyrsync_error_free(error);

    /* Without "once", cyrsync_client_roll() would not end. So it is finished before it starts. */
    later.rolling.size = offsetof(cyrsync_roll_options, release_after_s);
    cyrsync_client_finish(client);
    memset(&end, MUCH, sizeof(end));
    end.end.size = offsetof(cyrsync_roll_result, locked);
    CHECK(cyrsync_client_roll(client, &later.rolling, &end.end, NULL) == CYRSYNC_RESULT_OK);
    CHECK(end.end.reason == CYRSYNC_ROLL_REASON_STOPPED);
    CHECK(end.bytes[offsetof(cyrsync_roll_result, locked)] == MUCH);
}

int main(int argc, char **argv)
{
    struct memory memory;
    struct cyrsync_host host;
    cyrsync_client *client;
    size_t i;

    if (argc != 2) {
        fprintf(stderr, "usage: %s imapd.conf\n", argv[0]);
        return 64;
    }
    memset(&memory, 0, sizeof(memory));
    memory_host(&honest, &memory);
    host = honest;
    host.list_user = list_user;
    host.state = state;
    host.scan = scan;
    host.message_file = message_file;
    host.mailbox_annotations = mailbox_annotations;
    host.seen = seen;
    host.quota = quota;
    host.sieve_scripts = sieve_scripts;
    client = client_over(argv[1], &host);
    if (!client) return 1;

    for (i = 0; i < sizeof(structures) / sizeof(structures[0]); i++) {
        which = structures[i].name;
        of_size(client, 0, 0);
        of_size(client, sizeof(void *), 0);
        of_size(client, structures[i].least - 1, 0);
        of_size(client, structures[i].least + 1, 0);
        of_size(client, structures[i].size - 1, 0);
        of_size(client, (size_t)1 << 40, 0);
        of_size(client, LATER, 1);
        of_size(client, structures[i].least, 1);
        of_size(client, structures[i].size, 1);
    }
    which = "none";
    filled(client);
    asked_for(client);
    CHECK(memory.opened == memory.closed && memory.locked == memory.unlocked);
    cyrsync_client_free(client);
    return failures != 0;
}
