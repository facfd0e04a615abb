/* Usage: no_threads imapd.conf. Replicates all users over two connections. Then disconnects while
 * the system can start no thread. Must not run as root, whose threads have no limit. */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE

#include <sys/resource.h>
#include <sys/stat.h>

#include "client.h"

#define MOST 256

/* Returns the number of open sockets. */
static int sockets(void)
{
    struct stat found;
    int fd, count = 0;

    for (fd = 0; fd < MOST; fd++) count += fstat(fd, &found) == 0 && S_ISSOCK(found.st_mode);
    return count;
}

int main(int argc, char **argv)
{
    const struct rlimit none = {0, 0};
    cyrsync_config *config;
    cyrsync_client *client = NULL;
    cyrsync_str all = {NULL, 0};
    int before;

    if (argc != 2) {
        fprintf(stderr, "usage: %s imapd.conf\n", argv[0]);
        return 64;
    }
    config = load(argv[1]);
    CHECK(cyrsync_config_set(config, cyrsync_str_from("sync_jobs"), cyrsync_str_from("2"), NULL)
          == CYRSYNC_RESULT_OK);
    /* Slow enough that the second connection is needed when it is there. */
    CHECK(cyrsync_config_set_bwlimit(config, cyrsync_str_from("100K"), NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_new(config, &client, NULL) == CYRSYNC_RESULT_OK);
    cyrsync_config_free(config);
    before = sockets();
    CHECK(cyrsync_client_sync_all(client, all, NULL, NULL) == CYRSYNC_RESULT_OK);
    CHECK(sockets() >= before + 2);
    CHECK(setrlimit(RLIMIT_NPROC, &none) == 0);
    CHECK(cyrsync_client_disconnect(client, NULL) == CYRSYNC_RESULT_OK);
    CHECK(sockets() == before);
    CHECK(cyrsync_client_free(client) == CYRSYNC_RESULT_OK);
    return failures != 0;
}
