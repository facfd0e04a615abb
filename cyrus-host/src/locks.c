/* Takes the same locks as Cyrus's own client: for the replication of a user, and for the user's
 * data. */
#include <time.h>

#include "master.h"

/* The first and the longest pause between two attempts to take a lock, in milliseconds. The pauses
 * become longer, because Cyrus logs each failed attempt since 3.8. */
#define FIRST_PAUSE_MS 10
#define LONGEST_PAUSE_MS 500

/* Appends part to the name of a lock, with '^' instead of '.', as in all names of Cyrus's locks. */
static void add_name(struct buf *name, const char *part)
{
    for (; *part; part++)
        buf_putc(name, *part == '.' ? '^' : *part);
}

bool master_pause(int *waited, int wait_ms)
{
    int pause = *waited < FIRST_PAUSE_MS ? FIRST_PAUSE_MS : *waited;
    struct timespec time;

    if (*waited >= wait_ms) return false;
    if (pause > LONGEST_PAUSE_MS) pause = LONGEST_PAUSE_MS;
    if (pause > wait_ms - *waited) pause = wait_ms - *waited;
    time.tv_sec = 0;
    time.tv_nsec = pause * 1000000L;
    nanosleep(&time, NULL);
    *waited += pause;
    return true;
}

/* Tries to take a lock once, with the type and flags of mboxname_lock(). */
typedef int attempt(const char *of, int type, struct mboxlock **out);

static int by_name(const char *name, int type, struct mboxlock **out)
{
    const int r = mboxname_lock(name, out, type);

    /* A positive number is an errno. */
    return r > 0 ? IMAP_IOERROR : r;
}

/* The name of a user's lock depends on the version, so Cyrus makes it. Cyrus does not return the
 * reason of a failure. */
static int of_user(const char *userid, int type, struct mboxlock **out)
{
    *out = user_namespacelock_full(userid, type);
    if (*out) return 0;
    return type & LOCK_NONBLOCK ? IMAP_MAILBOX_LOCKED : IMAP_IOERROR;
}

/* Takes a lock. Cyrus can only wait without limit or not at all, so tries repeatedly. */
static int take(attempt *once, const char *of, int type, int wait_ms, struct mboxlock **out)
{
    int waited = 0;
    int r;

    do
        r = once(of, wait_ms < 0 ? type : type | LOCK_NONBLOCK, out);
    while (r == IMAP_MAILBOX_LOCKED && master_pause(&waited, wait_ms));
    if (r && type == LOCK_EXCLUSIVE) version_drop_global_lock();
    return r;
}

int master_sync_lock(const char *server, const char *userid, int wait_ms, struct mboxlock **out)
{
    struct buf name = BUF_INITIALIZER;
    int r;

    buf_setcstr(&name, "*S*");
    add_name(&name, server);
    buf_putc(&name, '*');
    add_name(&name, userid ? userid : "");
    r = take(by_name, buf_cstring(&name), LOCK_EXCLUSIVE, wait_ms, out);
    buf_free(&name);
    return r;
}

int master_user_lock(const char *userid, bool write, int wait_ms, struct mboxlock **out)
{
    return take(of_user, userid, write ? LOCK_EXCLUSIVE : LOCK_SHARED, wait_ms, out);
}

void master_sync_unlock(struct mboxlock **lock)
{
    mboxname_release(lock);
}
