/* Usage: checkpoint imapd.conf log. Replicates the entries of a log in memory. Then replicates the
 * entries that Cyrus's daemons have logged until now. Prints log lines to stderr. Exits with 1 if
 * an assertion fails. */
#include "client.h"

static void on_log(void *userdata, cyrsync_log_level level, cyrsync_str line)
{
    (void)userdata;
    fprintf(stderr, "log %d: %.*s\n", (int)level, (int)line.len, (const char *)line.data);
}

static int items;

static void on_item(void *userdata, const cyrsync_item *item)
{
    (void)userdata;
    CHECK(item->act == CYRSYNC_ACT_REPLICATE && item->outcome == CYRSYNC_OUTCOME_DONE);
    CHECK(item->entry.len > 0 && item->error == NULL && item->message.len == 0);
    items++;
}

int main(int argc, char **argv)
{
    cyrsync_config *config;
    cyrsync_client *client = NULL;
    cyrsync_error *error = NULL;
    cyrsync_roll_result end = CYRSYNC_ROLL_RESULT_INIT;
    cyrsync_roll_options rolling = CYRSYNC_ROLL_OPTIONS_INIT;
    cyrsync_report report = CYRSYNC_REPORT_INIT;
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;

    if (argc != 3) {
        fprintf(stderr, "usage: %s imapd.conf log\n", argv[0]);
        return 64;
    }
    config = load(argv[1]);
    callbacks.log = on_log;
    callbacks.item = on_item;
    listen_with(config, &callbacks);
    CHECK(cyrsync_client_new(config, &client, &error) == CYRSYNC_RESULT_OK);
    cyrsync_config_free(config);

    CHECK(cyrsync_client_checkpoint(client, cyrsync_str_from(argv[2]), &report, &error)
          == CYRSYNC_RESULT_OK);
    CHECK(report.done == 2 && report.failed == 0 && report.locked == 0);
    CHECK(items == 2);
    /* The connection was just used. So a limit of 30 seconds keeps it, and a limit of 0 closes
     * it. */
    CHECK(cyrsync_client_disconnect_if_idle(client, 30, &error) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_disconnect_if_idle(client, 0, &error) == CYRSYNC_RESULT_OK);

    rolling.once = 2; /* Any value other than 0 sets it. */
    CHECK(cyrsync_client_roll(client, &rolling, &end, &error) == CYRSYNC_RESULT_OK);
    CHECK(end.reason == CYRSYNC_ROLL_REASON_ONCE && end.locked == 0 && end.failed == 0);
    /* The items of cyrsync_client_roll() are reported to the item callback, too. */
    CHECK(items > 2);

    cyrsync_client_wake(client);
    cyrsync_client_finish(client);
    rolling.once = 0;
    CHECK(cyrsync_client_roll(client, &rolling, &end, &error) == CYRSYNC_RESULT_OK);
    CHECK(end.reason == CYRSYNC_ROLL_REASON_STOPPED);
    CHECK(error == NULL);
    cyrsync_client_free(client);
    return failures != 0;
}
