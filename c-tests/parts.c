/* Usage: parts imapd.conf user log. Prints the outcome of every item, and every failure. Each line
 * has the call, the outcome of the item and its log entry. The calls replicate the user, the
 * entries of the log, all users, and the entries of the log with cyrsync_client_roll(). Further
 * calls plan, verify, and replicate two of the user's mailboxes. The item callback appends entries
 * that failed to the sync log, for cyrsync_client_roll(). The user has damaged mailboxes. Exits with
 * 0 if these fail and the others are replicated. */
#include "client.h"

/* The name of the call that runs. */
static const char *call;
static const cyrsync_config *the_config;
static cyrsync_act act = CYRSYNC_ACT_REPLICATE;

static void check_failure(const cyrsync_error *part)
{
    CHECK(cyrsync_error_subject_kind(part) == CYRSYNC_SUBJECT_MAILBOX);
    CHECK(cyrsync_error_code(part) == CYRSYNC_RESULT_CORRUPT);
    CHECK(!cyrsync_error_is_retryable(part) && cyrsync_error_os_error(part) == 0);
    CHECK(strstr(cyrsync_error_message(part), "reconstruct") != NULL);
}

static void print_parts(const cyrsync_error *error)
{
    size_t count = cyrsync_error_part_count(error), i;

    CHECK(cyrsync_error_part(error, count) == NULL);
    for (i = 0; i < count; i++) {
        const cyrsync_error *part = cyrsync_error_part(error, i);
        cyrsync_str mailbox = cyrsync_error_mailbox(part);

        check_failure(part);
        printf("%s %.*s\n", call, (int)mailbox.len, mailbox.data);
    }
}

static void on_item(void *userdata, const cyrsync_item *item)
{
    static const char *const words[] = {"", "done", "locked", "failed"};

    (void)userdata;
    CHECK(item->size == sizeof(*item) && item->act == act && item->subject.len > 0);
    printf("%s %s %.*s\n", call, words[item->outcome], (int)item->entry.len, item->entry.data);
    if (item->outcome == CYRSYNC_OUTCOME_DONE) {
        CHECK(item->code == CYRSYNC_RESULT_OK && item->error == NULL && item->message.len == 0);
        return;
    }
    /* The entry of a log would be lost. Appended here, cyrsync_client_roll() gets it. */
    if (strcmp(call, "log") == 0) {
        const cyrsync_str no_channel = {NULL, 0};
        CHECK(cyrsync_log_append(the_config, &no_channel, 1, item->entry, NULL)
              == CYRSYNC_RESULT_OK);
    }
    CHECK(item->code == cyrsync_error_code(item->error) && item->code == CYRSYNC_RESULT_CORRUPT);
    CHECK(!item->retryable && item->os_error == 0);
    CHECK(item->message.len == strlen(cyrsync_error_message(item->error)));
    CHECK(item->hint.len == strlen(cyrsync_error_hint(item->error)));
    if (item->kind == CYRSYNC_SUBJECT_MAILBOX) {
        CHECK(item->mailbox.len > 0 && item->user.len == 0 && item->hint.len > 0);
        check_failure(item->error);
    } else {
        CHECK(item->kind == CYRSYNC_SUBJECT_USER && item->user.len > 0 && item->mailbox.len == 0);
        print_parts(item->error);
    }
}

static void on_event(void *userdata, const cyrsync_event *event)
{
    int *part_failures = userdata;

    CHECK(event->size == sizeof(*event) && event->family.len > 0 && event->json.data[0] == '{');
    if (event->what.len == 11 && memcmp(event->what.data, "part_failed", 11) == 0) {
        CHECK(event->error != NULL && event->level == CYRSYNC_LOG_LEVEL_ERROR);
        CHECK(event->line.len > 0);
        ++*part_failures;
    }
}

int main(int argc, char **argv)
{
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;
    cyrsync_config *config;
    cyrsync_client *client = NULL;
    cyrsync_error *error = NULL;
    cyrsync_str none = {NULL, 0}, user, mailboxes[2];
    cyrsync_report report = CYRSYNC_REPORT_INIT;
    cyrsync_roll_options rolling = CYRSYNC_ROLL_OPTIONS_INIT;
    cyrsync_roll_result end = CYRSYNC_ROLL_RESULT_INIT;
    cyrsync_verify_totals verified = CYRSYNC_VERIFY_TOTALS_INIT;
    char broken[128], whole[128];
    int part_failures = 0;

    if (argc != 4) {
        fprintf(stderr, "usage: %s imapd.conf user log\n", argv[0]);
        return 64;
    }
    the_config = config = load(argv[1]);
    callbacks.userdata = &part_failures;
    callbacks.item = on_item;
    callbacks.event = on_event;
    listen_with(config, &callbacks);
    CHECK(cyrsync_client_new(config, &client, NULL) == CYRSYNC_RESULT_OK);

    call = "user";
    CHECK(cyrsync_client_sync_user(client, cyrsync_str_from(argv[2]), &error)
          == CYRSYNC_RESULT_CORRUPT);
    CHECK(cyrsync_error_subject_kind(error) == CYRSYNC_SUBJECT_USER);
    user = cyrsync_error_user(error);
    CHECK(user.len == strlen(argv[2]));
    CHECK(cyrsync_error_part_count(error) == 2);
    cyrsync_error_free(error);
    CHECK(part_failures > 0);

    call = "log";
    CHECK(cyrsync_client_process_log(client, cyrsync_str_from(argv[3]), &report, NULL)
          == CYRSYNC_RESULT_OK);
    CHECK(report.done == 1 && report.failed == 1);
    call = "all";
    CHECK(cyrsync_client_sync_all(client, none, &report, NULL) == CYRSYNC_RESULT_OK);
    CHECK(report.done >= 1 && report.failed == 1);

    /* Items whose entries stay in the log are reported, too. */
    call = "roll";
    CHECK(cyrsync_log_append(config, &none, 1, cyrsync_str_from("USER zoe\n"), NULL)
          == CYRSYNC_RESULT_OK);
    rolling.once = 1;
    CHECK(cyrsync_client_roll(client, &rolling, &end, NULL) == CYRSYNC_RESULT_OK);
    CHECK(end.reason == CYRSYNC_ROLL_REASON_ONCE_FAILED && end.failed > 0 && end.locked == 0);

    call = "plan", act = CYRSYNC_ACT_PLAN;
    CHECK(cyrsync_client_plan_all(client, none, &report, NULL) == CYRSYNC_RESULT_OK);
    CHECK(report.failed == 1);
    call = "verify", act = CYRSYNC_ACT_VERIFY;
    CHECK(cyrsync_client_verify_user(client, cyrsync_str_from("zoe"), none, &verified, NULL)
          == CYRSYNC_RESULT_OK);
    CHECK(verified.differences == 0 && verified.unknown == 0);

    call = "mailboxes", act = CYRSYNC_ACT_REPLICATE;
    snprintf(broken, sizeof(broken), "user.%s.Sent", argv[2]);
    snprintf(whole, sizeof(whole), "user.%s.Work", argv[2]);
    mailboxes[0] = cyrsync_str_from(broken);
    mailboxes[1] = cyrsync_str_from(whole);
    CHECK(cyrsync_client_sync_mailboxes(client, mailboxes, 2, NULL) == CYRSYNC_RESULT_CORRUPT);

    CHECK(cyrsync_client_free(client) == CYRSYNC_RESULT_OK);
    cyrsync_config_free(config);
    return failures != 0;
}
