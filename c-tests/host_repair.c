/* Usage: host_repair imapd.conf. Repairs a master in memory and a real replica after both were
 * changed. Prints "ready" when the replica has all data. Then tests/embedding changes the
 * replica, and sends a line. At the end, prints UID, system flags and subject of each message in
 * the INBOX. */
#include <inttypes.h>

#include "client.h"
#include "memory.h"

static void ok(cyrsync_client *client)
{
    cyrsync_error *error = NULL;

    if (cyrsync_client_sync_user(client, cyrsync_str_from("memory"), &error) != CYRSYNC_RESULT_OK) {
        fprintf(stderr, "%s\n", cyrsync_error_message(error));
        failures++;
    }
    cyrsync_error_free(error);
}

/* Appends a message to the master, with the next UID. */
static void append(struct memory_folder *folder)
{
    struct memory_message *message = &folder->messages[folder->count++];

    memset(message, 0, sizeof(*message));
    message->uid = ++folder->last_uid;
    message->modseq = ++folder->highestmodseq;
    message->internaldate = 1700000100;
    message->content = "From: d@example.org\r\nSubject: here\r\n\r\nWritten here meanwhile.\r\n";
    message->size = strlen(message->content);
    strcpy(message->guid, "b6ddacdd41e56fb7f216757d1cab40a12c24b063");
}

int main(int argc, char **argv)
{
    struct memory memory;
    struct cyrsync_host host;
    const struct memory_folder *inbox = &memory.folders[0];
    cyrsync_client *client;
    char line[16];
    size_t i;
    int applied;

    if (argc != 2) {
        fprintf(stderr, "usage: %s imapd.conf\n", argv[0]);
        return 64;
    }
    memset(&memory, 0, sizeof(memory));
    memory_host(&host, &memory);
    client = client_over(argv[1], &host);
    ok(client);
    CHECK(memory.applied == 0);
    append(&memory.folders[0]);
    puts("ready");
    fflush(stdout);
    CHECK(fgets(line, sizeof(line), stdin) != NULL);

    ok(client);
    applied = memory.applied;
    CHECK(applied > 0 && memory.staged_count == 0);
    /* Both sides are equal now, so the repair is not repeated. */
    ok(client);
    CHECK(memory.applied == applied);
    for (i = 0; i < inbox->count; i++) {
        const struct memory_message *message = &inbox->messages[i];
        const char *subject = strstr(message->content, "Subject: ");

        if (message->internal_flags || !subject) continue;
        printf("%" PRIu32 " %" PRIu32 " %.*s\n", message->uid, message->system_flags,
               (int)strcspn(subject, "\r"), subject);
    }
    cyrsync_client_free(client);
    CHECK(memory.destroyed == 1 && memory.opened == memory.closed);
    return failures != 0;
}
