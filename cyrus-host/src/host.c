/* The functions of the host table, which the engine calls. Each converts its arguments from the
 * types of the C API, calls a function of master.h, and emits the results in the types of the C
 * API. */
#include "host.h"

#include <limits.h>
#include <string.h>

#include "convert.h"

/* The oldest version of cyrus.index whose records have all data that replication needs. */
#define OLDEST_VERSION 12

struct host {
    char *channel;
    /* The time limit for locks, in milliseconds: that of the last open, or of the last sync lock if
     * that was above 0. Functions without an argument for it use it too. */
    int wait_ms;
    /* Writes to the master. Made when it is first needed. */
    master_writer *writer;
};

/* A mailbox that the engine has opened, with the names of its flags. */
struct opened {
    master_mailbox *mailbox;
    cyrsync_str flags[MAX_USER_FLAGS];
};

/* An emit function of the engine, and its first argument. */
struct sink {
    union {
        cyrsync_emit_mailbox_entry entry;
        cyrsync_emit_record record;
        cyrsync_emit_annotation annotation;
        cyrsync_emit_seen seen;
        cyrsync_emit_sieve sieve;
        cyrsync_emit_str str;
    } emit;
    void *to;
};

static int patience(int64_t wait_ms)
{
    if (wait_ms < 0) return MASTER_WAIT_FOREVER;
    return wait_ms > INT_MAX ? INT_MAX : (int)wait_ms;
}

/* -- entries -- */

static int give_entry(const mbentry_t *entry, void *rock)
{
    const struct sink *sink = rock;
    cyrsync_mailbox_entry converted;

    convert_entry(entry, NULL, &converted);
    return sink->emit.entry(sink->to, &converted);
}

static int give_unreadable(const char *name, int why, void *rock)
{
    const struct sink *sink = rock;
    cyrsync_mailbox_entry converted = CYRSYNC_MAILBOX_ENTRY_INIT;

    converted.name = cyrsync_str_from(name);
    converted.unreadable = cyrsync_str_from(error_message(why));
    return sink->emit.entry(sink->to, &converted);
}

static int host_lookup(void *userdata __attribute__((unused)), cyrsync_str name,
                       cyrsync_emit_mailbox_entry emit, void *to, cyrsync_failure *failure)
{
    struct sink sink = { .emit.entry = emit, .to = to };
    char *text = to_string(name);
    mbentry_t *entry = NULL;
    int r = text ? master_lookup(text, &entry) : 0;

    if (!r && entry) r = give_entry(entry, &sink);
    mboxlist_entry_free(&entry);
    free(text);
    return result_of(r, failure);
}

static int host_lookup_by_id(void *userdata __attribute__((unused)), cyrsync_str uniqueid,
                             cyrsync_emit_mailbox_entry emit, void *to, cyrsync_failure *failure)
{
    char *text = to_string(uniqueid);
    cyrsync_former_name *former;
    cyrsync_mailbox_entry converted;
    mbentry_t *entry = NULL;
    int r = text ? master_lookup_by_id(text, &entry) : 0;

    if (!r && entry) {
        former = xcalloc((size_t)ptrarray_size(&entry->name_history) + 1, sizeof(*former));
        convert_entry(entry, former, &converted);
        r = emit(to, &converted);
        free(former);
    }
    mboxlist_entry_free(&entry);
    free(text);
    return result_of(r, failure);
}

static uint64_t host_list_bytes(void *userdata __attribute__((unused)))
{
    return master_list_bytes();
}

static int host_list_user(void *userdata __attribute__((unused)), cyrsync_str userid,
                          cyrsync_emit_mailbox_entry emit, void *to, cyrsync_failure *failure)
{
    struct sink sink = { .emit.entry = emit, .to = to };
    char *text = to_string(userid);
    int r = text ? master_user_tree(text, give_entry, give_unreadable, &sink) : 0;

    free(text);
    return result_of(r, failure);
}

static int host_list(void *userdata __attribute__((unused)), cyrsync_str prefix,
                     cyrsync_emit_mailbox_entry emit, void *to, cyrsync_failure *failure)
{
    struct sink sink = { .emit.entry = emit, .to = to };
    char *text = to_string(prefix);
    int r = text ? master_each(text, give_entry, give_unreadable, &sink) : 0;

    free(text);
    return result_of(r, failure);
}

/* -- locks -- */

static int host_sync_lock(void *userdata, cyrsync_str server, cyrsync_str userid,
                          int64_t wait_ms, void **out, cyrsync_failure *failure)
{
    struct host *host = userdata;
    struct mboxlock *lock = NULL;
    char *at = to_string(server);
    char *of = to_string(userid);
    int r = IMAP_MAILBOX_BADNAME;

    /* 0: the client skips users whose sync lock is held, but waits for other locks. */
    if (wait_ms > 0) host->wait_ms = patience(wait_ms);
    if (at && of) r = master_sync_lock(at, of, patience(wait_ms), &lock);
    free(at);
    free(of);
    *out = lock;
    return result_of(r, failure);
}

static void host_sync_unlock(void *userdata __attribute__((unused)), void *locked)
{
    struct mboxlock *lock = locked;

    master_sync_unlock(&lock);
}

/* -- a mailbox -- */

static void host_close(void *userdata __attribute__((unused)), void *mailbox)
{
    struct opened *opened = mailbox;

    master_close(&opened->mailbox);
    free(opened);
}

/* Refuses an index that Cyrus can still read, but whose records lack data for replication. */
static int too_old(const master_mailbox *mailbox, cyrsync_failure *failure)
{
    struct buf detail = BUF_INITIALIZER;

    if (mailbox->cyrus->i.minor_version >= OLDEST_VERSION) return 0;
    buf_printf(&detail, "%s has version %d, which is too old",
               mailbox_meta_fname(mailbox->cyrus, META_INDEX), mailbox->cyrus->i.minor_version);
    cyrsync_failure_set(failure, from_buf(&detail),
                        cyrsync_str_from("run reconstruct -V max on the mailbox"));
    buf_free(&detail);
    return CYRSYNC_RESULT_UNSUPPORTED;
}

static int host_open(void *userdata, cyrsync_str name, int64_t wait_ms, void **out,
                     cyrsync_failure *failure)
{
    struct host *host = userdata;
    struct opened *opened = xzmalloc(sizeof(*opened));
    char *text = to_string(name);
    int r = IMAP_MAILBOX_NONEXISTENT;

    host->wait_ms = patience(wait_ms);
    if (text) r = master_open(text, host->wait_ms, &opened->mailbox);
    free(text);
    if (r) {
        free(opened);
        return result_of(r, failure);
    }
    r = too_old(opened->mailbox, failure);
    if (r) {
        host_close(NULL, opened);
        return r;
    }
    *out = opened;
    return CYRSYNC_RESULT_OK;
}

static int host_state(void *userdata __attribute__((unused)), void *mailbox,
                      cyrsync_mailbox_state *state,
                      cyrsync_failure *failure __attribute__((unused)))
{
    struct opened *opened = mailbox;

    convert_state(opened->mailbox, opened->flags, state);
    return CYRSYNC_RESULT_OK;
}

static int give_record(const struct index_record *record, void *rock)
{
    const struct sink *sink = rock;
    cyrsync_record converted;

    convert_record(record, &converted);
    return sink->emit.record(sink->to, &converted);
}

static int host_scan(void *userdata __attribute__((unused)), void *mailbox, uint32_t from_uid,
                     uint64_t since_modseq, cyrsync_emit_record emit, void *to,
                     cyrsync_failure *failure)
{
    struct sink sink = { .emit.record = emit, .to = to };
    struct opened *opened = mailbox;

    return result_in(opened->mailbox,
                     master_scan(opened->mailbox, from_uid, since_modseq, give_record, &sink),
                     failure);
}

static int give_annotation(const char *mailbox __attribute__((unused)),
                           uint32_t uid __attribute__((unused)), const char *entry,
                           const char *userid, const struct buf *value,
                           const struct annotate_metadata *metadata, void *rock)
{
    const struct sink *sink = rock;
    cyrsync_annotation converted = CYRSYNC_ANNOTATION_INIT;

    converted.name = cyrsync_str_from(entry);
    converted.userid = cyrsync_str_from(userid);
    converted.value = from_buf(value);
    converted.modseq = metadata->modseq;
    return sink->emit.annotation(sink->to, &converted);
}

static int host_message_annotations(void *userdata __attribute__((unused)), void *mailbox,
                                    uint32_t uid, cyrsync_emit_annotation emit, void *to,
                                    cyrsync_failure *failure)
{
    struct sink sink = { .emit.annotation = emit, .to = to };
    struct opened *opened = mailbox;

    return result_of(master_mailbox_annotations(opened->mailbox, uid, give_annotation, &sink),
                     failure);
}

static int host_mailbox_annotations(void *userdata, void *mailbox, cyrsync_emit_annotation emit,
                                    void *to, cyrsync_failure *failure)
{
    return host_message_annotations(userdata, mailbox, 0, emit, to, failure);
}

static int host_message_file(void *userdata __attribute__((unused)), void *mailbox,
                             const cyrsync_record *record, cyrsync_message_file *file,
                             cyrsync_failure *failure __attribute__((unused)))
{
    struct opened *opened = mailbox;
    struct index_record wanted;

    /* The path depends only on these two members. */
    memset(&wanted, 0, sizeof(wanted));
    wanted.uid = record->uid;
    wanted.internal_flags = record->internal_flags;
    file->path = cyrsync_str_from(master_message_path(opened->mailbox, &wanted));
    return CYRSYNC_RESULT_OK;
}

static void host_unlock_index(void *userdata __attribute__((unused)), void *mailbox)
{
    struct opened *opened = mailbox;

    master_unlock_index(opened->mailbox);
}

/* -- data of a user -- */

static int host_annotations(void *userdata, cyrsync_str name, cyrsync_emit_annotation emit,
                            void *to, cyrsync_failure *failure)
{
    const struct host *host = userdata;
    struct sink sink = { .emit.annotation = emit, .to = to };
    char *text = to_string(name);
    int r = text ? master_annotations(text, host->wait_ms, give_annotation, &sink) : 0;

    free(text);
    return result_of(r, failure);
}

static int host_subscriptions(void *userdata __attribute__((unused)), cyrsync_str userid,
                              cyrsync_emit_str emit, void *to, cyrsync_failure *failure)
{
    char *text = to_string(userid);
    strarray_t *names = NULL;
    int r = text ? master_subscriptions(text, &names) : 0;
    int i;

    for (i = 0; names && !r && i < strarray_size(names); i++)
        r = emit(to, cyrsync_str_from(strarray_nth(names, i)));
    if (names) strarray_free(names);
    free(text);
    return result_of(r, failure);
}

static int give_seen(const char *uniqueid, struct seendata *seen, void *rock)
{
    const struct sink *sink = rock;
    cyrsync_seen converted = CYRSYNC_SEEN_INIT;

    converted.uniqueid = cyrsync_str_from(uniqueid);
    converted.lastread = seen->lastread;
    converted.lastchange = seen->lastchange;
    converted.lastuid = seen->lastuid;
    converted.seenuids = cyrsync_str_from(seen->seenuids);
    return sink->emit.seen(sink->to, &converted);
}

static int host_seen(void *userdata __attribute__((unused)), cyrsync_str userid,
                     cyrsync_emit_seen emit, void *to, cyrsync_failure *failure)
{
    struct sink sink = { .emit.seen = emit, .to = to };
    char *text = to_string(userid);
    int r = text ? master_seen(text, give_seen, &sink) : 0;

    free(text);
    return result_of(r, failure);
}

static int host_quota(void *userdata __attribute__((unused)), cyrsync_str root,
                      cyrsync_emit_quota emit, void *to, cyrsync_failure *failure)
{
    char *text = to_string(root);
    cyrsync_quota converted = CYRSYNC_QUOTA_INIT;
    struct quota quota;
    bool found = false;
    int resource;
    int r = text ? master_quota(text, &quota, &found) : 0;

    if (found) {
        converted.root = root;
        converted.modseq = quota.modseq;
        for (resource = 0; resource < QUOTA_NUMRESOURCES; resource++)
            converted.limits[resource] = quota.limits[resource];
        r = emit(to, &converted);
        quota_free(&quota);
    }
    free(text);
    return result_of(r, failure);
}

static int give_script(const char *name, time_t last_update, const struct message_guid *guid,
                       bool active, void *rock)
{
    const struct sink *sink = rock;
    cyrsync_sieve converted = CYRSYNC_SIEVE_INIT;

    converted.name = cyrsync_str_from(name);
    converted.last_update = last_update;
    converted.active = active;
    memcpy(converted.guid, guid->value, sizeof(converted.guid));
    return sink->emit.sieve(sink->to, &converted);
}

static int host_sieve_scripts(void *userdata __attribute__((unused)), cyrsync_str userid,
                              cyrsync_emit_sieve emit, void *to, cyrsync_failure *failure)
{
    struct sink sink = { .emit.sieve = emit, .to = to };
    char *text = to_string(userid);
    int r = text ? master_sieve_scripts(text, give_script, &sink) : 0;

    free(text);
    return result_of(r, failure);
}

static int host_sieve_content(void *userdata, cyrsync_str userid, cyrsync_str name,
                              cyrsync_emit_str emit, void *to, cyrsync_failure *failure)
{
    const struct host *host = userdata;
    struct buf content = BUF_INITIALIZER;
    char *of = to_string(userid);
    char *script = to_string(name);
    int r = IMAP_MAILBOX_NONEXISTENT;

    if (of && script) r = master_sieve_content(of, script, host->wait_ms, &content);
    if (!r) r = emit(to, from_buf(&content));
    buf_free(&content);
    free(script);
    free(of);
    return result_of(r, failure);
}

static int host_used_modseq(void *userdata __attribute__((unused)), cyrsync_str name,
                            uint64_t *modseq, cyrsync_failure *failure __attribute__((unused)))
{
    char *text = to_string(name);

    *modseq = text ? master_used_modseq(text) : 0;
    free(text);
    return CYRSYNC_RESULT_OK;
}

static int host_raclmodseq(void *userdata __attribute__((unused)), cyrsync_str name,
                           uint64_t *modseq, cyrsync_failure *failure __attribute__((unused)))
{
    char *text = to_string(name);

    *modseq = text ? mboxname_readraclmodseq(text) : 0;
    free(text);
    return CYRSYNC_RESULT_OK;
}

/* -- writes -- */

static int host_apply(void *userdata, cyrsync_str verb __attribute__((unused)),
                      cyrsync_str body __attribute__((unused)), cyrsync_str command,
                      cyrsync_emit_str emit, void *to, cyrsync_failure *failure)
{
    struct host *host = userdata;
    struct buf reply = BUF_INITIALIZER;
    int r;

    if (!host->writer) host->writer = master_writer_new();
    master_writer_command(host->writer, command.data, command.len, host->wait_ms, &reply);
    r = emit(to, from_buf(&reply));
    buf_free(&reply);
    return result_of(r, failure);
}

static int host_log_change(void *userdata, cyrsync_str name,
                           cyrsync_failure *failure __attribute__((unused)))
{
    const struct host *host = userdata;
    char *text = to_string(name);

    if (text) master_log_change(text, host->channel);
    free(text);
    return CYRSYNC_RESULT_OK;
}

/* -- the table -- */

static void host_free(void *userdata)
{
    struct host *host = userdata;

    master_writer_free(&host->writer);
    free(host->channel);
    free(host);
}

void host_new(const char *channel, cyrsync_host *table)
{
    const cyrsync_host nothing = CYRSYNC_HOST_INIT;
    struct host *host = xzmalloc(sizeof(*host));

    host->channel = xstrdupnull(channel);
    host->wait_ms = MASTER_WAIT_FOREVER;
    *table = nothing;
    table->userdata = host;
    table->destroy = host_free;
    table->lookup = host_lookup;
    table->lookup_by_id = host_lookup_by_id;
    table->list_user = host_list_user;
    table->list = host_list;
    table->sync_lock = host_sync_lock;
    table->sync_unlock = host_sync_unlock;
    table->open = host_open;
    table->state = host_state;
    table->scan = host_scan;
    table->mailbox_annotations = host_mailbox_annotations;
    table->message_annotations = host_message_annotations;
    table->message_file = host_message_file;
    table->unlock_index = host_unlock_index;
    table->close = host_close;
    table->annotations = host_annotations;
    table->subscriptions = host_subscriptions;
    table->seen = host_seen;
    table->quota = host_quota;
    table->sieve_scripts = host_sieve_scripts;
    table->sieve_content = host_sieve_content;
    table->used_modseq = host_used_modseq;
    table->raclmodseq = host_raclmodseq;
    table->apply = host_apply;
    table->log_change = host_log_change;
    table->list_bytes = host_list_bytes;
}
