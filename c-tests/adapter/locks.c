/* The lock between replication clients: the one that Cyrus's own client takes. */
#include <time.h>

#include "master.h"

#define STEP_MS 10

/* "*S*host*userid" with '^' for '.', as locks of other processes are called. */
static void add_name(struct buf *name, const char *part)
{
    for (; *part; part++)
        buf_putc(name, *part == '.' ? '^' : *part);
}

int master_sync_lock(const char *server, const char *userid, int wait_ms, struct mboxlock **out)
{
    const struct timespec step = { 0, STEP_MS * 1000000L };
    struct buf name = BUF_INITIALIZER;
    int flags = LOCK_EXCLUSIVE;
    int waited = 0;
    int r;

    buf_setcstr(&name, "*S*");
    add_name(&name, server);
    buf_putc(&name, '*');
    add_name(&name, userid ? userid : "");

    if (wait_ms != MASTER_WAIT_FOREVER) flags |= LOCK_NONBLOCK;
    for (;;) {
        r = mboxname_lock(buf_cstring(&name), out, flags);
        /* Cyrus has no lock that waits for so long. */
        if (r != IMAP_MAILBOX_LOCKED || waited >= wait_ms) break;
        nanosleep(&step, NULL);
        waited += STEP_MS;
    }
    buf_free(&name);
    return r;
}

void master_sync_unlock(struct mboxlock **lock)
{
    mboxname_release(lock);
}
