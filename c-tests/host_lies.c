/* Usage: host_lies imapd.conf. Runs a host that gives impossible data, with a real replica. Checks
 * that each lie causes its own error, that no wrong data reaches the replica, and that all opened
 * mailboxes and locks are closed. The host is the master in memory. The functions below change its
 * data, one lie at a time. */
#define _POSIX_C_SOURCE 200809L

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "memory.h"

#define INBOX "user.memory"

/* The size of each item in a list that never ends, in bytes. */
#define LONG (256 << 10)

static struct cyrsync_host honest;
static const char *lie;
/* The sink of the current call of a list function. */
static void *sink;
static int emitted_on;

static int telling(const char *name)
{
    return strcmp(lie, name) == 0;
}

static cyrsync_str nothing_of(size_t len)
{
    cyrsync_str str = {NULL, 0};

    str.len = len;
    return str;
}

static cyrsync_str long_text(void)
{
    static char text[LONG];
    cyrsync_str str = {text, LONG};

    memset(text, 'x', LONG);
    return str;
}

/* -- entries -- */

static cyrsync_emit_mailbox_entry emit_entry;

/* Returns two former names whose distance is no multiple of their alignment. */
static const cyrsync_former_name *misaligned_names(void)
{
    static union { cyrsync_former_name first; char bytes[4 * sizeof(cyrsync_former_name)]; } names;
    cyrsync_former_name name = CYRSYNC_FORMER_NAME_INIT;

    name.name = cyrsync_str_from("user.memory.former");
    name.partition = cyrsync_str_from("default");
    name.size++;
    names.first = name;
    memcpy(names.bytes + name.size, &name, sizeof(name));
    return &names.first;
}

static int lying_entry(void *unused, const cyrsync_mailbox_entry *entry)
{
    cyrsync_mailbox_entry other = *entry;
    int r;

    (void)unused;
    if (telling("an entry that is NULL")) return emit_entry(sink, NULL);
    if (telling("a name that is NULL")) other.name = nothing_of(5);
    if (telling("another's mailbox")) other.name = cyrsync_str_from("user.other");
    if (telling("an impossible name")) other.name = cyrsync_str_from("user.memory.a\nb");
    if (telling("former names that are misaligned")) {
        other.former_names = misaligned_names();
        other.former_name_count = 2;
    }
    if (telling("former names that are NULL")) other.former_name_count = 3;
    if (telling("more former names than memory")) other.former_name_count = (size_t)-1 / 2;
    r = emit_entry(sink, &other);
    if (telling("the same mailbox twice")) r = emit_entry(sink, &other);
    if (telling("mailboxes without end")) other.name = long_text();
    while (telling("mailboxes without end") && !r) r = emit_entry(sink, &other);
    /* If a host continues after emit returned a number other than 0, emit returns it again. */
    if (r && telling("mailboxes without end")) {
        emitted_on++;
        CHECK(emit_entry(sink, &other) != 0);
    }
    return r;
}

static int list_user(void *userdata, cyrsync_str user, cyrsync_emit_mailbox_entry emit, void *to,
                     cyrsync_failure *failure)
{
    emit_entry = emit;
    sink = to;
    return honest.list_user(userdata, user, lying_entry, NULL, failure);
}

/* -- an open mailbox -- */

static int state(void *userdata, void *mailbox, cyrsync_mailbox_state *out,
                 cyrsync_failure *failure)
{
    int r = honest.state(userdata, mailbox, out, failure);

    if (telling("an old index")) out->minor_version = 11;
    if (telling("an index of the future")) out->minor_version = 1000;
    if (telling("another mailbox")) out->name = cyrsync_str_from("user.memory.Other");
    if (telling("no uniqueid")) out->uniqueid = nothing_of(0);
    if (telling("too many flags")) out->flag_count = 129;
    if (telling("flags that are NULL")) out->flags = NULL;
    if (telling("an ACL that is NULL")) out->acl = nothing_of(9);
    return r;
}

static cyrsync_emit_record emit_record;

static int lying_record(void *unused, const cyrsync_record *record)
{
    cyrsync_record other = *record;
    int r;

    (void)unused;
    if (telling("records by UID backwards")) other.uid = 100 - record->uid;
    if (telling("a record without UID")) other.uid = 0;
    if (telling("a record less") && record->uid == 1) return 0;
    r = emit_record(sink, &other);
    if (telling("a record twice")) r = emit_record(sink, &other);
    return r;
}

static int scan(void *userdata, void *mailbox, uint32_t from_uid, uint64_t since_modseq,
                cyrsync_emit_record emit, void *to, cyrsync_failure *failure)
{
    emit_record = emit;
    sink = to;
    return honest.scan(userdata, mailbox, from_uid, since_modseq, lying_record, NULL, failure);
}

static int message_file(void *userdata, void *mailbox, const cyrsync_record *record,
                        cyrsync_message_file *file, cyrsync_failure *failure)
{
    int r = honest.message_file(userdata, mailbox, record, file, failure);

    if (r) return r;
    if (file->fd < 0) return r; /* The message is in memory. */
    if (telling("a longer file")) CHECK(ftruncate(file->fd, (off_t)record->message_size + 1) == 0);
    if (telling("an empty file")) CHECK(ftruncate(file->fd, 0) == 0);
    if (telling("a file of another content")) CHECK(pwrite(file->fd, "X", 1, 3) == 1);
    if (telling("a shorter message in memory")) file->content = cyrsync_str_from("From: a");
    if (telling("no file") || telling("a directory") || telling("a device") || file->content.len) {
        close(file->fd);
        file->fd = -1;
    }
    if (telling("a directory")) file->path = cyrsync_str_from("/");
    if (telling("a device")) file->path = cyrsync_str_from("/dev/zero");
    return r;
}

/* -- data of a user -- */

static int annotations(void *userdata, void *mailbox, cyrsync_emit_annotation emit, void *to,
                       cyrsync_failure *failure)
{
    cyrsync_annotation one = CYRSYNC_ANNOTATION_INIT;
    int r = honest.mailbox_annotations(userdata, mailbox, emit, to, failure);

    if (telling("an annotation that is NULL")) one.value = nothing_of(7);
    one.name = cyrsync_str_from("/comment");
    if (telling("an annotation that is NULL")) r = emit(to, &one);
    one.value = long_text();
    while (telling("annotations without end") && !r) r = emit(to, &one);
    return r;
}

static int subscriptions(void *userdata, cyrsync_str user, cyrsync_emit_str emit, void *to,
                         cyrsync_failure *failure)
{
    int r = honest.subscriptions(userdata, user, emit, to, failure);

    while (telling("subscriptions without end") && !r) r = emit(to, long_text());
    return r;
}

static int seen(void *userdata, cyrsync_str user, cyrsync_emit_seen emit, void *to,
                cyrsync_failure *failure)
{
    cyrsync_seen one = CYRSYNC_SEEN_INIT;
    int r = honest.seen(userdata, user, emit, to, failure);

    one.uniqueid = cyrsync_str_from("another");
    one.seenuids = long_text();
    while (telling("seen state without end") && !r) r = emit(to, &one);
    return r;
}

static int quota(void *userdata, cyrsync_str root, cyrsync_emit_quota emit, void *to,
                 cyrsync_failure *failure)
{
    cyrsync_quota one = CYRSYNC_QUOTA_INIT;
    int r;

    one.root = telling("another quota root") ? cyrsync_str_from("user.other") : root;
    if (telling("another quota root")) return emit(to, &one);
    r = honest.quota(userdata, root, emit, to, failure);
    return telling("two quota roots") ? emit(to, &one) : r;
}

static int sieve_scripts(void *userdata, cyrsync_str user, cyrsync_emit_sieve emit, void *to,
                         cyrsync_failure *failure)
{
    cyrsync_sieve one = CYRSYNC_SIEVE_INIT;
    int r = honest.sieve_scripts(userdata, user, emit, to, failure);

    one.name = cyrsync_str_from("more.script");
    /* Emits a script that the replica does not have, so that the library reads its content. */
    if (telling("a script without end") && !r) r = emit(to, &one);
    one.name = long_text();
    while (telling("scripts without end") && !r) r = emit(to, &one);
    return r;
}

static int sieve_content(void *userdata, cyrsync_str user, cyrsync_str name, cyrsync_emit_str emit,
                         void *to, cyrsync_failure *failure)
{
    int r = honest.sieve_content(userdata, user, name, emit, to, failure);

    while (telling("a script without end") && !r) r = emit(to, long_text());
    return r;
}

/* -- the lies -- */

static const struct {
    const char *what;
    cyrsync_result result;
    const char *words;
} lies[] = {
    {"an entry that is NULL", CYRSYNC_RESULT_HOST, "the host gave NULL"},
    {"a name that is NULL", CYRSYNC_RESULT_HOST, "name"},
    {"another's mailbox", CYRSYNC_RESULT_HOST, "user.other, which does not belong to this user"},
    {"an impossible name", CYRSYNC_RESULT_HOST, "not a possible name of a mailbox"},
    {"former names that are misaligned", CYRSYNC_RESULT_HOST, "sizeof(cyrsync_former_name)"},
    {"former names that are NULL", CYRSYNC_RESULT_HOST, "former_names"},
    {"more former names than memory", CYRSYNC_RESULT_HOST, "former_names"},
    {"the same mailbox twice", CYRSYNC_RESULT_HOST, INBOX " twice"},
    {"mailboxes without end", CYRSYNC_RESULT_HOST, "more items than cyrsync accepts"},
    {"an old index", CYRSYNC_RESULT_UNSUPPORTED, "minor version 11"},
    {"an index of the future", CYRSYNC_RESULT_UNSUPPORTED, "minor version 1000"},
    {"another mailbox", CYRSYNC_RESULT_HOST, "opened another mailbox"},
    {"no uniqueid", CYRSYNC_RESULT_HOST, "no uniqueid"},
    {"too many flags", CYRSYNC_RESULT_HOST, "flags"},
    {"flags that are NULL", CYRSYNC_RESULT_HOST, "flags"},
    {"an ACL that is NULL", CYRSYNC_RESULT_HOST, "acl"},
    {"records by UID backwards", CYRSYNC_RESULT_HOST, "comes after UID"},
    {"a record twice", CYRSYNC_RESULT_HOST, "comes after UID"},
    {"a record without UID", CYRSYNC_RESULT_CORRUPT, "a record has no UID"},
    {"a record less", CYRSYNC_RESULT_CORRUPT, "but the header counts"},
    {"a longer file", CYRSYNC_RESULT_CORRUPT, "bytes, but cyrus.index says"},
    {"an empty file", CYRSYNC_RESULT_CORRUPT, "0 bytes, but cyrus.index says"},
    {"a shorter message in memory", CYRSYNC_RESULT_CORRUPT, "bytes, but cyrus.index says"},
    {"a file of another content", CYRSYNC_RESULT_CORRUPT, "SHA-1"},
    {"no file", CYRSYNC_RESULT_CORRUPT, "the file is missing"},
    {"a directory", CYRSYNC_RESULT_IO, "is a directory"},
    {"a device", CYRSYNC_RESULT_IO, "regular"},
    {"an annotation that is NULL", CYRSYNC_RESULT_HOST, "value"},
    {"annotations without end", CYRSYNC_RESULT_HOST, "more items than cyrsync accepts"},
    {"subscriptions without end", CYRSYNC_RESULT_HOST, "more items than cyrsync accepts"},
    {"seen state without end", CYRSYNC_RESULT_HOST, "more items than cyrsync accepts"},
    {"scripts without end", CYRSYNC_RESULT_HOST, "more items than cyrsync accepts"},
    {"a script without end", CYRSYNC_RESULT_CORRUPT, "the script is too large"},
    {"another quota root", CYRSYNC_RESULT_HOST, "the quota of another root"},
    {"two quota roots", CYRSYNC_RESULT_HOST, "more than one"},
};

int main(int argc, char **argv)
{
    struct memory memory;
    struct cyrsync_host host;
    cyrsync_client *client;
    cyrsync_error *error = NULL;
    cyrsync_str user = cyrsync_str_from("memory");
    cyrsync_result result;
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
    host.mailbox_annotations = annotations;
    host.subscriptions = subscriptions;
    host.seen = seen;
    host.quota = quota;
    host.sieve_scripts = sieve_scripts;
    host.sieve_content = sieve_content;
    client = client_over(argv[1], &host);
    if (!client) return 1;

    for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        lie = lies[i].what;
        error = NULL;
        result = cyrsync_client_sync_user(client, user, &error);
        if (result != lies[i].result || !strstr(cyrsync_error_message(error), lies[i].words)) {
            fprintf(stderr, "%s: %s: %s\n", lie, cyrsync_result_name(result),
                    cyrsync_error_message(error));
            failures++;
        }
        cyrsync_error_free(error);
        CHECK(memory.opened == memory.closed && memory.locked == memory.unlocked);
    }
    CHECK(emitted_on > 0);

    lie = "the truth";
    error = NULL;
    CHECK(cyrsync_client_sync_user(client, user, &error) == CYRSYNC_RESULT_OK);
    if (error) fprintf(stderr, "%s\n", cyrsync_error_message(error));
    cyrsync_error_free(error);
    cyrsync_client_free(client);
    CHECK(memory.destroyed == 1);
    return failures != 0;
}
