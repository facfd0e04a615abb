/* Plans or does what a sync log says: plan imapd.conf plan|run log. Prints the steps. */
#include <stdio.h>
#include <string.h>

#include "cyrsync.h"

static void print(cyrsync_str line)
{
    fwrite(line.data, 1, line.len, stdout);
    putchar('\n');
}

static void on_step(void *userdata, cyrsync_str step, cyrsync_str why)
{
    (void)userdata;
    print(step);
    fprintf(stderr, "%.*s: %.*s\n", (int)step.len, step.data, (int)why.len, why.data);
}

static void on_action(void *userdata, cyrsync_str line)
{
    (void)userdata;
    print(line);
}

int main(int argc, char **argv)
{
    cyrsync_config *config = NULL;
    cyrsync_client *client = NULL;
    cyrsync_error *error = NULL;
    size_t undone = 0;
    int planned;

    if (argc != 4) {
        fprintf(stderr, "usage: %s imapd.conf plan|run log\n", argv[0]);
        return 64;
    }
    planned = strcmp(argv[2], "plan") == 0;
    if (cyrsync_config_load(cyrsync_str_from(argv[1]), &config, &error)
        || (!planned && cyrsync_config_set_action(config, on_action, NULL, NULL, &error))
        || cyrsync_client_new(config, &client, &error)
        || (planned
            ? cyrsync_client_plan(client, cyrsync_str_from(argv[3]), on_step, NULL, &undone, &error)
            : cyrsync_client_process_log(client, cyrsync_str_from(argv[3]), &undone, &error)))
        fprintf(stderr, "%s\n", cyrsync_error_message(error));
    cyrsync_client_free(client);
    cyrsync_config_free(config);
    if (!error) return undone != 0;
    cyrsync_error_free(error);
    return 1;
}
