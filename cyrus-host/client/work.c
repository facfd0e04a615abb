#include "work.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "master.h"

/* The first pause between attempts to connect, in seconds. Cyrus uses the same. */
#define FIRST_PAUSE 15

struct session {
    cyrsync_client *client;
    const struct options *options;
    bool failed;
    bool stopped;
};

void complain(const char *line)
{
    fprintf(stderr, "%s\n", line);
}

/* Reports a failure and frees it. A call that was cancelled is not a failure. */
static void failed(struct session *session, const char *what, const char *name,
                   cyrsync_error *error)
{
    const char *reason = cyrsync_error_message(error);

    if (cyrsync_error_code(error) == CYRSYNC_RESULT_CANCELLED) {
        session->stopped = true;
    }
    else {
        session->failed = true;
        complain(reason);
        syslog(LOG_ERR, "%s", reason);
        if (session->options->verbose)
            fprintf(stderr, "Error from %s(%s): bailing out!\n", what, name);
        syslog(LOG_ERR, "Error in %s(%s): bailing out!", what, name);
    }
    cyrsync_error_free(error);
}

static void give_up(struct session *session, cyrsync_result why)
{
    const char *server = cyrsync_client_server(session->client);
    const char *what = "Can not connect";

    if (why == CYRSYNC_RESULT_UNSUPPORTED
        && session->options->flags & CYRSYNC_FLAG_REQUIRE_COMPRESSION)
        what = "Failed to enable compression";
    session->failed = true;
    fprintf(stderr, "%s to server '%s'\n", what, server);
    syslog(LOG_ERR, "%s to server '%s'", what, server);
}

/* Connects to the replica, if the client is not connected. Retries without limit, except with
 * -o. */
static bool reach(struct session *session)
{
    const char *server = cyrsync_client_server(session->client);
    unsigned pause = FIRST_PAUSE;
    cyrsync_error *error = NULL;
    cyrsync_result result;

    while ((result = cyrsync_client_connect(session->client, &error)) != CYRSYNC_RESULT_OK) {
        if (result == CYRSYNC_RESULT_CANCELLED) break;
        complain(cyrsync_error_message(error));
        if (session->options->connect_once || !cyrsync_result_is_retryable((int)result)) break;
        cyrsync_error_free(error);
        error = NULL;
        fprintf(stderr, "Can not connect to server '%s', retrying in %u seconds\n", server, pause);
        /* A signal ends the pause early. */
        sleep(pause);
        pause *= 2;
    }
    if (result == CYRSYNC_RESULT_OK) return true;
    cyrsync_error_free(error);
    if (result == CYRSYNC_RESULT_CANCELLED) session->stopped = true;
    else give_up(session, result);
    return false;
}

/* -- names of the command line or of a file -- */

static bool read_names(const char *path, strarray_t *names)
{
    char line[2048];
    FILE *file = fopen(path, "r");

    if (!file) {
        fprintf(stderr, "Unable to open %s: %s\n", path, strerror(errno));
        syslog(LOG_NOTICE, "Unable to open %s: %s", path, strerror(errno));
        return false;
    }
    while (fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] && line[0] != '#') strarray_append(names, line);
    }
    fclose(file);
    return true;
}

static bool collect(struct session *session, strarray_t *names)
{
    int i;

    if (session->options->file && session->options->mode != MODE_META) {
        if (read_names(session->options->file, names)) return true;
        session->failed = true;
        return false;
    }
    for (i = 0; i < session->options->operand_count; i++)
        strarray_append(names, session->options->operands[i]);
    return true;
}

typedef cyrsync_result sync_function(cyrsync_client *client, cyrsync_str name,
                                     cyrsync_error **error);

static void each(struct session *session, const strarray_t *names, const char *what,
                 sync_function *sync)
{
    int i;

    for (i = 0; i < strarray_size(names) && !session->stopped; i++) {
        const char *name = strarray_nth(names, i);
        cyrsync_error *error = NULL;

        if (!reach(session)) return;
        if (sync(session->client, cyrsync_str_from(name), &error) != CYRSYNC_RESULT_OK)
            failed(session, what, name, error);
    }
}

static void mailboxes(struct session *session, const strarray_t *names)
{
    int count = strarray_size(names);
    cyrsync_str *internal = xcalloc((size_t)count + 1, sizeof(*internal));
    strarray_t kept = STRARRAY_INITIALIZER;
    cyrsync_error *error = NULL;
    struct namespace namespace;
    int i;

    mboxname_init_namespace(&namespace, 1);
    for (i = 0; i < count; i++) {
        strarray_appendm(&kept, mboxname_from_external(strarray_nth(names, i), &namespace, NULL));
        internal[i] = cyrsync_str_from(strarray_nth(&kept, i));
    }
    if (reach(session)
        && cyrsync_client_sync_mailboxes(session->client, internal, (size_t)count, &error)
           != CYRSYNC_RESULT_OK)
        failed(session, "sync_do_mailboxes", "", error);
    strarray_fini(&kept);
    free(internal);
}

/* Reports the outcome of a user or shared mailbox of -A. Cyrus reports a failed mailbox like a
 * failed user. */
void on_item(void *userdata, const cyrsync_item *item)
{
    const struct options *options = userdata;
    const char *what = item->kind == CYRSYNC_SUBJECT_USER ? "user" : "mailbox";
    cyrsync_str name = item->kind == CYRSYNC_SUBJECT_USER ? item->user : item->mailbox;
    const char *reason = cyrsync_error_message(item->error);
    int len = (int)name.len;

    if (item->outcome == CYRSYNC_OUTCOME_DONE || item->code == CYRSYNC_RESULT_CANCELLED) return;
    if (item->outcome == CYRSYNC_OUTCOME_LOCKED) {
        if (options->verbose) fprintf(stderr, "Skipping locked %s %.*s\n", what, len, name.data);
        return;
    }
    complain(reason);
    syslog(LOG_ERR, "%s", reason);
    if (options->verbose)
        fprintf(stderr, "Error from do_user(%.*s): bailing out!\n", len, name.data);
    syslog(LOG_ERR, "Error in do_user(%.*s): bailing out!", len, name.data);
}

static void all(struct session *session)
{
    const struct options *options = session->options;
    const char *prefix = options->operand_count ? options->operands[0] : "";
    cyrsync_report report = CYRSYNC_REPORT_INIT;
    cyrsync_error *error = NULL;

    if (!reach(session)) return;
    if (cyrsync_client_sync_all(session->client, cyrsync_str_from(prefix), &report, &error)
        != CYRSYNC_RESULT_OK)
        failed(session, "do_user", "", error);
    else if (report.failed) session->failed = true;
}

/* -- sync logs -- */

static void log_file(struct session *session)
{
    struct buf text = BUF_INITIALIZER;
    const char *path = session->options->file;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    cyrsync_error *error = NULL;
    cyrsync_report report = CYRSYNC_REPORT_INIT;
    uint64_t undone;
    char part[4096];
    size_t len;

    if (!file) {
        fprintf(stderr, "Failed to open %s: %s\n", path, strerror(errno));
        syslog(LOG_ERR, "Failed to open %s: %s", path, strerror(errno));
        session->failed = true;
        return;
    }
    while ((len = fread(part, 1, sizeof(part), file)) > 0)
        buf_appendmap(&text, part, len);
    if (file != stdin) fclose(file);
    if (reach(session)
        && cyrsync_client_process_log(session->client, (cyrsync_str){ text.s, text.len }, &report,
                                      &error) != CYRSYNC_RESULT_OK)
        failed(session, "sync_do_reader", path, error);
    undone = report.failed + (session->options->channel ? 0 : report.locked);
    if (undone) {
        fprintf(stderr, "Processing sync log file failed: %llu parts of %s\n",
                (unsigned long long)undone, path);
        session->failed = true;
    }
    buf_free(&text);
}

static int duration(const struct options *options)
{
    if (options->delay) return options->delay;
    return channel_seconds(options->channel, IMAPOPT_SYNC_REPEAT_INTERVAL);
}

/* Reports and frees the error that ended rolling replication. Returns the exit code. */
static int ended_by(struct session *session, cyrsync_error *error)
{
    const char *reason = cyrsync_error_message(error);
    cyrsync_result why = cyrsync_error_code(error);
    int exit_code = EX_TEMPFAIL;

    if (why >= CYRSYNC_RESULT_CONNECT && why <= CYRSYNC_RESULT_PROTOCOL) {
        complain(reason);
        give_up(session, why);
        exit_code = 1;
    }
    else {
        fprintf(stderr, "Fatal error: %s\n", reason);
        syslog(LOG_ERR, "Fatal error: %s", reason);
        if (why == CYRSYNC_RESULT_CONFIG || why == CYRSYNC_RESULT_UNSUPPORTED
            || why == CYRSYNC_RESULT_INVALID_ARGUMENT)
            exit_code = EX_CONFIG;
    }
    cyrsync_error_free(error);
    return exit_code;
}

static int roll(struct session *session)
{
    const struct options *options = session->options;
    const char *shutdown_file = options->shutdown_file;
    cyrsync_error *error = NULL;
    cyrsync_roll_result end = CYRSYNC_ROLL_RESULT_INIT;
    cyrsync_roll_options rolling = CYRSYNC_ROLL_OPTIONS_INIT;
    int longest = config_getduration(IMAPOPT_SYNC_RECONNECT_MAXWAIT, 's');
    int interval = duration(options);

    if (!shutdown_file) shutdown_file = channel_string(options->channel, IMAPOPT_SYNC_SHUTDOWN_FILE);
    rolling.interval_ms = interval > 0 ? 1000 * (uint64_t)interval : 0;
    rolling.release_after_s = options->timeout > 0 ? (uint64_t)options->timeout : 0;
    rolling.shutdown_file = cyrsync_str_from(shutdown_file);
    rolling.longest_pause_s = longest > 0 ? (uint64_t)longest : 0;
    rolling.connect_once = options->connect_once;
    rolling.once = options->once;
    for (;;) {
        if (cyrsync_client_roll(session->client, &rolling, &end, &error) != CYRSYNC_RESULT_OK)
            return ended_by(session, error);
        switch (end.reason) {
        case CYRSYNC_ROLL_REASON_WOKEN:
            /* Cyrus cannot read its configuration twice in one process. So the client continues
             * with the old configuration, over a new connection. */
            syslog(LOG_INFO, "SIGHUP: starting over with the same configuration");
            cyrsync_client_disconnect(session->client, NULL);
            continue;
        case CYRSYNC_ROLL_REASON_STOPPED:
            return EX_TEMPFAIL;
        case CYRSYNC_ROLL_REASON_ONCE_FAILED:
            complain("parts of the log could not be replicated");
            return 1;
        default:
            return 0;
        }
    }
}

int work(cyrsync_client *client, const struct options *options)
{
    struct session session = { client, options, false, false };
    strarray_t names = STRARRAY_INITIALIZER;

    switch (options->mode) {
    case MODE_USERS:
        if (collect(&session, &names))
            each(&session, &names, "sync_do_user", cyrsync_client_sync_user);
        break;
    case MODE_META:
        if (collect(&session, &names))
            each(&session, &names, "sync_do_meta", cyrsync_client_sync_meta);
        break;
    case MODE_MAILBOXES:
        if (collect(&session, &names)) mailboxes(&session, &names);
        break;
    case MODE_ALL:
        all(&session);
        break;
    case MODE_ROLLING:
        if (!options->file) return roll(&session);
        log_file(&session);
        break;
    case MODE_NONE:
        break;
    }
    strarray_fini(&names);
    cyrsync_client_disconnect(client, NULL);
    if (session.stopped) return EX_TEMPFAIL;
    return session.failed ? 1 : 0;
}
