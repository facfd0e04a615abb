/* Usage: cancel imapd.conf. Cancels a client from a signal handler: once during a function of the
 * host, and once during cyrsync_client_roll() without work. Then another thread finishes
 * cyrsync_client_roll(). Checks how long a finish and a wake last, and that the library changes no
 * signal handlers. */
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

/* Waits until the main thread is connected, then makes cyrsync_client_roll() end. */
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
    cyrsync_roll_options rolling = CYRSYNC_ROLL_OPTIONS_INIT;
    cyrsync_roll_result end = CYRSYNC_ROLL_RESULT_INIT;
    cyrsync_error *error = NULL;
    pthread_t thread;

    the_client = new_client(path, &memory);
    rolling.interval_ms = 10;
    CHECK(cyrsync_client_connect(the_client, &error) == CYRSYNC_RESULT_OK);
    listening = 1;
    CHECK(pthread_create(&thread, NULL, stop, NULL) == 0);
    CHECK(cyrsync_client_roll(the_client, &rolling, &end, &error) == CYRSYNC_RESULT_OK);
    CHECK(end.reason == CYRSYNC_ROLL_REASON_STOPPED);
    if (error) fprintf(stderr, "%s\n", cyrsync_error_message(error));
    pthread_join(thread, NULL);
    cyrsync_client_free(the_client);
}

/* Checks that a finish lasts until it is reset, and stops no other call. A wake between two calls
 * has no effect on the second one. */
static void lasting(const char *path)
{
    struct memory memory;
    cyrsync_roll_options options = CYRSYNC_ROLL_OPTIONS_INIT;
    cyrsync_roll_result result = CYRSYNC_ROLL_RESULT_INIT;
    cyrsync_client *client = new_client(path, &memory);
    int i;

    cyrsync_client_finish(client);
    for (i = 0; i < 2; i++) {
        result.reason = 0;
        CHECK(cyrsync_client_roll(client, &options, &result, NULL) == CYRSYNC_RESULT_OK);
        CHECK(result.reason == CYRSYNC_ROLL_REASON_STOPPED);
    }
    CHECK(cyrsync_client_sync_user(client, cyrsync_str_from("memory"), NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_reset_cancel(client, NULL) == CYRSYNC_RESULT_OK);
    cyrsync_client_wake(client);
    options.once = 1;
    CHECK(cyrsync_client_roll(client, &options, &result, NULL) == CYRSYNC_RESULT_OK);
    CHECK(result.reason == CYRSYNC_ROLL_REASON_ONCE);
    CHECK(cyrsync_client_free(client) == CYRSYNC_RESULT_OK);
}

static void on_name(void *userdata, cyrsync_str name)
{
    CHECK(name.len > 0);
    ++*(int *)userdata;
}

/* Checks a client that is cancelled: calls that connect, replicate, plan or verify are cancelled
 * too, until the cancel is reset. Other calls work. */
static void cancelled(cyrsync_client *client)
{
    cyrsync_verify_totals totals = CYRSYNC_VERIFY_TOTALS_INIT;
    cyrsync_counters counters = CYRSYNC_COUNTERS_INIT;
    cyrsync_str all = {NULL, 0}, user = cyrsync_str_from("memory"), any = cyrsync_str_from("*");
    cyrsync_str inbox = cyrsync_str_from("user.memory"), log = cyrsync_str_from("USER memory\n");
    int names = 0;

    CHECK(cyrsync_client_connect(client, NULL) == CYRSYNC_RESULT_CANCELLED);
    CHECK(cyrsync_client_sync_user(client, user, NULL) == CYRSYNC_RESULT_CANCELLED);
    CHECK(cyrsync_client_sync_mailboxes(client, &inbox, 1, NULL) == CYRSYNC_RESULT_CANCELLED);
    CHECK(cyrsync_client_sync_all(client, all, NULL, NULL) == CYRSYNC_RESULT_CANCELLED);
    CHECK(cyrsync_client_process_log(client, log, NULL, NULL) == CYRSYNC_RESULT_CANCELLED);
    CHECK(cyrsync_client_checkpoint(client, log, NULL, NULL) == CYRSYNC_RESULT_CANCELLED);
    CHECK(cyrsync_client_plan_all(client, all, NULL, NULL) == CYRSYNC_RESULT_CANCELLED);
    CHECK(cyrsync_client_plan_user(client, user, false, NULL) == CYRSYNC_RESULT_CANCELLED);
    CHECK(cyrsync_client_verify_all(client, all, all, &totals, NULL) == CYRSYNC_RESULT_CANCELLED);
    CHECK(cyrsync_client_release_staged(client, NULL) == CYRSYNC_RESULT_CANCELLED);
    CHECK(cyrsync_client_match_users(client, any, on_name, &names, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_match_mailboxes(client, any, on_name, &names, NULL) == CYRSYNC_RESULT_OK);
    CHECK(names > 1);
    CHECK(cyrsync_client_counters(client, &counters, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_disconnect_if_idle(client, 0, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_disconnect(client, NULL) == CYRSYNC_RESULT_OK);
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
    memory.on_call = NULL;
    cancelled(the_client);
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
    lasting(argv[1]);

    for (i = 1; i < SIGNALS; i++) {
        if (sigaction(i, NULL, &after) != 0) continue;
        CHECK(after.sa_handler == before[i].sa_handler && after.sa_flags == before[i].sa_flags);
    }
    return failures != 0;
}
