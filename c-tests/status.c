/* Usage: status imapd.conf warn-lag crit-lag. Prints the status of replication as JSON. The exit
 * status is the cyrsync_health. */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"

int main(int argc, char **argv)
{
    cyrsync_config *config;
    cyrsync_status *status = NULL;
    cyrsync_error *error = NULL;
    cyrsync_str json;
    int level;

    CHECK(cyrsync_status_health(NULL, 0, 0) == CYRSYNC_HEALTH_UNKNOWN);
    CHECK(cyrsync_status_lag(NULL) == 0 && cyrsync_status_backlog(NULL) == 0);
    CHECK(cyrsync_status_json(NULL).len == 0);
    cyrsync_status_free(NULL);
    if (argc != 4) {
        fprintf(stderr, "usage: %s imapd.conf warn-lag crit-lag\n", argv[0]);
        return 64;
    }
    config = load(argv[1]);
    CHECK(cyrsync_status_read(config, NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_status_read(NULL, &status, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    if (cyrsync_status_read(config, &status, &error)) {
        fprintf(stderr, "%s\n", cyrsync_error_message(error));
        cyrsync_error_free(error);
        cyrsync_config_free(config);
        return 64;
    }
    level = cyrsync_status_health(status, strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
    json = cyrsync_status_json(status);
    fwrite(json.data, 1, json.len, stdout);
    printf("\nlag %lu\nbacklog %lu\n", (unsigned long)cyrsync_status_lag(status),
           (unsigned long)cyrsync_status_backlog(status));
    cyrsync_status_free(status);
    cyrsync_config_free(config);
    return level;
}
