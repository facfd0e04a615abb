/* Usage: program imapd.conf. A program of release 0.1, built with the header of that release. Needs
 * no replica. After the release of 0.1 neither this file nor the header beside it may change:
 * tests/house/header.rs runs the program with the current library. */
#include <stdio.h>
#include <string.h>

#include "cyrsync.h"

static int failures, lines, checks, destroyed;

#define CHECK(condition)                                                                     \
    do {                                                                                     \
        if (!(condition)) {                                                                  \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);        \
            failures++;                                                                      \
        }                                                                                    \
    } while (0)

static void on_log(void *userdata, cyrsync_log_level level, cyrsync_str line)
{
    CHECK(userdata == &lines && level >= CYRSYNC_LOG_LEVEL_ERROR && line.len > 0);
    lines++;
}

static void on_check(void *userdata, const cyrsync_check *check)
{
    CHECK(userdata == &lines && check->size >= sizeof(*check) && check->name.len > 0);
    checks++;
}

static bool on_cancel(void *userdata)
{
    CHECK(userdata == &lines);
    return false;
}

static void on_destroy(void *userdata)
{
    CHECK(userdata == &lines || userdata == &checks);
    destroyed++;
}

/* -- a master that has nothing -- */

static int list(void *userdata, cyrsync_str prefix, cyrsync_emit_mailbox_entry emit, void *sink,
                cyrsync_failure *failure)
{
    cyrsync_mailbox_entry entry = CYRSYNC_MAILBOX_ENTRY_INIT;

    CHECK(userdata == &checks && prefix.len == 0);
    (void)failure;
    entry.name = cyrsync_str_from("user.fred");
    entry.uniqueid = cyrsync_str_from("0123456789abcdef");
    entry.partition = cyrsync_str_from("default");
    return emit(sink, &entry);
}

static int with_name(void *userdata, cyrsync_str name, cyrsync_emit_mailbox_entry emit, void *sink,
                     cyrsync_failure *failure)
{
    (void)userdata, (void)name, (void)emit, (void)sink;
    cyrsync_failure_set(failure, cyrsync_str_from("not here"), cyrsync_str_from(""));
    return CYRSYNC_RESULT_NOT_FOUND;
}

static int sync_lock(void *userdata, cyrsync_str server, cyrsync_str userid, int64_t wait_ms,
                     void **lock, cyrsync_failure *failure)
{
    (void)userdata, (void)server, (void)userid, (void)wait_ms, (void)lock, (void)failure;
    return CYRSYNC_RESULT_OK;
}

static void release(void *userdata, void *what)
{
    (void)userdata, (void)what;
}

static int open_mailbox(void *userdata, cyrsync_str name, int64_t wait_ms, void **mailbox,
                        cyrsync_failure *failure)
{
    (void)userdata, (void)name, (void)wait_ms, (void)mailbox, (void)failure;
    return CYRSYNC_RESULT_NOT_FOUND;
}

static int state(void *userdata, void *mailbox, cyrsync_mailbox_state *out,
                 cyrsync_failure *failure)
{
    (void)userdata, (void)mailbox, (void)out, (void)failure;
    return CYRSYNC_RESULT_IO;
}

static int scan(void *userdata, void *mailbox, uint32_t from_uid, uint64_t since_modseq,
                cyrsync_emit_record emit, void *sink, cyrsync_failure *failure)
{
    (void)userdata, (void)mailbox, (void)from_uid, (void)since_modseq;
    (void)emit, (void)sink, (void)failure;
    return CYRSYNC_RESULT_IO;
}

static int mailbox_annotations(void *userdata, void *mailbox, cyrsync_emit_annotation emit,
                               void *sink, cyrsync_failure *failure)
{
    (void)userdata, (void)mailbox, (void)emit, (void)sink, (void)failure;
    return CYRSYNC_RESULT_IO;
}

static int message_annotations(void *userdata, void *mailbox, uint32_t uid,
                               cyrsync_emit_annotation emit, void *sink, cyrsync_failure *failure)
{
    (void)uid;
    return mailbox_annotations(userdata, mailbox, emit, sink, failure);
}

static int message_file(void *userdata, void *mailbox, const cyrsync_record *record,
                        cyrsync_message_file *file, cyrsync_failure *failure)
{
    (void)userdata, (void)mailbox, (void)record, (void)file, (void)failure;
    return CYRSYNC_RESULT_IO;
}

static int annotations(void *userdata, cyrsync_str name, cyrsync_emit_annotation emit, void *sink,
                       cyrsync_failure *failure)
{
    (void)userdata, (void)name, (void)emit, (void)sink, (void)failure;
    return CYRSYNC_RESULT_OK;
}

static int strings(void *userdata, cyrsync_str userid, cyrsync_emit_str emit, void *sink,
                   cyrsync_failure *failure)
{
    (void)userdata, (void)userid, (void)emit, (void)sink, (void)failure;
    return CYRSYNC_RESULT_OK;
}

static int seen(void *userdata, cyrsync_str userid, cyrsync_emit_seen emit, void *sink,
                cyrsync_failure *failure)
{
    (void)userdata, (void)userid, (void)emit, (void)sink, (void)failure;
    return CYRSYNC_RESULT_OK;
}

static int quota(void *userdata, cyrsync_str root, cyrsync_emit_quota emit, void *sink,
                 cyrsync_failure *failure)
{
    (void)userdata, (void)root, (void)emit, (void)sink, (void)failure;
    return CYRSYNC_RESULT_OK;
}

static int sieve_scripts(void *userdata, cyrsync_str userid, cyrsync_emit_sieve emit, void *sink,
                         cyrsync_failure *failure)
{
    (void)userdata, (void)userid, (void)emit, (void)sink, (void)failure;
    return CYRSYNC_RESULT_OK;
}

static int sieve_content(void *userdata, cyrsync_str userid, cyrsync_str name,
                         cyrsync_emit_str emit, void *sink, cyrsync_failure *failure)
{
    (void)name;
    return strings(userdata, userid, emit, sink, failure);
}

static int modseq(void *userdata, cyrsync_str name, uint64_t *out, cyrsync_failure *failure)
{
    (void)userdata, (void)name, (void)failure;
    *out = 0;
    return CYRSYNC_RESULT_OK;
}

static void on_name(void *userdata, cyrsync_str name)
{
    CHECK(userdata == &checks && name.len == strlen("fred"));
    lines += 100;
}

static void with_host(const cyrsync_config *config)
{
    cyrsync_host host = CYRSYNC_HOST_INIT;
    cyrsync_client *client = NULL;
    cyrsync_report report = CYRSYNC_REPORT_INIT;
    cyrsync_str none = {NULL, 0};

    host.userdata = &checks;
    host.destroy = on_destroy;
    host.lookup = host.lookup_by_id = host.list_user = with_name;
    host.list = list;
    host.sync_lock = sync_lock;
    host.sync_unlock = release;
    host.open = open_mailbox;
    host.state = state;
    host.scan = scan;
    host.mailbox_annotations = mailbox_annotations;
    host.message_annotations = message_annotations;
    host.message_file = message_file;
    host.unlock_index = host.close = release;
    host.annotations = annotations;
    host.subscriptions = strings;
    host.seen = seen;
    host.quota = quota;
    host.sieve_scripts = sieve_scripts;
    host.sieve_content = sieve_content;
    host.used_modseq = host.raclmodseq = modseq;
    CHECK(cyrsync_client_new_with_host(config, &host, &client, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_match_users(client, cyrsync_str_from("f*"), on_name, &checks, NULL)
          == CYRSYNC_RESULT_OK);
    CHECK(lines == 100);
    lines = 0;
    CHECK(cyrsync_client_sync_all(client, none, &report, NULL) == CYRSYNC_RESULT_CONNECT);
    CHECK(lines >= 1);
    CHECK(cyrsync_client_free(client) == CYRSYNC_RESULT_OK);
    CHECK(destroyed == 1);
}

static void without_host(const cyrsync_config *config)
{
    cyrsync_counters counters = CYRSYNC_COUNTERS_INIT;
    cyrsync_progress progress = CYRSYNC_PROGRESS_INIT;
    cyrsync_roll_options rolling = CYRSYNC_ROLL_OPTIONS_INIT;
    cyrsync_roll_result end = CYRSYNC_ROLL_RESULT_INIT;
    cyrsync_verify_totals verified = CYRSYNC_VERIFY_TOTALS_INIT;
    cyrsync_client *client = NULL;
    cyrsync_status *status = NULL;
    cyrsync_error *error = NULL;
    cyrsync_str fred = cyrsync_str_from("fred"), none = {NULL, 0};

    CHECK(cyrsync_client_new(config, &client, NULL) == CYRSYNC_RESULT_OK);
    CHECK(strcmp(cyrsync_client_server(client), "127.0.0.1:1") == 0);
    CHECK(cyrsync_client_sync_user(client, fred, &error) == CYRSYNC_RESULT_CONNECT);
    CHECK(strcmp(cyrsync_result_name((int)cyrsync_error_code(error)), "CONNECT") == 0);
    CHECK(cyrsync_error_is_retryable(error) && cyrsync_error_os_error(error) > 0);
    CHECK(cyrsync_error_subject_kind(error) == CYRSYNC_SUBJECT_SERVER);
    CHECK(cyrsync_error_part_count(error) == 0 && cyrsync_error_uid(error) == 0);
    cyrsync_error_free(error);
    CHECK(cyrsync_client_verify_user(client, fred, none, &verified, NULL)
          == CYRSYNC_RESULT_CONNECT);
    CHECK(cyrsync_client_counters(client, &counters, NULL) == CYRSYNC_RESULT_OK);
    CHECK(!counters.connected && counters.sent == 0);
    CHECK(cyrsync_client_progress(client, &progress, NULL) == CYRSYNC_RESULT_OK);
    CHECK(progress.messages == 0);
    rolling.once = 1;
    rolling.connect_once = 1;
    CHECK(cyrsync_client_roll(client, &rolling, &end, NULL) == CYRSYNC_RESULT_CONNECT);
    cyrsync_client_cancel(client);
    CHECK(cyrsync_client_connect(client, NULL) == CYRSYNC_RESULT_CANCELLED);
    CHECK(cyrsync_client_reset_cancel(client, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_connect(client, NULL) == CYRSYNC_RESULT_CONNECT);
    CHECK(cyrsync_client_free(client) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_log_append(config, &none, 1, cyrsync_str_from("USER fred\n"), NULL)
          == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_status_read(config, &status, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_status_backlog(status) == 1 && cyrsync_status_json(status).len > 0);
    cyrsync_status_free(status);
}

int main(int argc, char **argv)
{
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;
    cyrsync_config *config = NULL;
    size_t failed = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: %s imapd.conf\n", argv[0]);
        return 64;
    }
    CHECK(cyrsync_version_number() >= CYRSYNC_VERSION_NUMBER);
    CHECK(cyrsync_config_load(cyrsync_str_from(argv[1]), &config, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_config_set_server(config, cyrsync_str_from("127.0.0.1:1"), NULL)
          == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_config_set_flags(config, CYRSYNC_FLAG_NO_COPYBACK, NULL) == CYRSYNC_RESULT_OK);
    callbacks.userdata = &lines;
    callbacks.destroy = on_destroy;
    callbacks.log = on_log;
    callbacks.check = on_check;
    callbacks.cancel = on_cancel;
    CHECK(cyrsync_config_set_callbacks(config, &callbacks, NULL) == CYRSYNC_RESULT_OK);
    with_host(config);
    without_host(config);
    CHECK(cyrsync_config_check(config, &failed, NULL) == CYRSYNC_RESULT_OK);
    CHECK(failed > 0 && checks >= CYRSYNC_CHECK_TOPIC_CLOCKS);
    cyrsync_config_free(config);
    CHECK(destroyed == 2);
    return failures != 0;
}
