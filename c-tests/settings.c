/* Usage: settings imapd.conf [whole]. Checks that clients use the settings of their configuration.
 * The replica is empty. */
#include <stdlib.h>

#include "client.h"
#include "memory.h"

static struct cyrsync_host honest;
static int64_t waited_for_mailbox, waited_for_user;
static int locked;
static int asked_for_size;

static int open_mailbox(void *userdata, cyrsync_str name, int64_t wait_ms, void **mailbox,
                        cyrsync_failure *failure)
{
    waited_for_mailbox = wait_ms;
    return locked ? CYRSYNC_RESULT_LOCKED
                  : honest.open(userdata, name, wait_ms, mailbox, failure);
}

static int sync_lock(void *userdata, cyrsync_str server, cyrsync_str userid, int64_t wait_ms,
                     void **lock, cyrsync_failure *failure)
{
    waited_for_user = wait_ms;
    return locked ? CYRSYNC_RESULT_LOCKED
                  : honest.sync_lock(userdata, server, userid, wait_ms, lock, failure);
}

static uint64_t list_bytes(void *userdata)
{
    (void)userdata;
    asked_for_size++;
    return 1000;
}

static cyrsync_client *make(const cyrsync_config *config, struct memory *memory)
{
    cyrsync_client *client = NULL;
    struct cyrsync_host host;

    memset(memory, 0, sizeof(*memory));
    memory_host(&host, memory);
    honest = host;
    host.open = open_mailbox;
    host.sync_lock = sync_lock;
    host.list_bytes = list_bytes;
    CHECK(cyrsync_client_new_with_host(config, &host, &client, NULL) == CYRSYNC_RESULT_OK);
    return client;
}

/* Checks the time limit for locks. By default there is no limit. With a limit, a locked user is an
 * error; in cyrsync_client_sync_all() it is counted as skipped. */
static void patience(const char *path)
{
    cyrsync_config *config = load(path);
    cyrsync_str user = cyrsync_str_from("memory"), all = {NULL, 0};
    struct memory memory;
    cyrsync_client *client = make(config, &memory);
    cyrsync_error *error = NULL;
    cyrsync_report report = CYRSYNC_REPORT_INIT;

    asked_for_size = 0;
    CHECK(cyrsync_client_sync_user(client, user, NULL) == CYRSYNC_RESULT_OK);
    CHECK(waited_for_mailbox < 0 && waited_for_user < 0);
    /* list_bytes is called once for each connection. */
    CHECK(asked_for_size == 1);
    cyrsync_client_free(client);

    CHECK(cyrsync_config_set_lock_patience(config, 250, NULL) == CYRSYNC_RESULT_OK);
    client = make(config, &memory);
    CHECK(cyrsync_client_sync_user(client, user, NULL) == CYRSYNC_RESULT_OK);
    CHECK(waited_for_mailbox == 250 && waited_for_user == 250);
    locked = 1;
    CHECK(cyrsync_client_sync_user(client, user, &error) == CYRSYNC_RESULT_LOCKED);
    CHECK(cyrsync_result_is_retryable(cyrsync_error_code(error)));
    cyrsync_error_free(error);
    CHECK(cyrsync_client_sync_all(client, all, &report, NULL) == CYRSYNC_RESULT_OK);
    CHECK(waited_for_user == 250);
    CHECK(report.failed == 0 && report.locked == 1 && report.done == 0);
    cyrsync_client_free(client);

    CHECK(cyrsync_config_set_flags(config, CYRSYNC_FLAG_SKIP_LOCKED, NULL) == CYRSYNC_RESULT_OK);
    client = make(config, &memory);
    CHECK(cyrsync_client_sync_all(client, all, &report, NULL) == CYRSYNC_RESULT_OK);
    CHECK(waited_for_user == 0);
    CHECK(report.failed == 0 && report.locked == 1 && report.done == 0);
    locked = 0;
    CHECK(cyrsync_client_sync_all(client, all, &report, NULL) == CYRSYNC_RESULT_OK);
    CHECK(report.locked == 0 && report.done == 1);
    cyrsync_client_free(client);
    cyrsync_config_free(config);
}

struct traffic {
    size_t sent, received;
    char text[1 << 16];
    size_t len;
    int destroyed;
};

static void on_traffic(void *userdata, bool sent, cyrsync_str bytes)
{
    struct traffic *traffic = userdata;
    size_t room = sizeof(traffic->text) - 1 - traffic->len;

    *(sent ? &traffic->sent : &traffic->received) += bytes.len;
    if (bytes.len < room) room = bytes.len;
    memcpy(traffic->text + traffic->len, bytes.data, room);
    traffic->len += room;
}

static void on_destroy(void *userdata)
{
    struct traffic *traffic = userdata;

    traffic->destroyed++;
}

/* Checks the traffic callback: it receives both directions without credentials. It receives whole
 * messages only if the flag is set. */
static void traffic(const char *path, int whole)
{
    static struct traffic heard;
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;
    cyrsync_config *config = load(path);
    struct memory memory;
    cyrsync_client *client;

    memset(&heard, 0, sizeof(heard));
    callbacks.userdata = &heard;
    callbacks.destroy = on_destroy;
    callbacks.traffic = on_traffic;
    listen_with(config, &callbacks);
    CHECK(cyrsync_config_set_flags(config, whole ? CYRSYNC_FLAG_WHOLE_MESSAGES : 0, NULL)
          == CYRSYNC_RESULT_OK);
    client = make(config, &memory);
    CHECK(cyrsync_client_sync_user(client, cyrsync_str_from("memory"), NULL) == CYRSYNC_RESULT_OK);
    cyrsync_config_free(config);
    CHECK(heard.destroyed == 0);
    cyrsync_client_free(client);
    CHECK(heard.destroyed == 1);
    CHECK(heard.sent > 0 && heard.received > 0);
    CHECK(strstr(heard.text, "GET USER memory\r\n") != NULL);
    CHECK(strstr(heard.text, "OK success\r\n") != NULL);
    CHECK((strstr(heard.text, "The first.") != NULL) == whole);
    CHECK((strstr(heard.text, " bytes]") == NULL) == whole);
    CHECK(strstr(heard.text, "AUTHENTICATE") == NULL);
}

struct heard {
    cyrsync_client *client;
    int times, named;
};

static void on_unreachable(void *userdata, const cyrsync_unreachable *unreachable)
{
    struct heard *heard = userdata;

    CHECK(unreachable->size == sizeof(*unreachable) && unreachable->pause_s > 0);
    heard->times++;
    heard->named += cyrsync_error_code(unreachable->error) == CYRSYNC_RESULT_CONNECT
        && strstr(cyrsync_error_message(unreachable->error), "127.0.0.1:1") != NULL
        && unreachable->server.len == strlen("127.0.0.1:1");
    cyrsync_client_cancel(heard->client);
}

/* Checks that cyrsync_client_roll() reports a replica that does not answer, and that the callback
 * can cancel the call. */
static void unreachable(const char *path)
{
    cyrsync_config *config = load(path);
    struct heard heard = {NULL, 0, 0};
    struct memory memory;
    cyrsync_roll_options rolling = CYRSYNC_ROLL_OPTIONS_INIT;
    cyrsync_roll_result end = CYRSYNC_ROLL_RESULT_INIT;
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;

    CHECK(cyrsync_config_set_server(config, cyrsync_str_from("127.0.0.1:1"), NULL)
          == CYRSYNC_RESULT_OK);
    callbacks.userdata = &heard;
    callbacks.unreachable = on_unreachable;
    listen_with(config, &callbacks);
    heard.client = make(config, &memory);
    rolling.interval_ms = 10;
    CHECK(cyrsync_client_roll(heard.client, &rolling, &end, NULL) == CYRSYNC_RESULT_OK);
    CHECK(end.reason == CYRSYNC_ROLL_REASON_STOPPED);
    CHECK(heard.times == 1 && heard.named == 1);
    cyrsync_client_free(heard.client);
    cyrsync_config_free(config);
}

struct names {
    char text[256];
    int count;
};

static void on_name(void *userdata, cyrsync_str name)
{
    struct names *names = userdata;

    names->count++;
    strncat(names->text, name.data, name.len);
    strcat(names->text, " ");
}

static void on_action(void *userdata, cyrsync_str line)
{
    struct names *actions = userdata;

    /* Keeps only the last line. */
    actions->count++;
    snprintf(actions->text, sizeof(actions->text), "%.*s", (int)line.len, line.data);
}

/* Checks that an excluded user is not replicated, that a line names the user, and that log entries
 * cannot be excluded. */
static void exclusion(const char *path)
{
    cyrsync_config *config = load(path);
    cyrsync_str user = cyrsync_str_from("memory"), all = {NULL, 0};
    cyrsync_str log = cyrsync_str_from("USER memory\n");
    struct names names = {"", 0}, actions = {"", 0};
    cyrsync_report report = CYRSYNC_REPORT_INIT;
    struct memory memory;
    cyrsync_client *client;
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;

    CHECK(cyrsync_config_exclude(config, cyrsync_str_from("u[1"), NULL)
          == CYRSYNC_RESULT_INVALID_ARGUMENT);
    CHECK(cyrsync_config_exclude(config, cyrsync_str_from("m?m*"), NULL) == CYRSYNC_RESULT_OK);
    callbacks.userdata = &actions;
    callbacks.action = on_action;
    listen_with(config, &callbacks);
    client = make(config, &memory);
    CHECK(cyrsync_client_sync_user(client, user, NULL) == CYRSYNC_RESULT_OK);
    CHECK(actions.count == 1);
    CHECK_STR(actions.text, "excluded: 1 user: memory");
    CHECK(cyrsync_client_sync_all(client, all, &report, NULL) == CYRSYNC_RESULT_OK);
    CHECK(report.done == 0 && report.failed == 0);
    CHECK_STR(actions.text, "excluded: 1 user: memory");
    CHECK(cyrsync_client_process_log(client, log, NULL, NULL)
          == CYRSYNC_RESULT_INVALID_ARGUMENT);
    cyrsync_client_free(client);

    CHECK(cyrsync_config_exclude(config, all, NULL) == CYRSYNC_RESULT_OK);
    client = make(config, &memory);
    CHECK(cyrsync_client_match_users(client, cyrsync_str_from("*r?"), on_name, &names, NULL)
          == CYRSYNC_RESULT_OK);
    CHECK_STR(names.text, "memory ");
    CHECK(cyrsync_client_match_users(client, cyrsync_str_from("x*"), on_name, &names, NULL)
          == CYRSYNC_RESULT_OK);
    CHECK(names.count == 1);
    CHECK(cyrsync_client_match_users(client, cyrsync_str_from("["), on_name, &names, NULL)
          == CYRSYNC_RESULT_INVALID_ARGUMENT);
    CHECK(cyrsync_client_match_mailboxes(client, cyrsync_str_from("user*[tS]"), on_name, &names,
                                         NULL)
          == CYRSYNC_RESULT_OK);
    CHECK_STR(names.text, "memory user.memory.Sent ");
    cyrsync_client_free(client);
    cyrsync_config_free(config);
}

/* Checks that an invalid bandwidth limit is refused, and that clients work with a valid one. */
static void bandwidth(const char *path)
{
    cyrsync_config *config = load(path);
    cyrsync_str none = {NULL, 0};
    struct memory memory;
    cyrsync_client *client;

    CHECK(cyrsync_config_set_bwlimit(config, cyrsync_str_from("fast"), NULL)
          == CYRSYNC_RESULT_CONFIG);
    CHECK(cyrsync_config_set_bwlimit(config, cyrsync_str_from("1M,08:00-18:00=900K"), NULL)
          == CYRSYNC_RESULT_OK);
    client = make(config, &memory);
    CHECK(cyrsync_client_sync_user(client, cyrsync_str_from("memory"), NULL) == CYRSYNC_RESULT_OK);
    cyrsync_client_free(client);
    CHECK(cyrsync_config_set_bwlimit(config, none, NULL) == CYRSYNC_RESULT_OK);
    cyrsync_config_free(config);
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s imapd.conf [whole]\n", argv[0]);
        return 64;
    }
    exclusion(argv[1]);
    traffic(argv[1], argc == 3);
    bandwidth(argv[1]);
    patience(argv[1]);
    unreachable(argv[1]);
    return failures != 0;
}
