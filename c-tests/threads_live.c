/* Usage: threads_live imapd.conf user... Each thread has its own client, without a host store, and
 * replicates one user. All clients are made from one configuration. Another thread calls the
 * functions that are allowed during a call. */
#include <pthread.h>
#include <stdlib.h>

#include "client.h"

#define MOST 16

struct job {
    pthread_t thread;
    const cyrsync_config *config;
    const char *user;
    cyrsync_client *client;
    int wrong;
};

/* Replicates the user twice over one connection. The second time, the replica has all data
 * already. */
static void *work(void *data)
{
    struct job *job = data;
    cyrsync_str user = cyrsync_str_from(job->user);
    cyrsync_counters first = CYRSYNC_COUNTERS_INIT, second = CYRSYNC_COUNTERS_INIT;
    cyrsync_error *error = NULL;

    if (cyrsync_client_sync_user(job->client, user, &error)
        || cyrsync_client_counters(job->client, &first, &error)
        || cyrsync_client_sync_user(job->client, user, &error)
        || cyrsync_client_counters(job->client, &second, &error)) {
        fprintf(stderr, "%s: %s\n", job->user, cyrsync_error_message(error));
        job->wrong++;
    } else if (second.sent - first.sent >= first.sent) {
        fprintf(stderr, "%s: everything was sent twice\n", job->user);
        job->wrong++;
    }
    cyrsync_error_free(error);
    return NULL;
}

/* Calls the functions that any thread may call while another call of the client runs. */
static void *look_on(void *data)
{
    struct job *jobs = data;
    cyrsync_progress progress = CYRSYNC_PROGRESS_INIT;
    int round, i;

    for (round = 0; round < 200; round++) {
        for (i = 0; i < MOST && jobs[i].client; i++) {
            jobs[MOST].wrong += strlen(cyrsync_client_server(jobs[i].client)) == 0;
            cyrsync_client_wake(jobs[i].client);
            jobs[MOST].wrong += cyrsync_client_progress(jobs[i].client, &progress, NULL)
                != CYRSYNC_RESULT_OK;
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct job jobs[MOST + 1];
    cyrsync_config *config;
    int i, count = argc - 2;

    if (count < 1 || count > MOST) {
        fprintf(stderr, "usage: %s imapd.conf user...\n", argv[0]);
        return 64;
    }
    memset(jobs, 0, sizeof(jobs));
    config = load(argv[1]);
    for (i = 0; i < count; i++) {
        jobs[i].user = argv[i + 2];
        CHECK(cyrsync_client_new(config, &jobs[i].client, NULL) == CYRSYNC_RESULT_OK);
    }
    cyrsync_config_free(config);
    CHECK(pthread_create(&jobs[MOST].thread, NULL, look_on, jobs) == 0);
    for (i = 0; i < count; i++) CHECK(pthread_create(&jobs[i].thread, NULL, work, &jobs[i]) == 0);
    for (i = 0; i < count; i++) {
        pthread_join(jobs[i].thread, NULL);
        failures += jobs[i].wrong;
    }
    pthread_join(jobs[MOST].thread, NULL);
    failures += jobs[MOST].wrong;
    for (i = 0; i < count; i++) {
        cyrsync_progress end = CYRSYNC_PROGRESS_INIT;
        CHECK(cyrsync_client_progress(jobs[i].client, &end, NULL) == CYRSYNC_RESULT_OK);
        /* The first call sent the messages. The second call found them on the replica. */
        CHECK(end.messages > 0 && end.bytes > end.messages);
        CHECK(end.messages_present >= end.messages && end.mailboxes_equal > 0);
    }
    for (i = 0; i < count; i++) cyrsync_client_free(jobs[i].client);
    return failures != 0;
}
