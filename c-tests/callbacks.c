/* Usage: callbacks imapd.conf. Checks what callbacks receive, and which functions they may call,
 * with a real replica. The master is in memory, and the replica is empty. */
#include "client.h"
#include "memory.h"

struct heard {
    cyrsync_client *client;
    int items, events, lines, progress, asked, destroyed, traffic;
    /* The number of the call from which on_cancel returns true; 0 for never. */
    int stop_at;
    uint64_t messages;
};

/* Checks that a client is busy while one of its callbacks runs. */
static void is_busy(cyrsync_client *client)
{
    cyrsync_progress progress = CYRSYNC_PROGRESS_INIT;

    CHECK(cyrsync_client_disconnect(client, NULL) == CYRSYNC_RESULT_BUSY);
    CHECK(cyrsync_client_reset_cancel(client, NULL) == CYRSYNC_RESULT_BUSY);
    CHECK(cyrsync_client_free(client) == CYRSYNC_RESULT_BUSY);
    CHECK(cyrsync_client_progress(client, &progress, NULL) == CYRSYNC_RESULT_OK);
    CHECK(strlen(cyrsync_client_server(client)) > 0);
}

static void on_item(void *userdata, const cyrsync_item *item)
{
    struct heard *heard = userdata;

    CHECK(item->size == sizeof(*item));
    heard->items++;
    is_busy(heard->client);
}

static void on_event(void *userdata, const cyrsync_event *event)
{
    struct heard *heard = userdata;

    CHECK(event->size == sizeof(*event) && event->json.len > 2);
    heard->events++;
    heard->lines += event->line.len > 0;
    is_busy(heard->client);
}

static void on_progress(void *userdata, const cyrsync_progress *progress)
{
    struct heard *heard = userdata;

    CHECK(progress->size == sizeof(*progress));
    CHECK(progress->messages >= heard->messages);
    heard->messages = progress->messages;
    heard->progress++;
}

static void on_traffic(void *userdata, bool sent, cyrsync_str bytes)
{
    struct heard *heard = userdata;

    (void)sent;
    CHECK(bytes.len > 0);
    heard->traffic++;
    is_busy(heard->client);
}

static bool on_cancel(void *userdata)
{
    struct heard *heard = userdata;

    heard->asked++;
    return heard->stop_at && heard->asked >= heard->stop_at;
}

static void on_destroy(void *userdata)
{
    struct heard *heard = userdata;

    heard->destroyed++;
}

/* Sets tables with the sizes of an earlier and of a later header. */
static void versions(cyrsync_config *config)
{
    struct { cyrsync_callbacks callbacks; void *more; } later = {CYRSYNC_CALLBACKS_INIT, NULL};
    cyrsync_error *error = NULL;
    struct heard heard;

    memset(&heard, 0, sizeof(heard));
    later.callbacks.userdata = &heard;
    later.callbacks.destroy = on_destroy;
    later.callbacks.size = sizeof(later);
    listen_with(config, &later.callbacks);
    later.more = &later;
    CHECK(cyrsync_config_set_callbacks(config, &later.callbacks, &error)
          == CYRSYNC_RESULT_INVALID_ARGUMENT);
    CHECK_STR(cyrsync_error_subject(error), "callbacks");
    CHECK(strstr(cyrsync_error_message(error), "does not know") != NULL);
    cyrsync_error_free(error);
    /* The refused table was not taken over, and the earlier table is still set. */
    CHECK(heard.destroyed == 0);
    later.callbacks.size = offsetof(cyrsync_callbacks, action);
    listen_with(config, &later.callbacks);
    CHECK(heard.destroyed == 1);
    listen_with(config, NULL);
    CHECK(heard.destroyed == 2);
}

int main(int argc, char **argv)
{
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;
    cyrsync_report report = CYRSYNC_REPORT_INIT;
    cyrsync_str all = {NULL, 0}, user = cyrsync_str_from("memory");
    struct memory memory;
    struct cyrsync_host host;
    struct heard heard;
    cyrsync_config *config;
    cyrsync_error *error = NULL;

    if (argc != 2) {
        fprintf(stderr, "usage: %s imapd.conf\n", argv[0]);
        return 64;
    }
    config = load(argv[1]);
    versions(config);
    memset(&heard, 0, sizeof(heard));
    memset(&memory, 0, sizeof(memory));
    memory_host(&host, &memory);
    callbacks.userdata = &heard;
    callbacks.destroy = on_destroy;
    callbacks.item = on_item;
    callbacks.event = on_event;
    callbacks.progress = on_progress;
    callbacks.cancel = on_cancel;
    callbacks.traffic = on_traffic;
    listen_with(config, &callbacks);
    CHECK(cyrsync_client_new_with_host(config, &host, &heard.client, NULL) == CYRSYNC_RESULT_OK);
    cyrsync_config_free(config);

    CHECK(cyrsync_client_sync_all(heard.client, all, &report, NULL) == CYRSYNC_RESULT_OK);
    CHECK(report.done == 1 && heard.items == 1);
    CHECK(heard.events > 3 && heard.lines > 0);
    /* The callback is called at least after the item and at the end of the call. */
    CHECK(heard.progress >= 2 && heard.messages == 4);
    CHECK(heard.asked >= 1);

    /* If the cancel callback returns true, the running call is cancelled, and later calls too. */
    heard.asked = 0;
    heard.stop_at = 1;
    CHECK(cyrsync_client_sync_user(heard.client, user, &error) == CYRSYNC_RESULT_CANCELLED);
    cyrsync_error_free(error);
    CHECK(heard.asked >= 1);
    CHECK(cyrsync_client_connect(heard.client, NULL) == CYRSYNC_RESULT_CANCELLED);
    heard.stop_at = 0;
    CHECK(cyrsync_client_reset_cancel(heard.client, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_sync_user(heard.client, user, NULL) == CYRSYNC_RESULT_OK);
    CHECK(memory.opened == memory.closed && memory.locked == memory.unlocked);

    /* A client that disconnects sends a command, and its callbacks find it busy, also while it is
     * freed. */
    heard.traffic = 0;
    CHECK(cyrsync_client_disconnect(heard.client, NULL) == CYRSYNC_RESULT_OK);
    CHECK(heard.traffic > 0);
    CHECK(cyrsync_client_connect(heard.client, NULL) == CYRSYNC_RESULT_OK);
    heard.traffic = 0;
    CHECK(heard.destroyed == 0);
    CHECK(cyrsync_client_free(heard.client) == CYRSYNC_RESULT_OK);
    CHECK(heard.traffic > 0);
    CHECK(heard.destroyed == 1 && memory.destroyed == 1);
    return failures != 0;
}
