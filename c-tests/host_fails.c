/* Usage: host_fails imapd.conf. Makes the functions of a host fail, one after the other, with a
 * real replica. Checks that each failure is reported with its own code, that all opened mailboxes
 * and locks are closed, and that the client still works. */
#include "client.h"
#include "memory.h"

static const char *const functions[] = {
    "lookup_by_id", "list_user", "sync_lock", "open", "state", "scan", "mailbox_annotations",
    "message_annotations", "message_file", "sieve_content", "subscriptions", "seen", "quota",
    "sieve_scripts",
};
static const int answers[] = {
    CYRSYNC_RESULT_IO, CYRSYNC_RESULT_CORRUPT, CYRSYNC_RESULT_CANCELLED,
    CYRSYNC_RESULT_CONNECT, 12345, -1,
};

static void fail(cyrsync_client *client, struct memory *memory, const char *function, int answer)
{
    cyrsync_str user = cyrsync_str_from("memory");
    cyrsync_error *error = NULL;
    cyrsync_result result;
    /* A host must not return codes about the connection, so the library reports HOST instead. */
    int expected = answer == CYRSYNC_RESULT_CONNECT || answer < 0 || answer > 1000
        ? CYRSYNC_RESULT_HOST : answer;

    memory->failing = function;
    memory->answer = answer;
    /* Keeps the script from the replica: otherwise the library would not read it in the later
     * tests. */
    memory->failing_too = strcmp(function, "sieve_content") == 0 ? NULL : "sieve_content";
    result = cyrsync_client_sync_user(client, user, &error);
    if ((int)result != expected || !strstr(cyrsync_error_message(error), "it was told to fail")) {
        fprintf(stderr, "%s answers %d: %d %s\n", function, answer, (int)result,
                cyrsync_error_message(error));
        failures++;
    }
    cyrsync_error_free(error);
    CHECK(memory->opened == memory->closed);
    CHECK(memory->locked == memory->unlocked);
    memory->failing = memory->failing_too = NULL;
}

int main(int argc, char **argv)
{
    struct memory memory;
    struct cyrsync_host host;
    cyrsync_client *client;
    cyrsync_error *error = NULL;
    cyrsync_str user = cyrsync_str_from("memory");
    size_t f, a;

    if (argc != 2) {
        fprintf(stderr, "usage: %s imapd.conf\n", argv[0]);
        return 64;
    }
    memset(&memory, 0, sizeof(memory));
    memory_host(&host, &memory);
    client = client_over(argv[1], &host);
    if (!client) return 1;

    /* The replica is still empty. If a mailbox cannot be read, it must not be created on the
     * replica without its messages. */
    memory.disorder = 1;
    CHECK(cyrsync_client_sync_user(client, user, &error) == CYRSYNC_RESULT_HOST);
    CHECK(strstr(cyrsync_error_message(error), "comes after UID") != NULL);
    cyrsync_error_free(error);
    error = NULL;
    memory.disorder = 0;

    for (f = 0; f < sizeof(functions) / sizeof(functions[0]); f++) {
        for (a = 0; a < sizeof(answers) / sizeof(answers[0]); a++)
            fail(client, &memory, functions[f], answers[a]);
    }
    CHECK(cyrsync_client_sync_user(client, user, &error) == CYRSYNC_RESULT_OK);
    if (error) fprintf(stderr, "%s\n", cyrsync_error_message(error));
    cyrsync_error_free(error);
    CHECK(memory.opened == memory.closed && memory.locked == memory.unlocked);
    cyrsync_client_free(client);
    CHECK(memory.destroyed == 1);
    return failures != 0;
}
