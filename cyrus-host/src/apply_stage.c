/* Stages messages that an update will append: in files on the mailbox's partition, where Cyrus's
 * replication server stages them too (sync./process/GUID). Before a message is staged, its content
 * is compared with its GUID. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "apply.h"

#define BUCKETS 16384

void staging_begin(struct staging *staging)
{
    construct_hash_table(&staging->files, BUCKETS, 0);
}

static char *key_of(const char *partition, const struct message_guid *guid)
{
    struct buf key = BUF_INITIALIZER;

    buf_printf(&key, "%s %s", message_guid_encode(guid), partition);
    return buf_release(&key);
}

static void forget(void *data)
{
    struct staged *staged = data;
    char *end;

    unlink(staged->path);
    end = strrchr(staged->path, '/');
    if (end) *end = '\0';
    /* The directory can be removed only after its last file. */
    rmdir(staged->path);
    free(staged->path);
    free(staged);
}

void staging_end(struct staging *staging)
{
    free_hash_table(&staging->files, forget);
}

void staging_clear(struct staging *staging)
{
    staging_end(staging);
    staging_begin(staging);
}

const struct staged *staging_find(const struct staging *staging, const char *partition,
                                  const struct message_guid *guid)
{
    char *key = key_of(partition, guid);
    const struct staged *found = hash_lookup(key, (hash_table *)&staging->files);

    free(key);
    return found;
}

/* Returns the path of a staged file. Contains the address of staging, because another client of
 * this process may stage the same message, and remove its file first. */
static char *path_for(const struct staging *staging, const char *partition, bool archived,
                      const struct message_guid *guid)
{
    struct buf path = BUF_INITIALIZER;

    buf_printf(&path, "%s.%p", version_reserve_path(partition, archived, guid),
               (const void *)staging);
    return buf_release(&path);
}

/* Adds a file to the staged files. If its content does not have the GUID, removes the file. */
static int keep(struct staging *staging, const char *partition, const struct message_guid *guid,
                const char *path, bool archived)
{
    struct index_record parsed;
    struct staged *staged;
    char *key;
    int r;

    memset(&parsed, 0, sizeof(parsed));
    r = message_parse(path, &parsed);
    if (!r && !message_guid_equal(&parsed.guid, guid)) r = IMAP_MAILBOX_CHECKSUM;
    if (r) {
        unlink(path);
        return r;
    }
    staged = xzmalloc(sizeof(*staged));
    staged->path = xstrdup(path);
    staged->size = parsed.size;
    staged->archived = archived;
    key = key_of(partition, guid);
    hash_insert(key, staged, &staging->files);
    free(key);
    return 0;
}

static int write_file(const char *path, struct text content)
{
    int fd;
    int r = 0;

    /* Remove a file of an earlier process with the same number, which was killed. */
    unlink(path);
    fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (fd < 0) return IMAP_IOERROR;
    if (retry_write(fd, content.data, content.len) != (ssize_t)content.len || fsync(fd))
        r = IMAP_IOERROR;
    if (close(fd)) r = IMAP_IOERROR;
    if (r) unlink(path);
    return r;
}

/* Returns the name of a partition of this server as a string, which the caller frees, or NULL. */
static char *partition_of(struct text text)
{
    char *partition = text_name(text);

    /* Cyrus ends the process if a partition is unknown. */
    if (partition && *partition && config_partitiondir(partition)) return partition;
    free(partition);
    return NULL;
}

static bool guid_of(struct text text, struct message_guid *out)
{
    char *digits = text.len == 2 * MESSAGE_GUID_SIZE ? text_name(text) : NULL;
    bool good = digits && message_guid_decode(out, digits) && !message_guid_isnull(out);

    free(digits);
    return good;
}

static int upload(struct staging *staging, const struct item *file, struct buf *why)
{
    struct message_guid guid, found;
    char *partition = partition_of(file->partition);
    int r = 0;

    if (!partition || !guid_of(file->guid, &guid)) {
        r = refuse(why, IMAP_PROTOCOL_BAD_PARAMETERS,
                   "the partition or the GUID of a message is missing");
    } else if (!staging_find(staging, partition, &guid)) {
        message_guid_generate(&found, file->text.data, file->text.len);
        if (!file->text.len || !message_guid_equal(&found, &guid)) {
            r = refuse(why, IMAP_PROTOCOL_BAD_PARAMETERS, "the message does not have the GUID %s",
                       message_guid_encode(&guid));
        } else {
            char *path = path_for(staging, partition, false, &guid);
            r = write_file(path, file->text);
            if (!r) r = keep(staging, partition, &guid, path, false);
            if (r) refuse(why, r, "%s cannot be written", path);
            free(path);
        }
    }
    free(partition);
    return r;
}

int staging_upload(struct staging *staging, struct text body, struct buf *why)
{
    struct item list, file, more;
    struct text files, rest = body;
    int r = 0;

    if (wire_next(&rest, &list) != WIRE_LIST || wire_next(&rest, &more) != WIRE_END)
        return refuse(why, IMAP_PROTOCOL_BAD_PARAMETERS, "the command is not a list of messages");
    for (files = list.text; !r && wire_next(&files, &file) != WIRE_END;)
        r = file.kind == WIRE_FILE
                ? upload(staging, &file, why)
                : refuse(why, IMAP_PROTOCOL_BAD_PARAMETERS, "an item of the list is not a message");
    return r;
}

/* -- messages that mailboxes have -- */

struct search {
    struct staging *staging;
    const char *partition;
    master_mailbox *mailbox;
    /* The GUIDs that are searched for and not found yet. */
    hash_table wanted;
    size_t left;
};

static int stage_own(const struct index_record *record, void *rock)
{
    struct search *search = rock;
    const bool archived = record->internal_flags & FLAG_INTERNAL_ARCHIVED;
    const char *digits = message_guid_encode(&record->guid);
    struct stat info;
    char *path, *to;
    int r;

    if (!search->left) return IMAP_OK_COMPLETED;
    if (record->internal_flags & FLAG_INTERNAL_UNLINKED) return 0;
    if (!hash_lookup(digits, &search->wanted)) return 0;
    path = xstrdup(master_message_path(search->mailbox, record));
    to = path_for(search->staging, search->partition, archived, &record->guid);
    unlink(to);
    /* If the file is damaged or missing, another mailbox may have the same message. */
    r = stat(path, &info) || info.st_size != (off_t)record->size || mailbox_copyfile(path, to, 0);
    if (!r && !keep(search->staging, search->partition, &record->guid, to, archived)) {
        hash_del(message_guid_encode(&record->guid), &search->wanted);
        search->left--;
    }
    free(path);
    free(to);
    return 0;
}

static int search_mailbox(struct search *search, const char *name, int wait_ms)
{
    int r = master_open(name, wait_ms, &search->mailbox);

    /* The mailbox does not exist, so it has no messages. */
    if (r == IMAP_MAILBOX_NONEXISTENT) return 0;
    if (r) return r;
    r = master_scan(search->mailbox, 1, 0, stage_own, search);
    master_close(&search->mailbox);
    return r == IMAP_OK_COMPLETED ? 0 : r;
}

/* Adds the GUIDs that are not staged yet to the wanted ones. */
static int want(struct search *search, struct text guids, struct buf *why)
{
    struct message_guid guid;
    struct item item;

    while (wire_next(&guids, &item) != WIRE_END) {
        const char *digits;
        if (item.kind != WIRE_TEXT || !guid_of(item.text, &guid))
            return refuse(why, IMAP_PROTOCOL_BAD_PARAMETERS, "an item of the list is not a GUID");
        digits = message_guid_encode(&guid);
        if (hash_lookup(digits, &search->wanted)) continue;
        if (staging_find(search->staging, search->partition, &guid)) continue;
        hash_insert(message_guid_encode(&guid), search, &search->wanted);
        search->left++;
    }
    return 0;
}

static void note_missing(const char *guid, void *data __attribute__((unused)), void *rock)
{
    strarray_append(rock, guid);
}

static int search_mailboxes(struct search *search, struct text names, int wait_ms,
                            struct buf *why)
{
    struct item item;
    int r = 0;

    while (!r && wire_next(&names, &item) != WIRE_END) {
        char *name = item.kind == WIRE_TEXT ? text_name(item.text) : NULL;
        if (!name)
            return refuse(why, IMAP_PROTOCOL_BAD_PARAMETERS,
                          "an item of the list is not the name of a mailbox");
        r = search->left ? search_mailbox(search, name, wait_ms) : 0;
        if (r) refuse(why, r, "%s: %s", name, error_message(r));
        free(name);
    }
    return r;
}

int staging_reserve(struct staging *staging, struct text body, int wait_ms, strarray_t *missing,
                    struct buf *why)
{
    struct search search = { .staging = staging };
    struct text names, guids, rest = body;
    struct item pairs, more;
    struct fields fields;
    char *partition;
    int r;

    if (wire_next(&rest, &pairs) != WIRE_PAIRS || wire_next(&rest, &more) != WIRE_END
        || !fields_read(pairs.text, &fields))
        return refuse(why, IMAP_PROTOCOL_BAD_PARAMETERS, "the command is malformed");
    partition = partition_of(field_text(&fields, "PARTITION"));
    names = field_list(&fields, "MBOXNAME");
    guids = field_list(&fields, "GUID");
    if (!partition || fields.bad) {
        free(partition);
        return refuse(why, IMAP_PROTOCOL_BAD_PARAMETERS, "no %s",
                      fields.bad ? fields.bad : "such partition");
    }
    search.partition = partition;
    construct_hash_table(&search.wanted, BUCKETS, 0);
    r = want(&search, guids, why);
    if (!r) r = search_mailboxes(&search, names, wait_ms, why);
    if (!r) hash_enumerate(&search.wanted, note_missing, missing);
    free_hash_table(&search.wanted, NULL);
    free(partition);
    return r;
}
