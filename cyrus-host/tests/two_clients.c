/* Runs two clients in one process of Cyrus, in turns. Each has its own channel, connection and host
 * store:
 *
 *   two_clients -C imapd.conf channel channel userid */
#include <stdio.h>
#include <string.h>

#include "cyrsync_cyrus.h"
#include "master.h"

static int failed(const char *channel, cyrsync_error *error)
{
    fprintf(stderr, "%s: %s\n", channel, cyrsync_error_message(error));
    cyrsync_error_free(error);
    return 1;
}

static cyrsync_client *connected(const char *imapd_conf, const char *channel)
{
    cyrsync_client *client = NULL;
    cyrsync_config *config = NULL;
    cyrsync_error *error = NULL;
    cyrsync_host table;
    cyrsync_result result = cyrsync_config_load(cyrsync_str_from(imapd_conf), &config, &error);

    if (result == CYRSYNC_RESULT_OK)
        result = cyrsync_config_set_channel(config, cyrsync_str_from(channel), &error);
    if (result == CYRSYNC_RESULT_OK) {
        cyrsync_cyrus_host(channel, &table);
        result = cyrsync_client_new_with_host(config, &table, &client, &error);
    }
    if (result == CYRSYNC_RESULT_OK) result = cyrsync_client_connect(client, &error);
    cyrsync_config_free(config);
    if (result == CYRSYNC_RESULT_OK) return client;
    failed(channel, error);
    cyrsync_client_free(client);
    return NULL;
}

int main(int argc, char **argv)
{
    cyrsync_client *clients[2] = { NULL, NULL };
    const char *imapd_conf, *userid;
    int bad = 0;
    int i;

    if (argc != 6 || strcmp(argv[1], "-C") != 0) return EX_USAGE;
    imapd_conf = argv[2];
    userid = argv[5];
    if (!cyrsync_cyrus_fits() || program_begin(imapd_conf, "sync_client")) return EX_CONFIG;
    cyrsync_cyrus_begin();
    for (i = 0; i < 2; i++) {
        clients[i] = connected(imapd_conf, argv[3 + i]);
        if (!clients[i]) bad = 1;
    }
    /* In its second turn, each client replicates the changes that the other one has brought
     * here. */
    for (i = 0; !bad && i < 4; i++) {
        cyrsync_error *error = NULL;
        if (cyrsync_client_sync_user(clients[i % 2], cyrsync_str_from(userid), &error)
            != CYRSYNC_RESULT_OK)
            bad = failed(argv[3 + i % 2], error);
    }
    for (i = 0; i < 2; i++) cyrsync_client_free(clients[i]);
    program_end();
    return bad;
}
