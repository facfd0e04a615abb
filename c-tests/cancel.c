/* Usage: cancel imapd.conf. Cancels a client from a signal handler: once during a function of the
 * host, and once during cyrsync_client_roll() without work. Then another thread finishes
 * cyrsync_client_roll(). Checks that the library changes no signal handlers. */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "client.h"
#include "memory.h"

#define SIGNALS 32

static cyrsync_client *volatile the_client;
static int listening;

static void on_signal(int number)
{
    (void)number;
    cyrsync_client_cancel(the_client);
}

static void on_call(void *data)
{
    (void)data;
    raise(SIGUSR1);
}

static cyrsync_client *new_client(const char *path, struct memory *memory)
{
    struct cyrsync_host host;

    memset(memory, 0, sizeof(*memory));
    memory_host(&host, memory);
    return client_over(path, &host);
}

/* Waits until the main thread is connected, then finishes cyrsync_client_roll(). */
static void *finish(void *data)
{
    (void)data;
    while (!listening) {
    }
    cyrsync_client_finish(the_client);
    return NULL;
}

static void *shoot(void *data)
{
    (void)data;
    kill(getpid(), SIGUSR1);
    return NULL;
}

static void roll(const char *path, void *(*stop)(void *))
{
    struct memory memory;
    cyrsync_rolling rolling = CYRSYNC_ROLLING_INIT;
    cyrsync_roll_end end = CYRSYNC_ROLL_END_INIT;
    cyrsync_error *error = NULL;
    pthread_t thread;

    the_client = new_client(path, &memory);
    rolling.interval_ms = 10;
    CHECK(cyrsync_client_connect(the_client, &error) == CYRSYNC_RESULT_OK);
    listening = 1;
    CHECK(pthread_create(&thread, NULL, stop, NULL) == 0);
    CHECK(cyrsync_client_roll(the_client, &rolling, &end, &error) == CYRSYNC_RESULT_OK);
    CHECK(end.why == CYRSYNC_ROLLED_STOPPED);
    if (error) fprintf(stderr, "%s\n", cyrsync_error_message(error));
    pthread_join(thread, NULL);
    cyrsync_client_free(the_client);
}

int main(int argc, char **argv)
{
    struct sigaction action, before[SIGNALS], after;
    struct memory memory;
    cyrsync_error *error = NULL;
    int i;

    if (argc != 2) {
        fprintf(stderr, "usage: %s imapd.conf\n", argv[0]);
        return 64;
    }
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_signal;
    sigaction(SIGUSR1, &action, NULL);
    for (i = 1; i < SIGNALS; i++) sigaction(i, NULL, &before[i]);

    the_client = new_client(argv[1], &memory);
    memory.on_call = on_call;
    CHECK(cyrsync_client_sync_user(the_client, cyrsync_str_from("memory"), &error)
          == CYRSYNC_RESULT_CANCELLED);
    CHECK(cyrsync_error_code(error) == CYRSYNC_RESULT_CANCELLED);
    cyrsync_error_free(error);
    CHECK(memory.opened == memory.closed && memory.locked == memory.unlocked);
    /* Later calls are cancelled too, until the cancel is reset. */
    memory.on_call = NULL;
    CHECK(cyrsync_client_connect(the_client, NULL) == CYRSYNC_RESULT_CANCELLED);
    CHECK(cyrsync_client_reset_cancel(NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_reset_cancel(the_client, NULL) == CYRSYNC_RESULT_OK);
    error = NULL;
    CHECK(cyrsync_client_sync_user(the_client, cyrsync_str_from("memory"), &error)
          == CYRSYNC_RESULT_OK);
    if (error) fprintf(stderr, "%s\n", cyrsync_error_message(error));
    cyrsync_error_free(error);
    CHECK(cyrsync_client_free(the_client) == CYRSYNC_RESULT_OK);
    CHECK(memory.destroyed == 1);

    roll(argv[1], shoot);
    roll(argv[1], finish);

    for (i = 1; i < SIGNALS; i++) {
        if (sigaction(i, NULL, &after) != 0) continue;
        CHECK(after.sa_handler == before[i].sa_handler && after.sa_flags == before[i].sa_flags);
    }
    return failures != 0;
}
