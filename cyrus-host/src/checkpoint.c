/* Replicates the changes of this process before its user gets an answer. Cyrus collects the log
 * entries for sync_rightnow_channel in memory (sync_log_rightnow_buf). */
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "cyrsync_cyrus.h"
#include "host.h"
#include "master.h"
#include "process.h"

/* How long a user waits for each lock that another process holds, in milliseconds. */
#define PATIENCE_MS 2000

struct cyrsync_checkpoint {
    /* Made when it is first needed, and then kept. */
    cyrsync_client *client;
    unsigned idle_seconds;
};

void cyrsync_cyrus_begin(void)
{
    if (cyrsync_cyrus_fits()) master_settle();
}

void cyrsync_cyrus_host(const char *channel, cyrsync_host *table)
{
    const cyrsync_host refused = CYRSYNC_HOST_INIT;

    if (cyrsync_cyrus_fits()) host_new(channel, table);
    else *table = refused;
}

cyrsync_checkpoint *cyrsync_checkpoint_new(unsigned idle_seconds)
{
    cyrsync_checkpoint *checkpoint = xzmalloc(sizeof(*checkpoint));

    checkpoint->idle_seconds = idle_seconds;
    return checkpoint;
}

/* Returns the name of the channel, or NULL for the channel without a name, which is written as two
 * double quotes. */
static const char *channel_name(void)
{
    const char *name = config_getstring(IMAPOPT_SYNC_RIGHTNOW_CHANNEL);

    return name && *name && strcmp(name, "\"\"") != 0 ? name : NULL;
}

static void on_log(void *userdata __attribute__((unused)), cyrsync_log_level level,
                   cyrsync_str line)
{
    syslog((int)level, "%.*s", (int)line.len, line.data);
}

static cyrsync_result configure(cyrsync_config **config, cyrsync_error **error)
{
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;
    cyrsync_result result =
        cyrsync_config_load(cyrsync_str_from(config_filename), config, error);

    if (result == CYRSYNC_RESULT_OK)
        result = cyrsync_config_set_channel(*config, cyrsync_str_from(channel_name()), error);
    if (result == CYRSYNC_RESULT_OK)
        result = cyrsync_config_set_lock_patience(*config, PATIENCE_MS, error);
    callbacks.log = on_log;
    if (result == CYRSYNC_RESULT_OK)
        result = cyrsync_config_set_callbacks(*config, &callbacks, error);
    return result;
}

static cyrsync_result make_client(cyrsync_checkpoint *checkpoint, cyrsync_error **error)
{
    cyrsync_config *config = NULL;
    cyrsync_host table;
    cyrsync_result result = configure(&config, error);

    if (result == CYRSYNC_RESULT_OK) {
        host_new(channel_name(), &table);
        result = cyrsync_client_new_with_host(config, &table, &checkpoint->client, error);
    }
    cyrsync_config_free(config);
    if (result == CYRSYNC_RESULT_OK)
        syslog(LOG_INFO, "cyrsync replicates the changes of this process to %s",
               cyrsync_client_server(checkpoint->client));
    return result;
}

/* Logs how many entries were not replicated. Returns whether all entries were replicated. */
static bool conclude(const cyrsync_report *report)
{
    if (report->failed)
        syslog(LOG_ERR, "SYNCERROR sync_rightnow: %llu entries could not be replicated",
               (unsigned long long)report->failed);
    /* The engine puts locked entries into the sync log of the channel, if the channel has a
     * name. */
    if (report->locked)
        syslog(channel_name() ? LOG_NOTICE : LOG_ERR,
               "%s sync_rightnow: %llu entries are locked by others, and %s",
               channel_name() ? "SYNCNOTICE" : "SYNCERROR",
               (unsigned long long)report->locked,
               channel_name() ? "wait in the log of the channel" : "were not replicated");
    return !report->failed && !report->locked;
}

static bool replicate(cyrsync_checkpoint *checkpoint, const struct buf *logged)
{
    cyrsync_report report = CYRSYNC_REPORT_INIT;
    cyrsync_error *error = NULL;
    cyrsync_result result = CYRSYNC_RESULT_OK;

    if (!checkpoint->client) result = make_client(checkpoint, &error);
    if (result == CYRSYNC_RESULT_OK) {
        process_interruptible(checkpoint->client);
        result = cyrsync_client_checkpoint(checkpoint->client,
                                           (cyrsync_str){ logged->s, logged->len }, &report,
                                           &error);
        process_restore(checkpoint->client);
    }
    if (result == CYRSYNC_RESULT_OK) return conclude(&report);
    syslog(LOG_ERR, "SYNCERROR sync_rightnow: %s", cyrsync_error_message(error));
    cyrsync_error_free(error);
    return false;
}

/* Puts the changes into the sync log of the channel, because nothing may be replicated while a
 * mailbox is open. */
static void postpone(struct buf *logged)
{
    const char *channel = channel_name();

    if (channel) master_log_again(buf_cstring(logged), channel);
    syslog(channel ? LOG_NOTICE : LOG_ERR,
           "%s sync_rightnow: this process has a mailbox open, so its changes %s",
           channel ? "SYNCNOTICE" : "SYNCERROR",
           channel ? "wait in the log of the channel" : "were not replicated");
}

/* -- closing an unused connection -- */

static struct prot_waitevent *on_idle(struct protstream *from_user,
                                      struct prot_waitevent *event __attribute__((unused)),
                                      void *rock)
{
    cyrsync_checkpoint_disconnect(rock, from_user);
    return NULL;
}

/* Returns the timer of the stream, or NULL. It is searched in the stream, because the stream of an
 * earlier user may have been freed. */
static struct prot_waitevent *find_timer(const cyrsync_checkpoint *checkpoint,
                                         const struct protstream *from_user)
{
    struct prot_waitevent *event = from_user->waitevent;

    while (event && (event->proc != on_idle || event->rock != checkpoint)) event = event->next;
    return event;
}

/* Sets the timer of the stream. If a service frees the stream before the timer runs, and does not
 * call cyrsync_checkpoint_disconnect(), the few bytes of the timer are lost. */
static void start_timer(cyrsync_checkpoint *checkpoint, struct protstream *from_user)
{
    const time_t when = time(NULL) + (time_t)checkpoint->idle_seconds;
    struct prot_waitevent *event = find_timer(checkpoint, from_user);

    if (event) event->mark = when;
    else prot_addwaitevent(from_user, when, on_idle, checkpoint);
}

bool cyrsync_checkpoint_run(cyrsync_checkpoint *checkpoint, struct protstream *from_user)
{
    struct buf *collected;
    struct buf logged = BUF_INITIALIZER;
    bool done = false;

    if (!cyrsync_cyrus_fits()) return false;
    collected = sync_log_rightnow_buf();
    if (!collected) return true;
    buf_copy(&logged, collected);
    buf_reset(collected);
    if (master_is_busy()) postpone(&logged);
    else done = replicate(checkpoint, &logged);
    buf_free(&logged);
    /* A repair may have logged changes here. They came from the replica, so drop them. */
    collected = sync_log_rightnow_buf();
    if (collected) buf_reset(collected);
    if (from_user) start_timer(checkpoint, from_user);
    return done;
}

void cyrsync_checkpoint_disconnect(cyrsync_checkpoint *checkpoint, struct protstream *from_user)
{
    struct prot_waitevent *event = from_user ? find_timer(checkpoint, from_user) : NULL;

    /* prot_free() does not free the timers of a stream. */
    if (event) prot_removewaitevent(from_user, event);
    if (checkpoint->client) cyrsync_client_disconnect(checkpoint->client, NULL);
}

void cyrsync_checkpoint_free(cyrsync_checkpoint **checkpoint)
{
    if (!*checkpoint) return;
    cyrsync_client_free((*checkpoint)->client);
    free(*checkpoint);
    *checkpoint = NULL;
}
