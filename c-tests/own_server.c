/* Usage: own_server imapd.conf prepare, or own_server imapd.conf repair PATH. Replicates the users
 * fred and zoe with one client. With repair, fred's INBOX needs a repair of this server, but its
 * sync_server is missing at PATH. */
#include <stdlib.h>

#include "client.h"

int main(int argc, char **argv)
{
    cyrsync_client *client;
    cyrsync_error *error = NULL;
    cyrsync_result result;

    if (argc < 3) {
        fprintf(stderr, "usage: %s imapd.conf prepare|repair [path]\n", argv[0]);
        return 64;
    }
    client = client_of(argv[1]);
    result = cyrsync_client_sync_user(client, cyrsync_str_from("fred"), &error);
    if (argc == 3) {
        CHECK(result == CYRSYNC_RESULT_OK);
    } else {
        CHECK(result == CYRSYNC_RESULT_OWN_SERVER);
        CHECK_STR(cyrsync_result_name(result), "OWN_SERVER");
        CHECK(error && strstr(cyrsync_error_message(error), argv[3]) != NULL);
        if (error) fprintf(stderr, "%s\n", cyrsync_error_message(error));
        cyrsync_error_free(error);
        error = NULL;
    }
    /* The client can still replicate other users. */
    CHECK(cyrsync_client_sync_user(client, cyrsync_str_from("zoe"), &error) == CYRSYNC_RESULT_OK);
    cyrsync_error_free(error);
    cyrsync_client_free(client);
    return failures != 0;
}
