/* Usage: misuse imapd.conf. Checks that wrong calls return errors and change nothing. Needs no
 * replica. */
#define _POSIX_C_SOURCE 200809L

#include <locale.h>
#include <sys/stat.h>

#include "client.h"
#include "memory.h"

/* Loads a configuration whose replica does not answer. */
static cyrsync_config *load_unreachable(const char *path)
{
    cyrsync_config *config = load(path);

    CHECK(cyrsync_config_set_server(config, cyrsync_str_from("127.0.0.1:1"), NULL)
          == CYRSYNC_RESULT_OK);
    return config;
}

/* Checks tables of a host. If a required function is missing, the error names it. */
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

    /* The table may have the size of an earlier or of a later header. */
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

/* Stands for the size of each structure less one. No structure of C has an odd size like this. */
#define ODD ((size_t)-2)

/* Checks that the error for a structure with an impossible size names the argument. Such a call
 * does nothing else. */
static void sizes(cyrsync_config *config, cyrsync_client *client)
{
    const size_t absurd[] = {0, 1, sizeof(void *), (size_t)1 << 20, (size_t)-1, ODD};
    const char *const names[] = {"report", "report", "report", "out", "options", "result", "out",
                                 "totals", "callbacks"};
    enum { CALLS = sizeof(names) / sizeof(names[0]) };
    cyrsync_report report = CYRSYNC_REPORT_INIT;
    cyrsync_counters counters = CYRSYNC_COUNTERS_INIT;
    cyrsync_roll_options rolling = CYRSYNC_ROLL_OPTIONS_INIT, good = CYRSYNC_ROLL_OPTIONS_INIT;
    cyrsync_roll_result end = CYRSYNC_ROLL_RESULT_INIT;
    cyrsync_progress progress = CYRSYNC_PROGRESS_INIT;
    cyrsync_verify_totals verified = CYRSYNC_VERIFY_TOTALS_INIT;
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;
    cyrsync_str none = {NULL, 0}, log = cyrsync_str_from("USER fred\n");
    size_t i, j;

    for (i = 0; i < sizeof(absurd) / sizeof(absurd[0]); i++) {
        cyrsync_error *errors[CALLS] = {NULL};
        cyrsync_result results[CALLS];

        report.size = counters.size = rolling.size = end.size = absurd[i];
        progress.size = verified.size = callbacks.size = absurd[i];
        if (absurd[i] == ODD) {
            report.size = sizeof(report) - 1;
            counters.size = sizeof(counters) - 1;
            rolling.size = sizeof(rolling) - 1;
            end.size = sizeof(end) - 1;
            progress.size = sizeof(progress) - 1;
            verified.size = sizeof(verified) - 1;
            callbacks.size = sizeof(callbacks) - 1;
        }
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
    cyrsync_progress progress = CYRSYNC_PROGRESS_INIT;
    cyrsync_error *error = NULL;

    CHECK(cyrsync_client_sync_user(client, cyrsync_str_from("memory"), &error)
          == CYRSYNC_RESULT_BUSY);
    CHECK_STR(cyrsync_error_subject(error), "client");
    cyrsync_error_free(error);
    CHECK(cyrsync_client_counters(client, &counters, NULL) == CYRSYNC_RESULT_BUSY);
    CHECK(cyrsync_client_disconnect(client, NULL) == CYRSYNC_RESULT_BUSY);
    cyrsync_client_wake(client);
    CHECK_STR(cyrsync_client_server(client), "127.0.0.1:1");
    CHECK(cyrsync_client_progress(client, &progress, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_reset_cancel(client, NULL) == CYRSYNC_RESULT_BUSY);
    /* A client cannot be freed while a call uses it. */
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
    /* The library lists the mailboxes before it connects, so the host's functions are called. */
    CHECK(cyrsync_client_sync_all(client, all, NULL, NULL) == CYRSYNC_RESULT_CONNECT);
    CHECK(memory.listed == 1);
    cyrsync_client_free(client);
    CHECK(memory.destroyed == 1);
}

/* Checks that destroy is called once for each client made with the same table. */
static void shared_table(cyrsync_config *config)
{
    struct memory memory;
    struct cyrsync_host host;
    cyrsync_client *clients[2] = {NULL, NULL};
    int i;

    memset(&memory, 0, sizeof(memory));
    memory_host(&host, &memory);
    for (i = 0; i < 2; i++)
        CHECK(cyrsync_client_new_with_host(config, &host, &clients[i], NULL) == CYRSYNC_RESULT_OK);
    CHECK(memory.destroyed == 0);
    for (i = 0; i < 2; i++) {
        CHECK(cyrsync_client_free(clients[i]) == CYRSYNC_RESULT_OK);
        CHECK(memory.destroyed == i + 1);
    }
}

static void count(void *userdata)
{
    ++*(int *)userdata;
}

/* Checks that destroy is called once for each call that received the callbacks: after the last use
 * of the table, or in the call if it fails. */
static void shared_callbacks(const char *path)
{
    cyrsync_config *config = load_unreachable(path);
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;
    cyrsync_client *clients[2] = {NULL, NULL};
    int destroyed = 0, i;

    callbacks.userdata = &destroyed;
    callbacks.destroy = count;
    CHECK(cyrsync_config_set_callbacks(NULL, &callbacks, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(destroyed == 1);
    listen_with(config, &callbacks);
    CHECK(destroyed == 1);
    /* Replaces the table, which no client uses. */
    listen_with(config, &callbacks);
    CHECK(destroyed == 2);
    for (i = 0; i < 2; i++)
        CHECK(cyrsync_client_new(config, &clients[i], NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_config_set_callbacks(config, NULL, NULL) == CYRSYNC_RESULT_OK);
    cyrsync_config_free(config);
    CHECK(cyrsync_client_free(clients[0]) == CYRSYNC_RESULT_OK);
    CHECK(destroyed == 2);
    CHECK(cyrsync_client_free(clients[1]) == CYRSYNC_RESULT_OK);
    CHECK(destroyed == 3);
}

/* Checks that the rolling options of imapd.conf are read. CYRSYNC_ROLL_OPTIONS_INIT does not read
 * them. */
static void rolling_options(void)
{
    const char *text = "configdirectory: /nonexistent\nsync_repeat_interval: 7\n"
                       "sync_shutdown_file: /nonexistent/stop\nsync_reconnect_maxwait: 2m\n"
                       "sync_log: yes\nsync_log_channels: second\n"
                       "second_sync_repeat_interval: 8\n";
    const char *file = "/nonexistent/stop";
    struct { cyrsync_roll_options options; uint64_t more; } later = {CYRSYNC_ROLL_OPTIONS_INIT, 1};
    cyrsync_roll_options options = CYRSYNC_ROLL_OPTIONS_INIT;
    cyrsync_config *config = NULL;

    CHECK(cyrsync_config_parse(cyrsync_str_from(text), &config, NULL) == CYRSYNC_RESULT_OK);
    CHECK(options.interval_ms == 0 && options.shutdown_file.len == 0);
    CHECK(cyrsync_config_rolling(config, &options, NULL) == CYRSYNC_RESULT_OK);
    CHECK(options.interval_ms == 7000 && options.longest_pause_s == 120);
    CHECK(options.release_after_s == 600 && !options.connect_once && !options.once);
    CHECK(options.shutdown_file.len == strlen(file)
          && memcmp(options.shutdown_file.data, file, strlen(file)) == 0);
    CHECK(cyrsync_config_set_channel(config, cyrsync_str_from("second"), NULL)
          == CYRSYNC_RESULT_OK);
    later.options.size = sizeof(later);
    CHECK(cyrsync_config_rolling(config, &later.options, NULL) == CYRSYNC_RESULT_OK);
    CHECK(later.options.interval_ms == 8000 && later.more == 0);
    /* The path is valid until the configuration is freed. */
    CHECK(options.shutdown_file.data == later.options.shutdown_file.data);
    options.size = 1;
    CHECK(cyrsync_config_rolling(config, &options, NULL) == CYRSYNC_RESULT_INVALID_ARGUMENT);
    CHECK(cyrsync_config_rolling(config, NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_config_rolling(NULL, &options, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_config_set(config, cyrsync_str_from("sync_repeat_interval"),
                             cyrsync_str_from("soon"), NULL)
          == CYRSYNC_RESULT_CONFIG);
    cyrsync_config_free(config);
}

/* Checks which arguments must be UTF-8, and that no name is lost because an array may be NULL. */
static void arguments(cyrsync_config *config, cyrsync_client *client)
{
    const cyrsync_str latin1 = cyrsync_str_from("fr\xe9"), none = {NULL, 0};
    const cyrsync_str fine = cyrsync_str_from("sync_host");
    const cyrsync_result refused = CYRSYNC_RESULT_INVALID_ARGUMENT;

    CHECK(cyrsync_config_set(config, latin1, fine, NULL) == refused);
    CHECK(cyrsync_config_set(config, fine, latin1, NULL) == refused);
    CHECK(cyrsync_config_set_channel(config, latin1, NULL) == refused);
    CHECK(cyrsync_config_set_server(config, latin1, NULL) == refused);
    CHECK(cyrsync_config_set_bwlimit(config, latin1, NULL) == refused);
    CHECK(cyrsync_log_append(config, &latin1, 1, none, NULL) == refused);
    CHECK(cyrsync_client_verify_all(client, none, latin1, NULL, NULL) == refused);
    CHECK(cyrsync_client_sync_user(client, none, NULL) == refused);
    CHECK(cyrsync_client_sync_seen(client, none, latin1, NULL) == refused);
    CHECK(cyrsync_config_set_partition(config, latin1, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_config_exclude(config, latin1, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_sync_user(client, latin1, NULL) == CYRSYNC_RESULT_CONNECT);
    CHECK(cyrsync_client_sync_mailboxes(client, NULL, 1, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_plan_mailboxes(client, NULL, (size_t)-1, NULL)
          == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_plan_mailboxes(client, &latin1, (size_t)-1, NULL) == refused);
}

struct disconnects {
    cyrsync_client *client;
    int lines;
};

static void on_failure(void *userdata, cyrsync_log_level level, cyrsync_str line)
{
    struct disconnects *seen = userdata;

    (void)level;
    (void)line;
    if (seen->lines++) return;
    CHECK(cyrsync_client_disconnect(seen->client, NULL) == CYRSYNC_RESULT_BUSY);
    CHECK(cyrsync_client_free(seen->client) == CYRSYNC_RESULT_BUSY);
}

/* Checks that the client is busy while the log callback receives the error of a call whose err is
 * NULL. */
static void reentrant_log(const char *path)
{
    struct disconnects seen = {NULL, 0};
    cyrsync_config *config = load_unreachable(path);
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;
    cyrsync_str nobody = {NULL, 0};

    callbacks.userdata = &seen;
    callbacks.log = on_failure;
    listen_with(config, &callbacks);
    CHECK(cyrsync_client_new(config, &seen.client, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_sync_user(seen.client, nobody, NULL) == CYRSYNC_RESULT_INVALID_ARGUMENT);
    /* One line has this error. The other line has the error of the call in the callback. */
    CHECK(seen.lines == 2);
    cyrsync_client_free(seen.client);
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
    CHECK(cyrsync_client_release_staged(NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_counters(NULL, &counters, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_plan_log(NULL, none, NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
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
    shared_table(config);
    shared_callbacks(argv[1]);
    rolling_options();
    reentrant_log(argv[1]);
    configurations();
    nulls();
    CHECK(cyrsync_client_new(config, &client, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_counters(client, NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_client_process_log_file(client, cyrsync_str_from("/nonexistent"), NULL, NULL)
          == CYRSYNC_RESULT_IO);
    CHECK(cyrsync_client_roll(client, NULL, NULL, NULL) == CYRSYNC_RESULT_NULL_POINTER);
    sizes(config, client);
    arguments(config, client);
    cyrsync_client_free(client);
    cyrsync_config_free(config);

    CHECK(umask(mask) == mask);
    CHECK_STR(setlocale(LC_ALL, NULL), kept);
    return failures != 0;
}
