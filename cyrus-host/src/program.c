/* What each program that links Cyrus's libraries defines, and how it starts and ends. */
#include <stdio.h>
#include <syslog.h>

#include "master.h"

/* These are for SASL. Cyrus has one thread, and a mutex is only not NULL. */
EXPORTED void *cyrus_mutex_alloc(void)
{
    static const char mutex;

    return (void *)&mutex;
}

EXPORTED int cyrus_mutex_lock(void *mutex __attribute__((unused)))
{
    return 0;
}

EXPORTED int cyrus_mutex_unlock(void *mutex __attribute__((unused)))
{
    return 0;
}

EXPORTED void cyrus_mutex_free(void *mutex __attribute__((unused)))
{
}

/* How the process ends when Cyrus cannot go on. The engine is
 * then in the middle of a call and stays there. A replica does not carry out a command that breaks
 * off. */
EXPORTED void fatal(const char *reason, int code)
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

int program_begin(const char *imapd_conf, const char *ident)
{
    struct namespace internal_names;
    int r;

    cyrus_init(imapd_conf, ident, 0, CONFIG_NEED_PARTITION_DATA);
    /* The namespace as administrators see it, for what is given on the command line. */
    r = mboxname_init_namespace(&internal_names, 1);
    if (r) return r;
    mboxevent_setnamespace(&internal_names);
    sync_log_init();
    return 0;
}

void program_end(void)
{
    in_shutdown = 1;
    libcyrus_run_delayed();
    seen_done();
    sync_log_done();
    cyrus_done();
}
