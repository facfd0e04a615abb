/* Cyrus in this process. */
#include <stdio.h>
#include <syslog.h>

#include "master.h"

static struct namespace internal_names;

/* Whoever links libcyrus_imap defines these, for SASL. Cyrus has one thread. */
void *cyrus_mutex_alloc(void)
{
    return &internal_names;
}

int cyrus_mutex_lock(void *mutex __attribute__((unused)))
{
    return 0;
}

int cyrus_mutex_unlock(void *mutex __attribute__((unused)))
{
    return 0;
}

void cyrus_mutex_free(void *mutex __attribute__((unused)))
{
}

/* Whoever links libcyrus defines this: how the process ends when Cyrus cannot go on. The engine is
 * then in the middle of a call and stays there. A replica does not carry out a command that breaks
 * off. */
void fatal(const char *reason, int code)
{
    static bool ending;

    fprintf(stderr, "fatal error: %s\n", reason);
    if (!ending) {
        ending = true;
        syslog(LOG_ERR, "Fatal error: %s", reason);
    }
    /* Neither delayed actions nor destructors: what they would work on may be what is broken. */
    _exit(code);
}

int master_begin(const char *imapd_conf, const char *ident)
{
    int r;

    cyrus_init(imapd_conf, ident, 0, CONFIG_NEED_PARTITION_DATA);
    /* The namespace as administrators see it, for what is given on the command line. */
    r = mboxname_init_namespace(&internal_names, 1);
    if (r) return r;
    mboxevent_setnamespace(&internal_names);
    /* What a repair changes here is told to the logs of other channels (master_log_change): the
     * replica of this one has it. */
    sync_log_init();
    sync_log_suppress();
    return 0;
}

void master_end(void)
{
    in_shutdown = 1;
    libcyrus_run_delayed();
    seen_done();
    sync_log_done();
    cyrus_done();
}
