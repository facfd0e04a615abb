/* Usage: sync_user imapd.conf server user. Replicates a user. Prints action lines to stdout, and
 * log lines to stderr. On failure prints the result's name and the error to stderr, and exits with
 * 1. */
#include <stdio.h>

#include "cyrsync.h"

static void print_line(FILE *out, cyrsync_str line)
{
    fwrite(line.data, 1, line.len, out);
    putc('\n', out);
}

static void on_log(void *userdata, cyrsync_log_level level, cyrsync_str line)
{
    (void)userdata;
    fprintf(stderr, "log %d: ", (int)level);
    print_line(stderr, line);
}

static void on_action(void *userdata, cyrsync_str line)
{
    (void)userdata;
    print_line(stdout, line);
}

static int failed(cyrsync_result result, cyrsync_error *error)
{
    fprintf(stderr, "%s: %s\n", cyrsync_result_name(result), cyrsync_error_message(error));
    cyrsync_error_free(error);
    return 1;
}

static int run(cyrsync_config *config, const char *server, const char *user)
{
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;
    cyrsync_client *client = NULL;
    cyrsync_error *error = NULL;
    cyrsync_result result;

    callbacks.log = on_log;
    callbacks.action = on_action;
    result = cyrsync_config_set_server(config, cyrsync_str_from(server), &error);
    if (result == CYRSYNC_RESULT_OK)
        result = cyrsync_config_set_callbacks(config, &callbacks, &error);
    if (result == CYRSYNC_RESULT_OK)
        result = cyrsync_client_new(config, &client, &error);
    if (result == CYRSYNC_RESULT_OK)
        result = cyrsync_client_sync_user(client, cyrsync_str_from(user), &error);
    cyrsync_client_free(client);
    return result == CYRSYNC_RESULT_OK ? 0 : failed(result, error);
}

int main(int argc, char **argv)
{
    cyrsync_config *config = NULL;
    cyrsync_error *error = NULL;
    cyrsync_result result;
    int status;

    if (argc != 4) {
        fprintf(stderr, "usage: %s imapd.conf server user\n", argv[0]);
        return 64;
    }
    result = cyrsync_config_load(cyrsync_str_from(argv[1]), &config, &error);
    if (result != CYRSYNC_RESULT_OK)
        return failed(result, error);
    status = run(config, argv[2], argv[3]);
    cyrsync_config_free(config);
    return status;
}
