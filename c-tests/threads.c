/* Usage: threads imapd.conf. Uses many clients in many threads, and one more client in all threads.
 * Needs no replica, because the library lists the mailboxes before it connects. */
#include <pthread.h>

#include "client.h"
#include "memory.h"

#define THREADS 8
#define ROUNDS 20

struct job {
    pthread_t thread;
    const cyrsync_config *config;
    cyrsync_client *shared;
    int wrong;
};

static void *work(void *data)
{
    struct job *job = data;
    cyrsync_str all = {NULL, 0};
    int round;

    for (round = 0; round < ROUNDS; round++) {
        struct memory memory;
        struct cyrsync_host host;
        cyrsync_client *own = NULL;
        cyrsync_error *error = NULL;
        cyrsync_result result;

        memset(&memory, 0, sizeof(memory));
        memory_host(&host, &memory);
        job->wrong += cyrsync_client_new_with_host(job->config, &host, &own, NULL) != 0;
        result = cyrsync_client_sync_all(own, all, NULL, &error);
        job->wrong += result != CYRSYNC_RESULT_CONNECT || memory.listed != 1;
        cyrsync_error_free(error);
        cyrsync_client_free(own);
        job->wrong += memory.destroyed != 1;

        result = cyrsync_client_connect(job->shared, NULL);
        job->wrong += result != CYRSYNC_RESULT_CONNECT && result != CYRSYNC_RESULT_BUSY;
        cyrsync_client_wake(job->shared);
        job->wrong += strcmp(cyrsync_client_server(job->shared), "127.0.0.1:1") != 0;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct job jobs[THREADS];
    cyrsync_config *config;
    cyrsync_client *shared = NULL;
    int i;

    if (argc != 2) {
        fprintf(stderr, "usage: %s imapd.conf\n", argv[0]);
        return 64;
    }
    config = load(argv[1]);
    CHECK(cyrsync_config_set_server(config, cyrsync_str_from("127.0.0.1:1"), NULL)
          == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_new(config, &shared, NULL) == CYRSYNC_RESULT_OK);
    for (i = 0; i < THREADS; i++) {
        memset(&jobs[i], 0, sizeof(jobs[i]));
        jobs[i].config = config;
        jobs[i].shared = shared;
        CHECK(pthread_create(&jobs[i].thread, NULL, work, &jobs[i]) == 0);
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(jobs[i].thread, NULL);
        CHECK(jobs[i].wrong == 0);
    }
    cyrsync_client_free(shared);
    cyrsync_config_free(config);
    return failures != 0;
}
