/* What a process leaves behind that is killed while an update is committed. Cyrus writes a mailbox's index, its quota
 * and its conversations one after the other: then the last two may count what is not there, or not count what is. So a
 * file names the mailbox from before the commit until after it, and who finds it counts anew. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <syslog.h>

#include "apply.h"

/* Somebody may be at work there. It can wait for the next start. */
#define PATIENCE_MS 2000
/* Tries to count a quota while others write. */
#define TRIES 5

static char *directory(void)
{
    return strconcat(config_dir, "/cyrsync/pending/", NULL);
}

/* To be freed; NULL if there is no such name. */
static char *path_of(const char *uniqueid)
{
    char *at = directory();
    char *path = *uniqueid && !strchr(uniqueid, '/') && *uniqueid != '.'
                     ? strconcat(at, uniqueid, NULL)
                     : NULL;

    free(at);
    return path;
}

int pending_begin(const struct mailbox *mailbox)
{
    const char *name = mailbox_name(mailbox);
    char *path = path_of(mailbox_uniqueid(mailbox));
    int fd = -1;
    int r = IMAP_IOERROR;

    if (path && !cyrus_mkdir(path, 0755))
        fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0) {
        if (retry_write(fd, name, strlen(name)) == (ssize_t)strlen(name) && !fsync(fd)) r = 0;
        if (close(fd)) r = IMAP_IOERROR;
    }
    free(path);
    return r;
}

void pending_end(const char *uniqueid)
{
    char *path = path_of(uniqueid);

    if (path) unlink(path);
    free(path);
}

/* -- counting anew -- */

static int add_usage(const mbentry_t *entry, void *rock)
{
    struct quota *counted = rock;
    struct mailbox *mailbox = NULL;
    quota_t usage[QUOTA_NUMRESOURCES];
    int resource;
    int r = mailbox_open_irl(entry->name, &mailbox);

    if (r == IMAP_MAILBOX_NONEXISTENT) return 0;
    if (r) return r;
    if (strcmpsafe(mailbox_quotaroot(mailbox), counted->root) == 0) {
        mailbox_get_usage(mailbox, usage);
        for (resource = 0; resource < QUOTA_NUMRESOURCES; resource++)
            counted->useds[resource] += usage[resource];
    }
    mailbox_close(&mailbox);
    return 0;
}

/* IMAP_AGAIN if it was changed by others. */
static int count_quota_once(const char *root)
{
    struct quota before, counted, now;
    struct txn *tid = NULL;
    int r;

    quota_init(&before, root);
    quota_init(&counted, root);
    quota_init(&now, root);
    r = quota_read(&before, NULL, 0);
    if (!r) r = mboxlist_mboxtree(root, add_usage, &counted, 0);
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

static int add_conversations(const mbentry_t *entry, void *rock __attribute__((unused)))
{
    struct mailbox *mailbox = NULL;
    modseq_t xconvmodseq = 0;
    int r = mailbox_open_irl(entry->name, &mailbox);

    if (r == IMAP_MAILBOX_NONEXISTENT) return 0;
    if (r) return r;
    r = mailbox_get_xconvmodseq(mailbox, &xconvmodseq);
    if (!r) r = mailbox_add_conversations(mailbox, 1);
    /* Clients have seen this one. */
    if (!r) r = mailbox_update_xconvmodseq(mailbox, xconvmodseq, 0);
    mailbox_close(&mailbox);
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

/* -- at the start -- */

/* The name in a file; NULL if there is none in it. To be freed. */
static char *read_name(const char *path)
{
    char name[MAX_MAILBOX_NAME + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t len;

    if (fd < 0) return NULL;
    len = read(fd, name, sizeof(name));
    close(fd);
    if (len <= 0 || (size_t)len == sizeof(name) || memchr(name, '\0', (size_t)len)) return NULL;
    return xstrndup(name, (size_t)len);
}

static int settle(const char *path, const char *name)
{
    struct mboxlock *lock = NULL;
    char *userid = mboxname_to_userid(name);
    int r = master_user_lock(userid ? userid : "", true, PATIENCE_MS, &lock);

    /* Who wrote it may have been alive, and done meanwhile. */
    if (!r && access(path, F_OK) == 0) {
        r = count_quota(name);
        if (!r) r = count_conversations(userid);
        if (!r) unlink(path);
        syslog(r ? LOG_ERR : LOG_NOTICE, "an update of %s was broken off: counted anew%s%s", name,
               r ? ": " : "", r ? error_message(r) : "");
    }
    if (lock) mboxname_release(&lock);
    free(userid);
    return r;
}

void master_settle(void)
{
    char *at = directory();
    DIR *dir = opendir(at);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        char *path = path_of(entry->d_name);
        char *name = path ? read_name(path) : NULL;
        /* It was killed before there was anything to write. */
        if (path && !name) unlink(path);
        if (name) settle(path, name);
        free(name);
        free(path);
    }
    if (dir) closedir(dir);
    free(at);
}
