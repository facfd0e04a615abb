/* Usage: host_memory imapd.conf. Replicates a master in memory to a real replica. Before the first
 * run, a plan reports the steps of this run. A second run finds nothing to do. */
#include "check.h"
#include "cyrsync.h"
#include "memory.h"

struct heard {
    int mailboxes, reasons;
};

static void on_step(void *userdata, const cyrsync_step *step)
{
    struct heard *heard = userdata;

    CHECK(step->size == sizeof(*step));
    fprintf(stderr, "plan: %.*s (%.*s)\n", (int)step->line.len, step->line.data,
            (int)step->why.len, step->why.data);
    if (step->command.len == 7 && memcmp(step->command.data, "MAILBOX", 7) == 0) {
        CHECK(step->subject.len > 0);
        heard->mailboxes++;
    }
    if (step->why.len) heard->reasons++;
}

static void on_log(void *userdata, cyrsync_log_level level, cyrsync_str line)
{
    (void)userdata;
    fprintf(stderr, "log %d: %.*s\n", (int)level, (int)line.len, line.data);
}

static void ok(cyrsync_result result, cyrsync_error **error)
{
    if (result != CYRSYNC_RESULT_OK) fprintf(stderr, "%s\n", cyrsync_error_message(*error));
    CHECK(result == CYRSYNC_RESULT_OK);
    cyrsync_error_free(*error);
    *error = NULL;
}

int main(int argc, char **argv)
{
    struct memory memory;
    struct cyrsync_host host;
    struct heard heard = {0, 0};
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;
    cyrsync_counters before = CYRSYNC_COUNTERS_INIT, after = CYRSYNC_COUNTERS_INIT;
    cyrsync_report report = CYRSYNC_REPORT_INIT;
    cyrsync_config *config = NULL;
    cyrsync_client *client = NULL;
    cyrsync_error *error = NULL;
    cyrsync_str user = cyrsync_str_from("memory"), all = {NULL, 0};
    int files;

    if (argc != 2) {
        fprintf(stderr, "usage: %s imapd.conf\n", argv[0]);
        return 64;
    }
    memset(&memory, 0, sizeof(memory));
    memory_host(&host, &memory);
    ok(cyrsync_config_load(cyrsync_str_from(argv[1]), &config, &error), &error);
    callbacks.userdata = &heard;
    callbacks.log = on_log;
    callbacks.step = on_step;
    ok(cyrsync_config_set_callbacks(config, &callbacks, &error), &error);
    memset(&callbacks, 0xff, sizeof(callbacks)); /* The library copied the table. */
    ok(cyrsync_client_new_with_host(config, &host, &client, &error), &error);
    cyrsync_config_free(config);
    memset(&host, 0xff, sizeof(host)); /* It copied this table, too. */
    if (!client) return 1;

    ok(cyrsync_client_plan_log(client, cyrsync_str_from("USER memory\n"), &report, &error), &error);
    CHECK(report.done == 1 && report.failed == 0);
    /* The host's scripts are not in a mailbox, but the replica gets a mailbox for them. */
    CHECK(heard.mailboxes == 3 && heard.reasons >= 3);
    heard.mailboxes = heard.reasons = 0;
    files = memory.files;
    ok(cyrsync_client_sync_user(client, user, &error), &error);
    CHECK(memory.files - files == 4);

    ok(cyrsync_client_plan_all(client, all, &report, &error), &error);
    CHECK(heard.mailboxes == 0 && heard.reasons == 0);
    CHECK(report.done == 1 && report.failed == 0);
    ok(cyrsync_client_counters(client, &before, &error), &error);
    CHECK(before.connected && before.sent > 500 && before.received > 0);
    files = memory.files;
    ok(cyrsync_client_sync_user(client, user, &error), &error);
    CHECK(memory.files == files);
    ok(cyrsync_client_counters(client, &after, &error), &error);
    CHECK(after.sent > before.sent);

    /* The same data can be replicated by single calls. */
    ok(cyrsync_client_sync_meta(client, user, &error), &error);
    ok(cyrsync_client_sync_seen(client, user, cyrsync_str_from("memory-inbox-0001"), &error), &error);
    ok(cyrsync_client_sync_subscription(client, user, cyrsync_str_from("user.memory.Sent"), &error),
       &error);
    ok(cyrsync_client_sync_quota(client, cyrsync_str_from("user.memory"), &error), &error);
    ok(cyrsync_client_sync_annotations(client, cyrsync_str_from("user.memory"), &error), &error);
    ok(cyrsync_client_release_staged(client, &error), &error);
    ok(cyrsync_client_sync_all(client, cyrsync_str_from("user.memory"), &report, &error), &error);
    CHECK(report.done == 1 && report.failed == 0 && report.locked == 0);

    CHECK(memory.applied == 0);
    CHECK(memory.opened > 0 && memory.opened == memory.closed);
    CHECK(memory.locked > 0 && memory.locked == memory.unlocked);
    CHECK(memory.destroyed == 0);
    cyrsync_client_free(client);
    CHECK(memory.destroyed == 1);
    return failures != 0;
}
