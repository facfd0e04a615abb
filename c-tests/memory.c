#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"

#define TIME 1700000000
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static cyrsync_str text(const char *c)
{
    cyrsync_str str = {c, strlen(c)};
    return str;
}

static int same(cyrsync_str str, const char *c)
{
    return str.len == strlen(c) && memcmp(str.data, c, str.len) == 0;
}

static const struct memory_message inbox[] = {
    {1, 3, 1 << 4, 0, 1, TIME + 1, "cb8c306155a401c289c3fcc84d151ee9ca09fe13",
     "From: a@example.org\r\nSubject: one\r\n\r\nThe first.\r\n", 0, 0},
    {2, 0, 1 << 1, 0, 0, TIME + 2, "cc9c0f74a1188281f0a0f4f1ef2dabde21eb9996",
     "From: b@example.org\r\nSubject: two\r\n\r\nThe second.\r\n", 0, 0},
    {4, 9, 0, 0, 1, TIME + 4, "93c09e8ff73d3b015de3b6752d06f85586db1611",
     "From: c@example.org\r\nSubject: three\r\n\r\nThe third.\r\n", 0, 0},
};
static const struct memory_message sent[] = {
    {1, 5, 1 << 4, 0, 0, TIME + 1, "19c479c68ab0aa7db532505bf025a3d73c6acd94",
     "From: memory@example.org\r\nSubject: sent\r\n\r\nOne that was sent.\r\n", 0, 0},
};
static const char acl[] = "memory\tlrswipkxtecdan\t";

static void guid(uint8_t out[20], const char *hex)
{
    unsigned byte;
    int i;

    for (i = 0; i < 20; i++) {
        sscanf(hex + 2 * i, "%2x", &byte);
        out[i] = (uint8_t)byte;
    }
}

/* Called at the start of each function of the host. Calls on_call, and returns the result that the
 * function must return at once, or 0 if the function must continue. */
static int begin(struct memory *memory, const char *name, cyrsync_failure *failure)
{
    if (memory->on_call) memory->on_call(memory->data);
    if ((!memory->failing || strcmp(memory->failing, name) != 0)
        && (!memory->failing_too || strcmp(memory->failing_too, name) != 0))
        return 0;
    cyrsync_failure_set(failure, text("it was told to fail"), text("tell it not to"));
    return memory->answer;
}

static void fill(struct memory_folder *folder, const char *name, const char *uniqueid,
                 const struct memory_message *messages, size_t count)
{
    size_t i;

    memset(folder, 0, sizeof(*folder));
    folder->name = name;
    folder->uniqueid = uniqueid;
    folder->count = count;
    folder->highestmodseq = 12;
    for (i = 0; i < count; i++) {
        folder->messages[i] = messages[i];
        folder->messages[i].size = strlen(messages[i].content);
        folder->last_uid = messages[i].uid + 1;
    }
}

static int emit_entry(const struct memory_folder *folder, cyrsync_emit_mailbox_entry emit,
                      void *sink)
{
    cyrsync_mailbox_entry entry = CYRSYNC_MAILBOX_ENTRY_INIT;

    entry.name = text(folder->name);
    entry.uniqueid = text(folder->uniqueid);
    entry.partition = text("default");
    entry.acl = text(acl);
    entry.uidvalidity = TIME;
    entry.createdmodseq = entry.foldermodseq = 1;
    entry.mtime = TIME;
    return emit(sink, &entry);
}

static int lookup(void *userdata, cyrsync_str name, cyrsync_emit_mailbox_entry emit, void *sink,
                  cyrsync_failure *failure)
{
    struct memory *memory = userdata;
    int r = begin(memory, "lookup", failure);
    size_t i;

    for (i = 0; !r && i < COUNT(memory->folders); i++)
        if (same(name, memory->folders[i].name)) return emit_entry(&memory->folders[i], emit, sink);
    return r;
}

static int lookup_by_id(void *userdata, cyrsync_str id, cyrsync_emit_mailbox_entry emit, void *sink,
                        cyrsync_failure *failure)
{
    struct memory *memory = userdata;
    int r = begin(memory, "lookup_by_id", failure);
    size_t i;

    for (i = 0; !r && i < COUNT(memory->folders); i++)
        if (same(id, memory->folders[i].uniqueid)) return emit_entry(&memory->folders[i], emit, sink);
    return r;
}

static int list_user(void *userdata, cyrsync_str userid, cyrsync_emit_mailbox_entry emit,
                     void *sink, cyrsync_failure *failure)
{
    struct memory *memory = userdata;
    int r = begin(memory, "list_user", failure);
    size_t i;

    if (!same(userid, "memory")) return r;
    for (i = 0; !r && i < COUNT(memory->folders); i++) r = emit_entry(&memory->folders[i], emit, sink);
    return r;
}

static int list(void *userdata, cyrsync_str prefix, cyrsync_emit_mailbox_entry emit, void *sink,
                cyrsync_failure *failure)
{
    struct memory *memory = userdata;
    int r = begin(memory, "list", failure);
    size_t i;

    memory->listed++;
    for (i = 0; !r && i < COUNT(memory->folders); i++)
        if (strncmp(memory->folders[i].name, prefix.data ? prefix.data : "", prefix.len) == 0)
            r = emit_entry(&memory->folders[i], emit, sink);
    return r;
}

static int sync_lock(void *userdata, cyrsync_str server, cyrsync_str userid, int64_t wait_ms,
                     void **lock, cyrsync_failure *failure)
{
    struct memory *memory = userdata;
    int r = begin(memory, "sync_lock", failure);

    (void)server, (void)userid, (void)wait_ms;
    if (r) return r;
    memory->locked++;
    *lock = memory;
    return 0;
}

static void sync_unlock(void *userdata, void *lock)
{
    struct memory *memory = userdata;

    if (lock == memory) memory->unlocked++;
}

static int open_mailbox(void *userdata, cyrsync_str name, int64_t wait_ms, void **mailbox,
                        cyrsync_failure *failure)
{
    struct memory *memory = userdata;
    int r = begin(memory, "open", failure);
    size_t i;

    (void)wait_ms;
    if (r) return r;
    for (i = 0; i < COUNT(memory->folders); i++) {
        if (!same(name, memory->folders[i].name)) continue;
        memory->opened++;
        *mailbox = &memory->folders[i];
        return 0;
    }
    return CYRSYNC_RESULT_NOT_FOUND;
}

static int state(void *userdata, void *mailbox, cyrsync_mailbox_state *out,
                 cyrsync_failure *failure)
{
    static const cyrsync_str flags[] = {{"Important", 9}};
    const struct memory_folder *folder = mailbox;
    int r = begin(userdata, "state", failure);

    if (r) return r;
    out->name = text(folder->name);
    out->uniqueid = text(folder->uniqueid);
    out->partition = text("default");
    out->acl = text(acl);
    out->quotaroot = text("user.memory");
    out->flags = flags;
    out->flag_count = 1;
    out->minor_version = 17;
    out->uidvalidity = TIME;
    out->last_uid = folder->last_uid;
    out->num_records = (uint32_t)folder->count;
    out->highestmodseq = folder->highestmodseq;
    out->createdmodseq = out->foldermodseq = 1;
    out->last_appenddate = TIME;
    /* The CRCs stay 0, so the library computes the CRCs. */
    return 0;
}

static int scan(void *userdata, void *mailbox, uint32_t from_uid, uint64_t since_modseq,
                cyrsync_emit_record emit, void *sink, cyrsync_failure *failure)
{
    struct memory *memory = userdata;
    const struct memory_folder *folder = mailbox;
    int r = begin(memory, "scan", failure);
    size_t i;

    for (i = 0; !r && i < folder->count; i++) {
        size_t at = memory->disorder ? folder->count - 1 - i : i;
        const struct memory_message *message = &folder->messages[at];
        cyrsync_record record = CYRSYNC_RECORD_INIT;

        if (message->uid < from_uid) continue;
        if (since_modseq && message->modseq <= since_modseq) continue;
        record.uid = message->uid;
        record.message_size = (uint32_t)message->size;
        record.internaldate = record.last_updated = record.savedate = message->internaldate;
        record.modseq = record.createdmodseq = message->modseq;
        record.system_flags = message->system_flags;
        record.internal_flags = message->internal_flags;
        record.user_flags[0] = message->user_flags;
        guid(record.guid, message->guid);
        r = emit(sink, &record);
    }
    return r;
}

static int emit_annotation(const char *userid, const char *value, cyrsync_emit_annotation emit,
                           void *sink)
{
    cyrsync_annotation annotation = CYRSYNC_ANNOTATION_INIT;

    annotation.name = text("/comment");
    annotation.userid = text(userid);
    annotation.value = text(value);
    return emit(sink, &annotation);
}

static int mailbox_annotations(void *userdata, void *mailbox, cyrsync_emit_annotation emit,
                               void *sink, cyrsync_failure *failure)
{
    const struct memory_folder *folder = mailbox;
    int r = begin(userdata, "mailbox_annotations", failure);

    if (r || strcmp(folder->name, "user.memory") != 0) return r;
    return emit_annotation("", "kept in memory", emit, sink);
}

static int message_annotations(void *userdata, void *mailbox, uint32_t uid,
                               cyrsync_emit_annotation emit, void *sink,
                               cyrsync_failure *failure)
{
    const struct memory_folder *folder = mailbox;
    int r = begin(userdata, "message_annotations", failure);

    if (r || strcmp(folder->name, "user.memory") != 0 || uid != 2) return r;
    r = emit_annotation("memory", "mine", emit, sink);
    return r ? r : emit_annotation("", "for all", emit, sink);
}

/* Messages of the first mailbox are in files, and messages of the second one in memory. */
static int message_file(void *userdata, void *mailbox, const cyrsync_record *record,
                        cyrsync_message_file *file, cyrsync_failure *failure)
{
    struct memory *memory = userdata;
    const struct memory_folder *folder = mailbox;
    int r = begin(memory, "message_file", failure);
    size_t i;

    if (r) return r;
    for (i = 0; i < folder->count; i++) {
        FILE *temporary;

        if (folder->messages[i].uid != record->uid) continue;
        memory->files++;
        if (folder == &memory->folders[1]) {
            file->content.data = folder->messages[i].content;
            file->content.len = folder->messages[i].size;
            return 0;
        }
        temporary = tmpfile();
        if (!temporary) return CYRSYNC_RESULT_IO;
        fwrite(folder->messages[i].content, 1, folder->messages[i].size, temporary);
        fflush(temporary);
        file->fd = dup(fileno(temporary));
        fclose(temporary);
        lseek(file->fd, 0, SEEK_SET);
        return 0;
    }
    return CYRSYNC_RESULT_NOT_FOUND;
}

static void unlock_index(void *userdata, void *mailbox)
{
    (void)userdata, (void)mailbox;
}

static void close_mailbox(void *userdata, void *mailbox)
{
    struct memory *memory = userdata;

    (void)mailbox;
    memory->closed++;
}

static int annotations(void *userdata, cyrsync_str name, cyrsync_emit_annotation emit, void *sink,
                       cyrsync_failure *failure)
{
    int r = begin(userdata, "annotations", failure);

    if (r || !same(name, "user.memory")) return r;
    return emit_annotation("", "kept in memory", emit, sink);
}

static int subscriptions(void *userdata, cyrsync_str userid, cyrsync_emit_str emit, void *sink,
                         cyrsync_failure *failure)
{
    int r = begin(userdata, "subscriptions", failure);

    (void)userid;
    return r ? r : emit(sink, text("user.memory.Sent"));
}

static int seen(void *userdata, cyrsync_str userid, cyrsync_emit_seen emit, void *sink,
                cyrsync_failure *failure)
{
    int r = begin(userdata, "seen", failure);
    cyrsync_seen one = CYRSYNC_SEEN_INIT;

    (void)userid;
    if (r) return r;
    one.uniqueid = text("memory-inbox-0001");
    one.lastread = one.lastchange = TIME;
    one.lastuid = 2;
    one.seenuids = text("1:2");
    return emit(sink, &one);
}

static int quota(void *userdata, cyrsync_str root, cyrsync_emit_quota emit, void *sink,
                 cyrsync_failure *failure)
{
    int r = begin(userdata, "quota", failure);
    cyrsync_quota one = CYRSYNC_QUOTA_INIT;

    if (r || !same(root, "user.memory")) return r;
    one.root = root;
    one.limits[0] = 123456;
    one.limits[1] = one.limits[2] = one.limits[3] = -1;
    return emit(sink, &one);
}

static int sieve_scripts(void *userdata, cyrsync_str userid, cyrsync_emit_sieve emit, void *sink,
                         cyrsync_failure *failure)
{
    int r = begin(userdata, "sieve_scripts", failure);
    const cyrsync_sieve none = CYRSYNC_SIEVE_INIT;
    cyrsync_sieve one = none;

    (void)userid;
    if (r) return r;
    one.name = text("memory.script");
    one.last_update = TIME;
    guid(one.guid, "b2dd3f554458b386d6bff783949208105c5fab1c");
    r = emit(sink, &one);
    if (r) return r;
    /* The active script also has an entry for its bytecode. */
    one = none;
    one.name = text("memory.bc");
    one.active = 1;
    return emit(sink, &one);
}

static int sieve_content(void *userdata, cyrsync_str userid, cyrsync_str name,
                         cyrsync_emit_str emit, void *sink, cyrsync_failure *failure)
{
    int r = begin(userdata, "sieve_content", failure);

    (void)userid, (void)name;
    if (!r) r = emit(sink, text("keep;"));
    return r ? r : emit(sink, text("\r\n"));
}

static int modseq(void *userdata, cyrsync_str name, uint64_t *out, cyrsync_failure *failure)
{
    (void)name;
    *out = 0;
    return begin(userdata, "modseq", failure);
}

static int apply(void *userdata, cyrsync_str verb, cyrsync_str body, cyrsync_str command,
                 cyrsync_emit_str emit, void *sink, cyrsync_failure *failure)
{
    struct memory *memory = userdata;
    int r = begin(memory, "apply", failure);

    memory->applied++;
    if (r) return r;
    if (verb.len + body.len + 2 > command.len) return CYRSYNC_RESULT_INVALID_ARGUMENT;
    return memory_write(memory, verb, body, emit, sink);
}

static void destroy(void *userdata)
{
    struct memory *memory = userdata;

    memory->destroyed++;
    memory_free(memory);
}

void memory_host(struct cyrsync_host *host, struct memory *memory)
{
    const cyrsync_host none = CYRSYNC_HOST_INIT;

    fill(&memory->folders[0], "user.memory", "memory-inbox-0001", inbox, COUNT(inbox));
    fill(&memory->folders[1], "user.memory.Sent", "memory-sent-0002", sent, COUNT(sent));
    *host = none;
    host->userdata = memory;
    host->destroy = destroy;
    host->lookup = lookup;
    host->lookup_by_id = lookup_by_id;
    host->list_user = list_user;
    host->list = list;
    host->sync_lock = sync_lock;
    host->sync_unlock = sync_unlock;
    host->open = open_mailbox;
    host->state = state;
    host->scan = scan;
    host->mailbox_annotations = mailbox_annotations;
    host->message_annotations = message_annotations;
    host->message_file = message_file;
    host->unlock_index = unlock_index;
    host->close = close_mailbox;
    host->annotations = annotations;
    host->subscriptions = subscriptions;
    host->seen = seen;
    host->quota = quota;
    host->sieve_scripts = sieve_scripts;
    host->sieve_content = sieve_content;
    host->used_modseq = modseq;
    host->raclmodseq = modseq;
    host->apply = apply;
}
