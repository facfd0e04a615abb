/* The locks between replication clients and around a user: those that Cyrus's own client takes. */
#include <time.h>

#include "master.h"

#define STEP_MS 10

/* '^' for '.', as locks of other processes are called: "*S*host*userid". */
static void add_name(struct buf *name, const char *part)
{
    for (; *part; part++)
        buf_putc(name, *part == '.' ? '^' : *part);
}

bool master_pause(int *waited, int wait_ms)
{
    const struct timespec step = { 0, STEP_MS * 1000000L };

    if (*waited >= wait_ms) return false;
    nanosleep(&step, NULL);
    *waited += STEP_MS;
    return true;
}

/* Takes a lock by its name. Cyrus can wait for ever or not at all. */
static int take(const struct buf *name, int type, int wait_ms, struct mboxlock **out)
{
    const char *text = buf_cstring(name);
    int waited = 0;
    int r;

    do
        r = mboxname_lock(text, out, wait_ms < 0 ? type : type | LOCK_NONBLOCK);
    while (r == IMAP_MAILBOX_LOCKED && master_pause(&waited, wait_ms));
    /* It may be an errno. */
    return r > 0 ? IMAP_IOERROR : r;
}

int master_sync_lock(const char *server, const char *userid, int wait_ms, struct mboxlock **out)
{
    struct buf name = BUF_INITIALIZER;
    int r;

    buf_setcstr(&name, "*S*");
    add_name(&name, server);
    buf_putc(&name, '*');
    add_name(&name, userid ? userid : "");
    r = take(&name, LOCK_EXCLUSIVE, wait_ms, out);
    buf_free(&name);
    return r;
}

int master_user_lock(const char *userid, bool write, int wait_ms, struct mboxlock **out)
{
    struct buf name = BUF_INITIALIZER;
    int r;

    buf_setcstr(&name, "*U*");
    add_name(&name, userid);
    r = take(&name, write ? LOCK_EXCLUSIVE : LOCK_SHARED, wait_ms, out);
    buf_free(&name);
    return r;
}

void master_sync_unlock(struct mboxlock **lock)
{
    mboxname_release(lock);
}
