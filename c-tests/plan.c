/* Usage: plan imapd.conf plan|run log, or plan imapd.conf user|meta|mailbox|channel name. Plans or
 * replicates the entries of a sync log, or plans one user, mailbox or channel. Prints the steps. */
#include <stdio.h>
#include <string.h>

#include "cyrsync.h"

static void print(cyrsync_str line)
{
    fwrite(line.data, 1, line.len, stdout);
    putchar('\n');
}

static void on_step(void *userdata, const cyrsync_step *step)
{
    (void)userdata;
    print(step->line);
    fprintf(stderr, "%.*s: %.*s\n", (int)step->line.len, step->line.data, (int)step->why.len,
            step->why.data);
}

static void on_action(void *userdata, cyrsync_str line)
{
    (void)userdata;
    print(line);
}

static cyrsync_result plan(cyrsync_client *client, const char *what, const char *name,
                           cyrsync_report *report, cyrsync_error **error)
{
    cyrsync_str text = cyrsync_str_from(name);

    if (strcmp(what, "user") == 0 || strcmp(what, "meta") == 0)
        return cyrsync_client_plan_user(client, text, *what == 'm', error);
    if (strcmp(what, "mailbox") == 0)
        return cyrsync_client_plan_mailboxes(client, &text, 1, error);
    if (strcmp(what, "channel") == 0)
        return cyrsync_client_plan_roll(client, report, error);
    return cyrsync_client_plan_log(client, text, report, error);
}

int main(int argc, char **argv)
{
    cyrsync_config *config = NULL;
    cyrsync_client *client = NULL;
    cyrsync_error *error = NULL;
    cyrsync_report report = CYRSYNC_REPORT_INIT;
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;
    int planned;

    if (argc != 4) {
        fprintf(stderr, "usage: %s imapd.conf plan|run|user|meta|mailbox|channel log|name\n", argv[0]);
        return 64;
    }
    planned = strcmp(argv[2], "run") != 0;
    if (planned) callbacks.step = on_step;
    else callbacks.action = on_action;
    if (cyrsync_config_load(cyrsync_str_from(argv[1]), &config, &error)
        || cyrsync_config_set_callbacks(config, &callbacks, &error)
        || cyrsync_client_new(config, &client, &error)
        || (planned
            ? plan(client, argv[2], argv[3], &report, &error)
            : cyrsync_client_process_log(client, cyrsync_str_from(argv[3]), &report, &error)))
        fprintf(stderr, "%s\n", cyrsync_error_message(error));
    cyrsync_client_free(client);
    cyrsync_config_free(config);
    if (!error) return report.failed || report.locked;
    cyrsync_error_free(error);
    return 1;
}
