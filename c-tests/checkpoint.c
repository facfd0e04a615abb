/* Replicates what a log in memory says: checkpoint imapd.conf log. Then rolls over what the
 * daemons logged, once. Prints log lines to stderr; exits with 0, or 1 and the result's name. */
#include "client.h"

static void on_log(void *userdata, cyrsync_log_level level, cyrsync_str line)
{
    (void)userdata;
    fprintf(stderr, "log %d: %.*s\n", (int)level, (int)line.len, (const char *)line.data);
}

int main(int argc, char **argv)
{
    cyrsync_config *config;
    cyrsync_client *client = NULL;
    cyrsync_error *error = NULL;
    cyrsync_rolled ended = CYRSYNC_ROLLED_STOPPED;
    cyrsync_rolling rolling = CYRSYNC_ROLLING_INIT;
    size_t undone = 99;

    if (argc != 3) {
        fprintf(stderr, "usage: %s imapd.conf log\n", argv[0]);
        return 64;
    }
    config = load(argv[1]);
    CHECK(cyrsync_config_set_log(config, on_log, NULL, NULL, &error) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_new(config, &client, &error) == CYRSYNC_RESULT_OK);
    cyrsync_config_free(config);

    CHECK(cyrsync_client_checkpoint(client, cyrsync_str_from(argv[2]), &undone, &error)
          == CYRSYNC_RESULT_OK);
    CHECK(undone == 0);
    /* Used a moment ago, so it stays; then it goes. */
    CHECK(cyrsync_client_disconnect_if_idle(client, 30, &error) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_disconnect_if_idle(client, 0, &error) == CYRSYNC_RESULT_OK);

    rolling.once = 2; /* whatever is not 0 */
    CHECK(cyrsync_client_roll(client, &rolling, &ended, &error) == CYRSYNC_RESULT_OK);
    CHECK(ended == CYRSYNC_ROLLED_ONCE);

    cyrsync_client_nudge(client);
    cyrsync_client_finish(client);
    rolling.once = 0;
    CHECK(cyrsync_client_roll(client, &rolling, &ended, &error) == CYRSYNC_RESULT_OK);
    CHECK(ended == CYRSYNC_ROLLED_STOPPED);
    CHECK(error == NULL);
    cyrsync_client_free(client);
    return failures != 0;
}
