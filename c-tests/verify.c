/* Usage: verify imapd.conf all|user|meta|mailbox name what. Compares both sides. Prints the
 * findings to stdout, and their JSON to stderr. Exits with the same numbers as sync_client
 * --verify. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "cyrsync.h"

static int counts[6];

static void on_finding(void *userdata, const cyrsync_finding *finding)
{
    CHECK(strcmp(userdata, "findings") == 0);
    CHECK(finding->size >= sizeof(*finding));
    counts[finding->kind]++;
    printf("%.*s\n", (int)finding->line.len, finding->line.data);
    fprintf(stderr, "%.*s\n", (int)finding->json.len, finding->json.data);
    CHECK(finding->subject.len > 0);
    if (finding->kind == CYRSYNC_FINDING_DIFFERENT || finding->kind == CYRSYNC_FINDING_PENDING) {
        CHECK(finding->field.len > 0);
        CHECK(finding->master.data || finding->replica.data);
    } else {
        CHECK(!finding->field.data && !finding->master.data && !finding->replica.data);
    }
}

static int compared, failed;

/* The outcome of an item is DONE if it was compared, even if there are differences. */
static void on_item(void *userdata, const cyrsync_item *item)
{
    (void)userdata;
    CHECK(item->size == sizeof(*item) && item->act == CYRSYNC_ACT_VERIFY);
    compared += item->outcome == CYRSYNC_OUTCOME_DONE;
    failed += item->outcome == CYRSYNC_OUTCOME_FAILED;
}

int main(int argc, char **argv)
{
    cyrsync_callbacks callbacks = CYRSYNC_CALLBACKS_INIT;
    static char findings[] = "findings";
    cyrsync_config *config = NULL;
    cyrsync_client *client = NULL;
    cyrsync_error *error = NULL;
    cyrsync_verify_totals verified = CYRSYNC_VERIFY_TOTALS_INIT;
    cyrsync_result result;
    cyrsync_str name, what;

    if (argc != 5) {
        fprintf(stderr, "usage: %s imapd.conf all|user|meta|mailbox name what\n", argv[0]);
        return 64;
    }
    name = cyrsync_str_from(argv[3]);
    what = cyrsync_str_from(argv[4]);
    CHECK(cyrsync_config_load(cyrsync_str_from(argv[1]), &config, &error) == CYRSYNC_RESULT_OK);
    callbacks.userdata = findings;
    callbacks.finding = on_finding;
    callbacks.item = on_item;
    CHECK(cyrsync_config_set_callbacks(config, &callbacks, &error) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_new(config, &client, &error) == CYRSYNC_RESULT_OK);
    CHECK(cyrsync_client_verify_all(client, name, cyrsync_str_from("much"), &verified, NULL)
          == CYRSYNC_RESULT_INVALID_ARGUMENT);
    CHECK(cyrsync_client_verify_user(NULL, name, what, &verified, NULL)
          == CYRSYNC_RESULT_NULL_POINTER);
    if (strcmp(argv[2], "all") == 0)
        result = cyrsync_client_verify_all(client, name, what, &verified, &error);
    else if (strcmp(argv[2], "user") == 0)
        result = cyrsync_client_verify_user(client, name, what, &verified, &error);
    else if (strcmp(argv[2], "meta") == 0)
        result = cyrsync_client_verify_meta(client, name, &verified, &error);
    else
        result = cyrsync_client_verify_mailboxes(client, &name, 1, what, &verified, &error);
    if (result != CYRSYNC_RESULT_OK) {
        fprintf(stderr, "%s\n", cyrsync_error_message(error));
        cyrsync_error_free(error);
        return 1;
    }
    printf("%d users, %d mailboxes, %d records, %d messages\n", (int)verified.users,
           (int)verified.mailboxes, (int)verified.records, (int)verified.messages);
    CHECK(verified.differences >= (uint64_t)counts[CYRSYNC_FINDING_DIFFERENT]);
    CHECK(verified.unknown == (uint64_t)counts[CYRSYNC_FINDING_UNKNOWN]);
    CHECK(compared > 0 || failed > 0);
    CHECK(verified.unknown || !failed);
    cyrsync_client_free(client);
    cyrsync_config_free(config);
    if (failures) return 70;
    if (verified.differences) return 2;
    return verified.pending || verified.unknown;
}
