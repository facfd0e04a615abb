/* Usage: misuse imapd.conf. Checks that wrong calls return errors and do no harm. Needs no
 * replica. */
#define _POSIX_C_SOURCE 200809L

#include <locale.h>
#include <sys/stat.h>

#include "client.h"
#include "memory.h"

/* Loads a configuration with a replica that does not exist. */
static cyrsync_config *load_unreachable(const char *path)
{
    cyrsync_config *config = load(path);

    CHECK(cyrsync_config_set_server(config, cyrsync_str_from("127.0.0.1:1"), NULL)
          == CYRSYNC_RESULT_OK);
    return config;
}

/* The error for a missing function of the table names this function. */
static void tables(cyrsync_config *config)
{
    struct memory memory;
    struct cyrsync_host host;
    cyrsync_client *client = NULL;
    cyrsync_error *error = NULL;
    void (**function)(void);
    size_t missing = 0, at;

    memset(&memory, 0, sizeof(memory));
    CHECK(cyrsync_client_new_with_host(config, NULL, &client, NULL)
          == CYRSYNC_RESULT_NULL_POINTER);
    memory_host(&host, &memory);
    host.size = 0;
    CHECK(cyrsync_client_new_with_host(config, &host, &client, NULL)
          == CYRSYNC_RESULT_INVALID_ARGUMENT);
    CHECK(memory.destroyed == 0);
    memory_host(&host, &memory);
    host.version = 99;
    CHECK(cyrsync_client_new_with_host(config, &host, &client, NULL)
          == CYRSYNC_RESULT_INVALID_ARGUMENT);
    CHECK(memory.destroyed == 1);
    memory_host(&host, &memory);
    CHECK(cyrsync_client_new_with_host(NULL, &host, &client, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(memory.destroyed == 2);
    CHECK(cyrsync_client_new_with_host(config, &host, NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(memory.destroyed == 3);

    for (at = offsetof(struct cyrsync_host, lookup); at < sizeof(host); at += sizeof(*function)) {
        memory_host(&host, &memory);
        function = (void (**)(void))(void *)((char *)&host + at);
        if (!*function) continue;
        *function = NULL;
        error = NULL;
        client = NULL;
        if (cyrsync_client_new_with_host(config, &host, &client, &error) == CYRSYNC_RESULT_OK) {
            CHECK(at == offsetof(struct cyrsync_host, apply));
        } else {
            missing++;
            CHECK(cyrsync_error_code(error) == CYRSYNC_RESULT_NULL_POINTER);
            CHECK(strncmp(cyrsync_error_subject(error), "host.", 5) == 0);
            CHECK(client == NULL);
        }
        cyrsync_error_free(error);
        cyrsync_client_free(client);
    }
    CHECK(missing == 22);

    /* The table in the sizes of an earlier and of a later header. */
    for (at = 0; at < 2; at++) {
        struct { struct cyrsync_host host; void *more[4]; } later;

        memory_host(&host, &memory);
        memset(&later, 0xff, sizeof(later));
        later.host = host;
        later.host.size = at ? sizeof(later) : offsetof(struct cyrsync_host, list_bytes);
        client = NULL;
        CHECK(cyrsync_client_new_with_host(config, &later.host, &client, NULL)
              == CYRSYNC_RESULT_OK);
        cyrsync_client_free(client);
    }
    CHECK(memory.opened == 0 && memory.listed == 0);
}

/* The error for a structure with an impossible size names the argument. The call does nothing
 * else. */
static void sizes(cyrsync_config *config, cyrsync_client *client)
{
    const size_t absurd[] = {0, 1, sizeof(void *), (size_t)1 << 20, (size_t)-1};
    const char *const names[] = {"report", "report", "report", "out", "rolling", "end", "out",
                                 "verified", "callbacks"};
    enum { CALLS = sizeof(names) / sizeof(names[0]) };
    cyrsync_report report = CYRSYNC_REPORT_INIT;
    cyrsync_counters counters = CYRSYNC_COUNTERS_INIT;
    cyrsync_rolling rolling = CYRSYNC_ROLLING_INIT, good = CYRSYNC_ROLLING_INIT;
    cyrsync_roll_end end = CYRSYNC_ROLL_END_INIT;
    cyrsync_progress progress = CYRSYNC_PROGRESS_INIT;
    cyrsync_verified verified = CYRSYNC_VERIFIED_INIT;
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;
    cyrsync_str none = {NULL, 0}, log = cyrsync_str_from("USER fred\n");
    size_t i, j;

    for (i = 0; i < sizeof(absurd) / sizeof(absurd[0]); i++) {
        cyrsync_error *errors[CALLS] = {NULL};
        cyrsync_result results[CALLS];

        report.size = counters.size = rolling.size = end.size = absurd[i];
        progress.size = verified.size = callbacks.size = absurd[i];
        results[0] = cyrsync_client_sync_all(client, none, &report, &errors[0]);
        results[1] = cyrsync_client_plan_all(client, none, &report, &errors[1]);
        results[2] = cyrsync_client_process_log(client, log, &report, &errors[2]);
        results[3] = cyrsync_client_counters(client, &counters, &errors[3]);
        results[4] = cyrsync_client_roll(client, &rolling, NULL, &errors[4]);
        results[5] = cyrsync_client_roll(client, &good, &end, &errors[5]);
        results[6] = cyrsync_client_progress(client, &progress, &errors[6]);
        results[7] = cyrsync_client_verify_all(client, none, none, &verified, &errors[7]);
        results[8] = cyrsync_config_set_callbacks(config, &callbacks, &errors[8]);
        for (j = 0; j < CALLS; j++) {
            CHECK(results[j] == CYRSYNC_RESULT_INVALID_ARGUMENT);
            CHECK(cyrsync_error_code(errors[j]) == CYRSYNC_RESULT_INVALID_ARGUMENT);
            CHECK_STR(cyrsync_error_subject(errors[j]), names[j]);
            CHECK(strstr(cyrsync_error_message(errors[j]), "sizeof(cyrsync_") != NULL);
            cyrsync_error_free(errors[j]);
        }
    }
}

static void again(void *data)
{
    cyrsync_client *client = data;
    cyrsync_counters counters = CYRSYNC_COUNTERS_INIT;
    cyrsync_error *error = NULL;

    CHECK(cyrsync_client_sync_user(client, cyrsync_str_from("memory"), &error)
          == CYRSYNC_RESULT_BUSY);
    CHECK_STR(cyrsync_error_subject(error), "client");
    cyrsync_error_free(error);
    CHECK(cyrsync_client_counters(client, &counters, NULL) == CYRSYNC_RESULT_BUSY);
    CHECK(cyrsync_client_disconnect(client, NULL) == CYRSYNC_RESULT_BUSY);
    cyrsync_client_wake(client);
    CHECK_STR(cyrsync_client_server(client), "127.0.0.1:1");
    CHECK(cyrsync_client_reset_cancel(client, NULL) == CYRSYNC_RESULT_BUSY);
    /* A client in use cannot be freed. */
    CHECK(cyrsync_client_free(client) == CYRSYNC_RESULT_BUSY);
}

/* Calls the client from a function of its host. */
static void reentrant(cyrsync_config *config)
{
    struct memory memory;
    struct cyrsync_host host;
    cyrsync_client *client = NULL;
    cyrsync_str all = {NULL, 0};

    memset(&memory, 0, sizeof(memory));
    memory_host(&host, &memory);
    CHECK(cyrsync_client_new_with_host(config, &host, &client, NULL) == CYRSYNC_RESULT_OK);
    memory.on_call = again;
    memory.data = client;
    /* The library lists the mailboxes before it connects. */
    CHECK(cyrsync_client_sync_all(client, all, NULL, NULL) == CYRSYNC_RESULT_CONNECT);
    CHECK(memory.listed == 1);
    cyrsync_client_free(client);
    CHECK(memory.destroyed == 1);
}

struct told {
    cyrsync_client *client;
    int lines;
};

static void on_failure(void *userdata, cyrsync_log_level level, cyrsync_str line)
{
    struct told *told = userdata;

    (void)level;
    (void)line;
    if (told->lines++) return;
    CHECK(cyrsync_client_disconnect(told->client, NULL) == CYRSYNC_RESULT_BUSY);
    CHECK(cyrsync_client_free(told->client) == CYRSYNC_RESULT_BUSY);
}

/* The client is busy while the log callback receives an error of a call whose err is NULL. */
static void reentrant_log(const char *path)
{
    struct told told = {NULL, 0};
    cyrsync_config *config = load_unreachable(path);
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;
    cyrsync_str nobody = {NULL, 0};

    callbacks.userdata = &told;
    callbacks.log = on_failure;
    listen_with(config, &callbacks);
    CHECK(cyrsync_client_new(config, &told.client, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_sync_user(told.client, nobody, NULL) == CYRSYNC_RESULT_INVALID_ARGUMENT);
    /* One line is for this error, and one for the error of the inner call. */
    CHECK(told.lines == 2);
    cyrsync_client_free(told.client);
    cyrsync_config_free(config);
}

static void configurations(void)
{
    cyrsync_config *config = NULL;
    cyrsync_error *error = NULL;

    CHECK(cyrsync_config_parse(cyrsync_str_from("configdirectory: /nonexistent\n"), NULL, NULL)
          == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_config_parse(cyrsync_str_from("sync_host: x\n"), &config, &error)
          == CYRSYNC_RESULT_CONFIG);
    CHECK(strstr(cyrsync_error_hint(error), "configdirectory") != NULL);
    cyrsync_error_free(error);
    CHECK(config == NULL);
    CHECK(cyrsync_config_parse(cyrsync_str_from("configdirectory: /nonexistent\n"), &config, NULL)
          == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_config_set(config, cyrsync_str_from("sync_host"), cyrsync_str_from("here"), NULL)
          == CYRSYNC_RESULT_OK);
    cyrsync_config_free(config);
}

static void nulls(void)
{
    cyrsync_str none = {NULL, 0};
    cyrsync_counters counters = CYRSYNC_COUNTERS_INIT;

    CHECK(cyrsync_client_sync_seen(NULL, none, none, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_sync_subscription(NULL, none, none, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_sync_quota(NULL, none, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_sync_annotations(NULL, none, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_restart(NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_counters(NULL, &counters, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_plan(NULL, none, NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_plan_all(NULL, none, NULL, NULL)
          == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_roll(NULL, NULL, NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_process_log(NULL, none, NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_process_log_file(NULL, none, NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_checkpoint(NULL, none, NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_disconnect_if_idle(NULL, 0, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_log_append(NULL, NULL, 0, none, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    cyrsync_client_finish(NULL);
    cyrsync_client_wake(NULL);
    cyrsync_failure_set(NULL, none, none);
}

int main(int argc, char **argv)
{
    cyrsync_config *config;
    cyrsync_client *client = NULL;
    mode_t mask;
    const char *locale;
    char kept[64];

    if (argc != 2) {
        fprintf(stderr, "usage: %s imapd.conf\n", argv[0]);
        return 64;
    }
    umask(mask = umask(0));
    locale = setlocale(LC_ALL, NULL);
    strncpy(kept, locale, sizeof(kept) - 1);
    kept[sizeof(kept) - 1] = 0;

    config = load_unreachable(argv[1]);
    tables(config);
    reentrant(config);
    reentrant_log(argv[1]);
    configurations();
    nulls();
    CHECK(cyrsync_client_new(config, &client, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_counters(client, NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_process_log_file(client, cyrsync_str_from("/nonexistent"), NULL, NULL)
          == CYRSYNC_RESULT_IO);
    CHECK(cyrsync_client_roll(client, NULL, NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    sizes(config, client);
    cyrsync_client_free(client);
    cyrsync_config_free(config);

    CHECK(umask(mask) == mask);
    CHECK_STR(setlocale(LC_ALL, NULL), kept);
    return failures != 0;
}
