/* Tests the host store, the functions that read and write Cyrus's data, without cyrsync's library:
 *
 *   tool -C imapd.conf         prints all data of the master, in lines that a test can compare
 *   tool -C imapd.conf apply   executes commands from standard input, each after a line with its
 *                              length in bytes; prints each reply, followed by a line "END" */
#include <stdio.h>
#include <string.h>

#include "master.h"

static int failed(const char *what, const char *subject, int r)
{
    fprintf(stderr, "%s %s: %s\n", what, subject, error_message(r));
    return r;
}

static const char *text(const char *s)
{
    return s ? s : "";
}

static void print_hex(const char *data, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        printf("%02x", (unsigned char)data[i]);
}

static int print_annotation(const char *mailbox __attribute__((unused)), uint32_t uid,
                            const char *entry, const char *userid, const struct buf *value,
                            const struct annotate_metadata *metadata, void *rock)
{
    printf("%s %u %s <%s> %llu ", (const char *)rock, uid, entry, userid, metadata->modseq);
    print_hex(value->s, value->len);
    putchar('\n');
    return 0;
}

static void print_entry(const char *what, const mbentry_t *entry)
{
    int i;

    printf("%s %s <%s> %x <%s> <%s> <%s> %u %llu %llu %lld\n", what, entry->name,
           text(entry->uniqueid), entry->mbtype, text(entry->partition), text(entry->server),
           text(entry->acl), entry->uidvalidity, entry->createdmodseq, entry->foldermodseq,
           (long long)entry->mtime);
    for (i = 0; i < ptrarray_size(&entry->name_history); i++) {
        const former_name_t *former = ptrarray_nth(&entry->name_history, i);
        printf("FORMER %s <%s> %lld %llu %u\n", former->name, text(former->partition),
               (long long)former->mtime, former->foldermodseq, former->uidvalidity);
    }
}

static int print_record(const struct index_record *record, void *rock)
{
    master_mailbox *mailbox = rock;

    printf("RECORD %u %u %lld %lld %lld %llu %llu %016llx %x %x %x.%x.%x.%x %s %s\n", record->uid,
           record->size, (long long)record->internaldate, (long long)record->last_updated,
           (long long)record->savedate, record->modseq, record->createdmodseq, record->cid,
           record->system_flags, record->internal_flags, record->user_flags[0],
           record->user_flags[1], record->user_flags[2], record->user_flags[3],
           message_guid_encode(&record->guid), master_message_path(mailbox, record));
    return master_mailbox_annotations(mailbox, record->uid, print_annotation, "OF MESSAGE");
}

static int print_uid(const struct index_record *record, void *rock __attribute__((unused)))
{
    printf(" %u", record->uid);
    return 0;
}

static void print_state(const master_mailbox *mailbox)
{
    const struct mailbox *cyrus = mailbox->cyrus;
    const struct index_header *i = &cyrus->i;
    const struct synccrcs crcs = i->synccrcs;
    int bit;

    printf("MAILBOX %s <%s> %x <%s> <%s> <%s>\n", mailbox_name(cyrus), mailbox_uniqueid(cyrus),
           mbtypes_sync(mailbox_mbtype(cyrus)), mailbox_partition(cyrus), mailbox_acl(cyrus),
           text(mailbox_quotaroot(cyrus)));
    printf("INDEX %d %x %u %u %llu %llu %llu %llu %u %lld %lld %lld %lld %u\n", i->minor_version,
           i->options & MAILBOX_OPTIONS_MASK, i->uidvalidity, i->last_uid, i->highestmodseq,
           i->deletedmodseq, i->createdmodseq, mailbox_foldermodseq(cyrus), i->recentuid,
           (long long)i->recenttime, (long long)i->last_appenddate, (long long)i->pop3_last_login,
           (long long)i->pop3_show_after, i->num_records);
    printf("CRCS %u %u\n", crcs.basic, crcs.annot);
    if (mailbox->has_conversations) printf("XCONVMODSEQ %llu\n", mailbox->xconvmodseq);
    printf("RACLMODSEQ %llu\n", mailbox->raclmodseq);
    for (bit = 0; bit < MAX_USER_FLAGS; bit++)
        if (cyrus->h.flagname[bit]) printf("FLAG %d %s\n", bit, cyrus->h.flagname[bit]);
}

static int dump_mailbox(const char *name)
{
    master_mailbox *mailbox = NULL;
    struct synccrcs crcs;
    int r = master_open(name, MASTER_WAIT_FOREVER, &mailbox);

    if (r == IMAP_MAILBOX_NONEXISTENT) {
        printf("NOT THERE %s\n", name);
        return 0;
    }
    if (r) return failed("open", name, r);
    print_state(mailbox);
    crcs = mailbox_synccrcs(mailbox->cyrus, 1);
    printf("RECOMPUTED %u %u\n", crcs.basic, crcs.annot);
    r = master_mailbox_annotations(mailbox, 0, print_annotation, "OF MAILBOX");
    if (!r) r = master_scan(mailbox, 0, 0, print_record, mailbox);
    printf("AFTER");
    if (!r) r = master_scan(mailbox, mailbox->cyrus->i.last_uid / 2 + 1, 0, print_uid, NULL);
    putchar('\n');
    master_unlock_index(mailbox);
    master_close(&mailbox);
    return r ? failed("read", name, r) : 0;
}

static int print_seen(const char *uniqueid, struct seendata *seen,
                      void *rock __attribute__((unused)))
{
    printf("SEEN %s %lld %u %lld <%s>\n", uniqueid, (long long)seen->lastread, seen->lastuid,
           (long long)seen->lastchange, seen->seenuids);
    return 0;
}

static int print_script(const char *name, time_t last_update, const struct message_guid *guid,
                        bool active, void *rock)
{
    const char *userid = rock;
    struct buf content = BUF_INITIALIZER;
    int r = active ? 0 : master_sieve_content(userid, name, MASTER_WAIT_FOREVER, &content);

    if (r) return failed("read script", name, r);
    printf("SCRIPT %s %lld %s %d ", name, (long long)last_update, message_guid_encode(guid),
           active);
    print_hex(buf_base(&content), buf_len(&content));
    putchar('\n');
    buf_free(&content);
    return 0;
}

static int print_in_tree(const mbentry_t *entry, void *rock __attribute__((unused)))
{
    print_entry("OF USER", entry);
    return 0;
}

static int failed_entry(const char *name, int why, void *rock __attribute__((unused)))
{
    return failed("read entry", name, why);
}

static int dump_user(const char *userid)
{
    strarray_t *subscriptions = NULL;
    int i;
    int r = master_subscriptions(userid, &subscriptions);

    if (r) return failed("read subscriptions of", userid, r);
    printf("USER %s\n", userid);
    for (i = 0; i < strarray_size(subscriptions); i++)
        printf("SUBSCRIBED %s\n", strarray_nth(subscriptions, i));
    strarray_free(subscriptions);
    r = master_seen(userid, print_seen, NULL);
    if (!r) r = master_sieve_scripts(userid, print_script, (void *)userid);
    if (!r) r = master_user_tree(userid, print_in_tree, failed_entry, NULL);
    return r ? failed("read user", userid, r) : 0;
}

/* Prints all data that belongs to a name: entry, former names, mailbox, user, quota root. */
static int dump_entry(const mbentry_t *entry, void *rock __attribute__((unused)))
{
    mbentry_t *same = NULL;
    struct quota quota;
    char *userid;
    bool found;
    int resource;
    int r;

    print_entry("ENTRY", entry);
    if (entry->uniqueid) {
        r = master_lookup_by_id(entry->uniqueid, &same);
        if (r) return failed("look up", entry->uniqueid, r);
        if (same) print_entry("BY ID", same);
        mboxlist_entry_free(&same);
    }
    printf("USED %llu\n", master_used_modseq(entry->name));
    r = master_quota(entry->name, &quota, &found);
    if (r) return failed("read quota", entry->name, r);
    if (found) {
        printf("QUOTA %llu", quota.modseq);
        for (resource = 0; resource < QUOTA_NUMRESOURCES; resource++)
            printf(" %lld", (long long)quota.limits[resource]);
        putchar('\n');
        quota_free(&quota);
    }
    r = master_annotations(entry->name, MASTER_WAIT_FOREVER, print_annotation, "BY NAME");
    if (!r) r = dump_mailbox(entry->name);
    userid = mboxname_to_userid(entry->name);
    if (!r && userid && mboxname_isusermailbox(entry->name, 1)) r = dump_user(userid);
    free(userid);
    return r;
}

static int dump(void)
{
    int r = master_each("", dump_entry, failed_entry, NULL);

    if (!r) r = master_annotations("", MASTER_WAIT_FOREVER, print_annotation, "OF SERVER");
    return r;
}

/* Executes the commands that a test writes to standard input. */
static int apply(void)
{
    master_writer *writer = master_writer_new();
    struct buf reply = BUF_INITIALIZER;
    char *command;
    size_t length;
    int r = 0;

    while (!r && scanf("%zu", &length) == 1 && getchar() == '\n') {
        /* The memory has exactly this size, so that valgrind detects reads beyond it. */
        command = xmalloc(length ? length : 1);
        if (fread(command, 1, length, stdin) != length) r = IMAP_IOERROR;
        buf_reset(&reply);
        if (!r) master_writer_command(writer, command, length, MASTER_WAIT_FOREVER, &reply);
        fwrite(buf_base(&reply), 1, buf_len(&reply), stdout);
        puts("END");
        free(command);
    }
    buf_free(&reply);
    master_writer_free(&writer);
    return r;
}

int main(int argc, char **argv)
{
    const bool writes = argc == 4 && strcmp(argv[3], "apply") == 0;
    int r;

    if ((argc != 3 && !writes) || strcmp(argv[1], "-C") != 0) {
        fprintf(stderr, "usage: %s -C imapd.conf [apply]\n", argv[0]);
        return EX_USAGE;
    }
    r = program_begin(argv[2], "sync_client");
    if (r) return failed("start", "cyrus", r) ? EX_TEMPFAIL : 0;
    sync_log_suppress();
    r = writes ? apply() : dump();
    fflush(stdout);
    program_end();
    return r ? 1 : 0;
}
