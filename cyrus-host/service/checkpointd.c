/* An example of a service of Cyrus that changes mail, and replicates each change before it answers.
 * Tests run it under a real master process (cyrus.conf: cmd="checkpointd" listen="..."). It
 * executes these commands:
 *
 *   FLAG mailbox uid        sets \Flagged with Cyrus's functions
 *   STORE mailbox uid       does the same, but replicates with sync_checkpoint() like imapd; the
 *                           answer is always OK
 *   MAILBOX mailbox         logs a change of the mailbox, as if another process had made it
 *   ANNOTATION mailbox      logs a change of the mailbox's annotations in the same way
 *   OPEN mailbox            logs a change too, and keeps the mailbox open without locking its index
 *   CLOSE mailbox           logs a change too, and closes the mailbox that is open
 *   QUIT
 *
 * The answer is OK when the replica has the change, LATER if it does not have it (syslog has the
 * reason), or NO. The option -i sets the number of seconds after which an unused connection to the
 * replica is closed. */
#include <string.h>
#include <syslog.h>

#include "cyrsync_cyrus.h"
#include "master.h"
#include "service.h"

/* The maximum length of a command, in bytes. */
#define LINE_BYTES 1024

/* Makes the change of a user, like imapd. The mailbox is closed afterwards. */
static int set_flagged(const char *name, uint32_t uid)
{
    struct mailbox *mailbox = NULL;
    struct index_record record;
    int r = mailbox_open_iwl(name, &mailbox);

    if (!r) r = mailbox_find_index_record(mailbox, uid, &record);
    if (!r) {
        record.system_flags |= FLAG_FLAGGED;
        r = mailbox_rewrite_index_record(mailbox, &record);
    }
    mailbox_close(&mailbox);
    return r;
}

static int keep_open(const char *name, struct mailbox **kept)
{
    int r = *kept ? IMAP_MAILBOX_LOCKED : mailbox_open_irl(name, kept);

    if (!r) mailbox_unlock_index(*kept, NULL);
    return r;
}

static bool is_one_of(const char *command, const char *first, const char *second)
{
    return strcmp(command, first) == 0 || strcmp(command, second) == 0;
}

static int obey(char *line, struct mailbox **kept)
{
    char *rest = strchr(line, ' ');
    int r = 0;
    char *uid;

    if (!rest) return IMAP_PROTOCOL_BAD_PARAMETERS;
    *rest++ = '\0';
    if (is_one_of(line, "MAILBOX", "ANNOTATION")) {
        if (*line == 'M') sync_log_mailbox(rest);
        else sync_log_annotation(rest);
        return 0;
    }
    if (is_one_of(line, "OPEN", "CLOSE")) {
        if (*line == 'O') r = keep_open(rest, kept);
        else mailbox_close(kept);
        sync_log_mailbox(rest);
        return r;
    }
    uid = strrchr(rest, ' ');
    if (!uid || !is_one_of(line, "FLAG", "STORE"))
        return IMAP_PROTOCOL_BAD_PARAMETERS;
    *uid++ = '\0';
    return set_flagged(rest, (uint32_t)strtoul(uid, NULL, 10));
}

static void serve(int fd, cyrsync_checkpoint *checkpoint)
{
    struct protstream *in = prot_new(fd, 0);
    struct protstream *out = prot_new(fd, 1);
    struct mailbox *kept = NULL;
    char line[LINE_BYTES];

    prot_settimeout(in, 1800);
    prot_setflushonread(in, out);
    prot_printf(out, "OK checkpointd ready\r\n");
    while (prot_fgets(line, sizeof(line), in)) {
        int r;
        const bool as_imapd = strncmp(line, "STORE ", 6) == 0;
        line[strcspn(line, "\r\n")] = '\0';
        if (strcmp(line, "QUIT") == 0) break;
        r = obey(line, &kept);
        if (r) prot_printf(out, "NO %s\r\n", error_message(r));
        else if (as_imapd && !sync_checkpoint(in)) prot_printf(out, "OK\r\n");
        else if (cyrsync_checkpoint_run(checkpoint, in)) prot_printf(out, "OK\r\n");
        else prot_printf(out, "LATER\r\n");
    }
    mailbox_close(&kept);
    prot_flush(out);
    /* Close the connection, because no timer runs while the process waits for the next user. */
    cyrsync_checkpoint_disconnect(checkpoint, in);
    prot_free(in);
    prot_free(out);
    close(fd);
    libcyrus_run_delayed();
}

int main(int argc, char **argv)
{
    unsigned idle_seconds = CYRSYNC_CHECKPOINT_IDLE;
    cyrsync_checkpoint *checkpoint;
    const char *config = NULL;
    struct service service;
    int letter, fd;

    while ((letter = getopt(argc, argv, "C:i:")) != -1) {
        if (letter == 'C') config = optarg;
        else if (letter == 'i') idle_seconds = (unsigned)atoi(optarg);
        else return EX_USAGE;
    }
    /* Another version has other structures, so this comes before all other functions. */
    if (!cyrsync_cyrus_fits()) return EX_CONFIG;
    if (program_begin(config, "checkpointd")) return EX_CONFIG;
    if (!service_begin(&service)) {
        syslog(LOG_ERR, "checkpointd must be started by Cyrus's master: add it to cyrus.conf");
        return EX_USAGE;
    }
    cyrsync_cyrus_begin();
    checkpoint = cyrsync_checkpoint_new(idle_seconds);
    do {
        fd = service_accept(&service);
        if (fd >= 0) serve(fd, checkpoint);
    } while (fd >= 0 && service_next(&service));
    cyrsync_checkpoint_free(&checkpoint);
    service_end(&service);
    program_end();
    return 0;
}
