/* Defines what every program that links Cyrus's libraries must define, and starts and ends such a
 * program. */
#include <stdio.h>
#include <syslog.h>

#include "master.h"

/* SASL calls these functions. Cyrus has only one thread, so a mutex need only be a pointer that is
 * not NULL. */
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

/* Ends the process when Cyrus cannot continue. The engine may be inside a call, which then never
 * returns. The replica does not execute a command that it has received only in part. */
EXPORTED void fatal(const char *reason, int code)
{
    static bool ending;

    fprintf(stderr, "fatal error: %s\n", reason);
    if (!ending) {
        ending = true;
        syslog(LOG_ERR, "Fatal error: %s", reason);
    }
    /* Run neither delayed actions nor destructors, because their data may be damaged. */
    _exit(code);
}

int program_begin(const char *imapd_conf, const char *ident)
{
    struct namespace internal_names;
    int r;

    cyrus_init(imapd_conf, ident, 0, CONFIG_NEED_PARTITION_DATA);
    /* Names on the command line are external names, as administrators type them. */
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
