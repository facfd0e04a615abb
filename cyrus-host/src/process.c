#include "process.h"

#include <ctype.h>
#include <signal.h>
#include <string.h>
#include <syslog.h>

#include "cyrsync_cyrus.h"
#include "master.h"

static const int stopping[] = { SIGTERM, SIGINT, SIGQUIT };
#define STOPPING (sizeof(stopping) / sizeof(stopping[0]))

/* A handler has no argument for these. */
static cyrsync_client *volatile working;
static struct sigaction of_cyrus[STOPPING];
static sigset_t mask_of_cyrus;

/* CYRUS_VERSION of the library begins with PACKAGE_VERSION; Debian's continues with "-Debian-". */
static bool same_version(void)
{
    const size_t length = strlen(PACKAGE_VERSION);

    return !strncmp(CYRUS_VERSION, PACKAGE_VERSION, length) &&
           !isdigit((unsigned char)CYRUS_VERSION[length]);
}

/* The options of imapd.conf that cyrus-host reads. A patch of a distribution may add an option, and
 * then the same version has other numbers. */
static const struct {
    enum imapopt number;
    const char *name;
} options[] = {
    { IMAPOPT_CONVERSATIONS, "conversations" },
    { IMAPOPT_DELETEDPREFIX, "deletedprefix" },
    { IMAPOPT_MBOXLIST_DB_PATH, "mboxlist_db_path" },
    { IMAPOPT_REVERSEACLS, "reverseacls" },
    { IMAPOPT_SYNC_HOST, "sync_host" },
    { IMAPOPT_SYNC_LOG, "sync_log" },
    { IMAPOPT_SYNC_LOG_CHANNELS, "sync_log_channels" },
    { IMAPOPT_SYNC_RECONNECT_MAXWAIT, "sync_reconnect_maxwait" },
    { IMAPOPT_SYNC_REPEAT_INTERVAL, "sync_repeat_interval" },
    { IMAPOPT_SYNC_RIGHTNOW_CHANNEL, "sync_rightnow_channel" },
    { IMAPOPT_SYNC_SHUTDOWN_FILE, "sync_shutdown_file" },
};

static bool same_options(void)
{
    size_t i;
    unsigned last = 0;

    while (imapopts[last].optname) last++;
    for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (options[i].number >= last
            || strcmp(imapopts[options[i].number].optname, options[i].name) != 0)
            return false;
    return true;
}

bool cyrsync_cyrus_fits(void)
{
    static bool known, fits;
    const char *what = "version";

    if (known) return fits;
    known = true;
    fits = same_version();
    if (fits) {
        what = "revision";
        fits = same_options();
    }
    if (!fits)
        syslog(LOG_ERR,
               "SYNCERROR cyrsync: cyrus-host was built for another %s of Cyrus: for %s, but this "
               "is %s: cyrsync does not replicate; build cyrus-host for this %s",
               what, PACKAGE_VERSION, CYRUS_VERSION, what);
    return fits;
}

static bool has_handler(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) ||
           (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN);
}

static void on_stopping(int number, siginfo_t *info, void *context)
{
    size_t i;

    if (working) cyrsync_client_cancel(working);
    for (i = 0; i < STOPPING; i++) {
        if (stopping[i] != number) continue;
        if (of_cyrus[i].sa_flags & SA_SIGINFO) of_cyrus[i].sa_sigaction(number, info, context);
        else of_cyrus[i].sa_handler(number);
    }
}

void process_interruptible(cyrsync_client *client)
{
    struct sigaction action;
    sigset_t unblocked;
    size_t i;

    working = client;
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = on_stopping;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    for (i = 0; i < STOPPING; i++) {
        sigaction(stopping[i], NULL, &of_cyrus[i]);
        /* Without a handler of Cyrus, the signal ends the process or is ignored. Keep that. */
        if (has_handler(&of_cyrus[i])) sigaction(stopping[i], &action, NULL);
    }
    /* Cyrus blocks these signals except while it waits in signals_select() (lib/signals.c). */
    sigemptyset(&unblocked);
    for (i = 0; i < STOPPING; i++) sigaddset(&unblocked, stopping[i]);
    sigprocmask(SIG_UNBLOCK, &unblocked, &mask_of_cyrus);
}

void process_restore(cyrsync_client *client)
{
    size_t i;

    sigprocmask(SIG_SETMASK, &mask_of_cyrus, NULL);
    for (i = 0; i < STOPPING; i++) sigaction(stopping[i], &of_cyrus[i], NULL);
    working = NULL;
    /* This cannot fail: the client is not in use. */
    if (cyrsync_client_reset_cancel(client, NULL) != CYRSYNC_RESULT_OK)
        syslog(LOG_ERR, "SYNCERROR cyrsync: the client stays cancelled");
}
