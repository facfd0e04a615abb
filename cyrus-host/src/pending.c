/* Completes updates whose process was killed while it committed them. Cyrus writes records one by
 * one, and a mailbox's index, quota and conversations one after the other. Therefore, from before
 * the first commit until after the last one, a file names the mailbox and the messages that will be
 * expunged there. A process that finds such a file expunges the rest of these messages, and
 * computes quota and conversations again. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <syslog.h>

#include "apply.h"

/* The time limit for a user's lock, in milliseconds. If another process holds it for longer, the
 * update is completed at the next start. */
#define PATIENCE_MS 2000
/* The last line of a file. If it is missing, the file was not written completely. */
#define END "."
/* The number of attempts to count a quota while other processes change it. */
#define TRIES 5

static char *directory(void)
{
    return strconcat(config_dir, "/cyrsync/pending/", NULL);
}

/* Returns a path that the caller frees; NULL if uniqueid is not a valid file name. */
static char *path_of(const char *uniqueid)
{
    char *at = directory();
    char *path = *uniqueid && !strchr(uniqueid, '/') && *uniqueid != '.'
                     ? strconcat(at, uniqueid, NULL)
                     : NULL;

    free(at);
    return path;
}

/* Appends the description of an update: a line with the name of the mailbox, a line with UID and
 * GUID for each message that will be expunged, and END. out may already contain an earlier update
 * that was not completed. */
static void describe(const struct update *update, struct buf *out)
{
    struct text rest = update->records;
    struct given given;
    struct item item;

    buf_printf(out, "%s\n", mailbox_name(update->mailbox));
    while (wire_next(&rest, &item) != WIRE_END)
        if (record_read(&item, &given)
            && (given.record.internal_flags & FLAG_INTERNAL_EXPUNGED))
            buf_printf(out, "%u %s\n", given.record.uid,
                       message_guid_encode(&given.record.guid));
    buf_appendcstr(out, END "\n");
}

/* Appends the content that the file has from an earlier update. */
static int read_earlier(const char *path, struct buf *out)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    char bytes[4096];
    ssize_t got;

    if (fd < 0) return errno == ENOENT ? 0 : IMAP_IOERROR;
    while ((got = read(fd, bytes, sizeof(bytes))) > 0) buf_appendmap(out, bytes, (size_t)got);
    close(fd);
    return got < 0 ? IMAP_IOERROR : 0;
}

static int write_file(const char *path, const struct buf *text)
{
    const int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    int r = IMAP_IOERROR;

    if (fd < 0) return r;
    if (retry_write(fd, buf_base(text), buf_len(text)) == (ssize_t)buf_len(text) && !fsync(fd))
        r = 0;
    return close(fd) ? IMAP_IOERROR : r;
}

/* Writes the directory to disk, so that a rename survives a crash. */
static int sync_directory(void)
{
    char *at = directory();
    const int fd = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int r = fd < 0 || fsync(fd) ? IMAP_IOERROR : 0;

    if (fd >= 0) close(fd);
    free(at);
    return r;
}

/* Another process may read the file at any time. So a new file is written, and renamed when it is
 * complete. The mailbox is locked, so only one process writes the file. */
int pending_begin(const struct update *update)
{
    const char *uniqueid = mailbox_uniqueid(update->mailbox);
    char *path = path_of(uniqueid);
    char *at = directory();
    /* Files whose names begin with a dot are ignored. */
    char *fresh = strconcat(at, ".", uniqueid, NULL);
    struct buf text = BUF_INITIALIZER;
    int r = path && !cyrus_mkdir(path, 0755) ? 0 : IMAP_IOERROR;

    if (!r) r = read_earlier(path, &text);
    if (!r) describe(update, &text);
    if (!r) r = write_file(fresh, &text);
    if (!r && rename(fresh, path)) r = IMAP_IOERROR;
    if (!r) r = sync_directory();
    buf_free(&text);
    free(fresh);
    free(at);
    free(path);
    return r;
}

void pending_end(const char *uniqueid)
{
    char *path = path_of(uniqueid);

    if (path) unlink(path);
    free(path);
}

/* -- computing quota and conversations -- */

static int add_usage(const mbentry_t *entry, void *rock)
{
    struct quota *counted = rock;
    master_mailbox *mailbox = NULL;
    quota_t usage[QUOTA_NUMRESOURCES];
    int resource;
    int r = master_open(entry->name, PATIENCE_MS, &mailbox);

    if (r == IMAP_MAILBOX_NONEXISTENT) return 0;
    if (r) return r;
    if (strcmpsafe(mailbox_quotaroot(mailbox->cyrus), counted->root) == 0) {
        mailbox_get_usage(mailbox->cyrus, usage);
        for (resource = 0; resource < QUOTA_NUMRESOURCES; resource++)
            counted->useds[resource] += usage[resource];
    }
    master_close(&mailbox);
    return 0;
}

/* The root of a domain, such as "example.org!", is not the name of a mailbox. */
static int count_usage(const char *root, struct quota *counted)
{
    const size_t len = strlen(root);

    if (len && root[len - 1] == '!') return mboxlist_allmbox(root, add_usage, counted, 0);
    return mboxlist_mboxtree(root, add_usage, counted, 0);
}

/* Returns IMAP_AGAIN if another process changed the quota meanwhile. */
static int count_quota_once(const char *root)
{
    struct quota before, counted, now;
    struct txn *tid = NULL;
    int r;

    quota_init(&before, root);
    quota_init(&counted, root);
    quota_init(&now, root);
    r = quota_read(&before, NULL, 0);
    if (!r) r = count_usage(root, &counted);
    if (!r) r = quota_read(&now, &tid, 1);
    if (!r && memcmp(before.useds, now.useds, sizeof(now.useds)) != 0) r = IMAP_AGAIN;
    if (!r) {
        memcpy(now.useds, counted.useds, sizeof(now.useds));
        r = quota_write(&now, 1, &tid);
    }
    if (r) quota_abort(&tid);
    else quota_commit(&tid);
    quota_free(&before);
    quota_free(&counted);
    quota_free(&now);
    return r;
}

static int count_quota(const char *name)
{
    char root[MAX_MAILBOX_PATH + 1];
    int tries = 0;
    int r;

    if (!quota_findroot(root, sizeof(root), name)) return 0;
    do
        r = count_quota_once(root);
    while (r == IMAP_AGAIN && ++tries < TRIES);
    return r;
}

static int is_readable(const struct index_record *record __attribute__((unused)),
                       void *rock __attribute__((unused)))
{
    return 0;
}

/* mailbox_add_conversations() ends the process at a record that cannot be read. So all records are
 * read first. */
static int add_conversations(const mbentry_t *entry, void *rock __attribute__((unused)))
{
    master_mailbox *mailbox = NULL;
    int r = master_open(entry->name, PATIENCE_MS, &mailbox);

    if (r == IMAP_MAILBOX_NONEXISTENT) return 0;
    if (r) return r;
    r = master_scan(mailbox, 0, 0, is_readable, NULL);
    if (!r) r = mailbox_add_conversations(mailbox->cyrus, 1);
    /* Clients have seen this XCONVMODSEQ, so it must not change. */
    if (!r) r = mailbox_update_xconvmodseq(mailbox->cyrus, mailbox->xconvmodseq, 0);
    master_close(&mailbox);
    return r;
}

static int count_conversations(const char *userid)
{
    struct conversations_state *state = NULL;
    int r;

    if (!userid || !config_getswitch(IMAPOPT_CONVERSATIONS)) return 0;
    r = conversations_open_user(userid, 0, &state);
    if (!r) r = conversations_zero_counts(state, 0);
    if (!r) r = mboxlist_usermboxtree(userid, NULL, add_conversations, NULL, 0);
    if (!r) r = conversations_cleanup_zero(state);
    if (r && state) conversations_abort(&state);
    return r ? r : conversations_commit(&state);
}

/* -- completing an update -- */

/* The result of a scan of the mailbox. */
struct survey {
    /* The highest UID of each message that is not expunged, by GUID. */
    hash_table living;
    modseq_t highest;
};

static int note_living(const struct index_record *record, void *rock)
{
    struct survey *survey = rock;
    const char *guid = message_guid_encode(&record->guid);

    if (record->modseq > survey->highest) survey->highest = record->modseq;
    if (record->internal_flags & FLAG_INTERNAL_EXPUNGED) return 0;
    hash_del(guid, &survey->living);
    hash_insert(guid, (void *)(uintptr_t)record->uid, &survey->living);
    return 0;
}

/* Expunges a message of the file, if the mailbox has it under a higher UID too. */
static int finish_one(struct mailbox *mailbox, const char *line, struct survey *survey)
{
    struct index_record record;
    char guid[2 * MESSAGE_GUID_SIZE + 1];
    unsigned uid;
    int r;

    if (sscanf(line, "%u %40s", &uid, guid) != 2) return 0;
    if ((uintptr_t)hash_lookup(guid, &survey->living) <= uid) return 0;
    r = mailbox_find_index_record(mailbox, uid, &record);
    if (r == IMAP_NOTFOUND) return 0;
    if (r || (record.internal_flags & FLAG_INTERNAL_EXPUNGED)) return r;
    if (strcmp(message_guid_encode(&record.guid), guid) != 0) return 0;
    record.internal_flags |= FLAG_INTERNAL_EXPUNGED;
    record.ignorelimits = 1;
    return mailbox_rewrite_index_record(mailbox, &record);
}

static int finish(const char *name, const char *uniqueid, const strarray_t *lines)
{
    struct survey survey = { .living = HASH_TABLE_INITIALIZER };
    master_mailbox whole = { .cyrus = NULL };
    int i;
    int r = master_openable(name);

    if (!r) r = mailbox_open_iwl(name, &whole.cyrus);
    if (r) return r == IMAP_MAILBOX_NONEXISTENT ? 0 : r;
    construct_hash_table(&survey.living, 16384, 0);
    if (strcmpsafe(mailbox_uniqueid(whole.cyrus), uniqueid) != 0) r = IMAP_MAILBOX_MOVED;
    if (!r) r = master_scan(&whole, 1, 0, note_living, &survey);
    /* The records may have been written, but not the index header. */
    if (!r && whole.cyrus->i.highestmodseq < survey.highest)
        whole.cyrus->i.highestmodseq = survey.highest;
    if (!r) r = mailbox_index_recalc(whole.cyrus);
    /* Lines that do not describe a message are ignored. */
    for (i = 0; !r && i < strarray_size(lines); i++)
        r = finish_one(whole.cyrus, strarray_nth(lines, i), &survey);
    if (!r) r = mailbox_commit(whole.cyrus);
    if (r) mailbox_abort(whole.cyrus);
    mailbox_close(&whole.cyrus);
    free_hash_table(&survey.living, NULL);
    return r;
}

static int settle(const char *path, const char *uniqueid, const strarray_t *lines)
{
    struct mboxlock *lock = NULL;
    mbentry_t *entry = NULL;
    const char *name;
    char *userid;
    int r = master_lookup_by_id(uniqueid, &entry);

    if (r) return r;
    /* The mailbox may have been renamed or deleted since then. */
    name = entry ? entry->name : strarray_nth(lines, 0);
    userid = mboxname_to_userid(name);
    r = master_user_lock(userid, true, PATIENCE_MS, &lock);
    /* The process that wrote the file may have been alive, and may have completed the update
     * meanwhile. */
    if (!r && access(path, F_OK) == 0) {
        r = count_quota(name);
        if (!r) r = count_conversations(userid);
        if (!r && entry) r = finish(name, uniqueid, lines);
        /* No channel is called "*", so this logs to all channels. */
        if (!r) master_log_change(name, "*");
        if (!r) unlink(path);
        syslog(r ? LOG_ERR : LOG_NOTICE, "an interrupted update of %s was completed%s%s", name,
               r ? " only in part: " : "", r ? error_message(r) : "");
    }
    if (lock) mboxname_release(&lock);
    free(userid);
    mboxlist_entry_free(&entry);
    return r;
}

/* Returns the lines of a file except the last; NULL if the file cannot be read or is not
 * complete. */
static strarray_t *read_lines(const char *path)
{
    FILE *file = fopen(path, "r");
    strarray_t *lines = strarray_new();
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    bool whole = false;

    while (file && (len = getline(&line, &room, file)) > 0) {
        if (line[len - 1] == '\n') line[len - 1] = '\0';
        whole = strcmp(line, END) == 0;
        if (!whole) strarray_append(lines, line);
    }
    free(line);
    if (file) fclose(file);
    if (whole && strarray_size(lines) > 0) return lines;
    strarray_free(lines);
    return NULL;
}

void master_settle(void)
{
    char *at = directory();
    DIR *dir = opendir(at);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        char *path = path_of(entry->d_name);
        strarray_t *lines = path ? read_lines(path) : NULL;
        if (lines && open_mailboxes_exist())
            syslog(LOG_NOTICE, "an interrupted update of %s is not completed now, because this "
                   "process has a mailbox open", strarray_nth(lines, 0));
        else if (lines) settle(path, entry->d_name, lines);
        /* The process that wrote the file may have completed the update meanwhile. If a file is
         * damaged, it is kept, so that a person can look at it. */
        else if (path && access(path, F_OK) == 0)
            syslog(LOG_ERR, "%s cannot be read: an update of the mailbox with this uniqueid may be "
                   "incomplete; run reconstruct and quota -f on the mailbox, then remove the file",
                   path);
        if (lines) strarray_free(lines);
        free(path);
    }
    if (dir) closedir(dir);
    free(at);
}
