/* Prints every failure of every item: parts imapd.conf user log. Replicates the user, does what the
 * log says, and replicates everything; each line is the call, the subject and its kind. Exits with 0
 * if all three calls ended as they should with such a user: one fails, the others go on. */
#include "check.h"
#include "cyrsync.h"

static void print_parts(const char *call, const cyrsync_error *error)
{
    size_t count = cyrsync_error_part_count(error), i;

    CHECK(cyrsync_error_part(error, count) == NULL);
    for (i = 0; i < count; i++) {
        const cyrsync_error *part = cyrsync_error_part(error, i);
        cyrsync_str mailbox = cyrsync_error_mailbox(part);

        CHECK(cyrsync_error_subject_kind(part) == CYRSYNC_SUBJECT_MAILBOX);
        CHECK(cyrsync_error_code(part) == CYRSYNC_RESULT_CORRUPT);
        CHECK(strstr(cyrsync_error_message(part), "reconstruct") != NULL);
        printf("%s %.*s\n", call, (int)mailbox.len, mailbox.data);
    }
}

static void on_undone(void *userdata, const cyrsync_str *entries, size_t count,
                      const cyrsync_error *error)
{
    size_t i;

    for (i = 0; i < count; i++)
        printf("entry %.*s\n", (int)entries[i].len, entries[i].data);
    print_parts(userdata, error);
}

static void on_unit(void *userdata, cyrsync_unit unit, const cyrsync_str *names, size_t count,
                    const cyrsync_error *error)
{
    (void)count;
    if (unit == CYRSYNC_UNIT_USER)
        printf("unit %.*s %s\n", (int)names[0].len, names[0].data, error ? "failed" : "done");
    if (error) print_parts(userdata, error);
}

int main(int argc, char **argv)
{
    cyrsync_config *config = NULL;
    cyrsync_client *client = NULL;
    cyrsync_error *error = NULL;
    cyrsync_str none = {NULL, 0}, user;
    cyrsync_report report = CYRSYNC_REPORT_INIT;
    size_t undone = 0;

    if (argc != 4) {
        fprintf(stderr, "usage: %s imapd.conf user log\n", argv[0]);
        return 64;
    }
    CHECK(cyrsync_config_set_undone(NULL, on_undone, NULL, NULL, NULL)
          == CYRSYNC_RESULT_NULL_POINTER);
    CHECK(cyrsync_config_load(cyrsync_str_from(argv[1]), &config, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_config_set_undone(config, on_undone, "log", NULL, NULL) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_new(config, &client, NULL) == CYRSYNC_RESULT_OK);

    CHECK(cyrsync_client_sync_user(client, cyrsync_str_from(argv[2]), &error)
          == CYRSYNC_RESULT_CORRUPT);
    CHECK(cyrsync_error_subject_kind(error) == CYRSYNC_SUBJECT_USER);
    user = cyrsync_error_user(error);
    printf("user %.*s\n", (int)user.len, user.data);
    print_parts("user", error);
    cyrsync_error_free(error);

    CHECK(cyrsync_client_process_log(client, cyrsync_str_from(argv[3]), &undone, NULL)
          == CYRSYNC_RESULT_OK);
    printf("undone %d\n", (int)undone);
    CHECK(cyrsync_client_sync_all(client, none, on_unit, "all", &report, NULL)
          == CYRSYNC_RESULT_OK);
    CHECK(report.failed == 1);

    cyrsync_client_free(client);
    cyrsync_config_free(config);
    return failures != 0;
}
