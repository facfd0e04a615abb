/* A service of Cyrus that changes mail and replicates the change before it answers: an example,
 * which the tests run below a real master (cyrus.conf: cmd="checkpointd" listen="...").
 *
 *   FLAG mailbox uid        sets \Flagged, by Cyrus's functions
 *   STORE mailbox uid       the same, replicated by sync_checkpoint() like in imapd, and always OK
 *   MAILBOX mailbox         logs that it was changed, by another process say
 *   QUIT
 *
 * Each is answered with OK when the replica has it, LATER if it has not (syslog has the reason), or
 * NO. The option -i sets after how many seconds the connection to the replica
 * is closed. */
#include <string.h>
#include <syslog.h>

#include "cyrsync_cyrus.h"
#include "master.h"
#include "service.h"

/* Of a line. */
#define LINE_BYTES 1024

/* The change of a user's, made as imapd would: with the mailbox closed when it returns. */
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

static int obey(char *line)
{
    char *rest = strchr(line, ' ');
    char *uid;

    if (!rest) return IMAP_PROTOCOL_BAD_PARAMETERS;
    *rest++ = '\0';
    if (strcmp(line, "MAILBOX") == 0) {
        sync_log_mailbox(rest);
        return 0;
    }
    uid = strrchr(rest, ' ');
    if (!uid || (strcmp(line, "FLAG") != 0 && strcmp(line, "STORE") != 0))
        return IMAP_PROTOCOL_BAD_PARAMETERS;
    *uid++ = '\0';
    return set_flagged(rest, (uint32_t)strtoul(uid, NULL, 10));
}

static void serve(int fd, cyrsync_checkpoint *checkpoint)
{
    struct protstream *in = prot_new(fd, 0);
    struct protstream *out = prot_new(fd, 1);
    char line[LINE_BYTES];

    prot_settimeout(in, 1800);
    prot_setflushonread(in, out);
    prot_printf(out, "OK checkpointd ready\r\n");
    while (prot_fgets(line, sizeof(line), in)) {
        int r;
        const bool as_imapd = strncmp(line, "STORE ", 6) == 0;
        line[strcspn(line, "\r\n")] = '\0';
        if (strcmp(line, "QUIT") == 0) break;
        r = obey(line);
        if (r) prot_printf(out, "NO %s\r\n", error_message(r));
        else if (as_imapd && !sync_checkpoint(in)) prot_printf(out, "OK\r\n");
        else if (cyrsync_checkpoint_run(checkpoint, in)) prot_printf(out, "OK\r\n");
        else prot_printf(out, "LATER\r\n");
    }
    prot_flush(out);
    prot_free(in);
    prot_free(out);
    close(fd);
    /* No timer runs while it waits for the next user. */
    cyrsync_checkpoint_disconnect(checkpoint);
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
    if (program_begin(config, "checkpointd")) return EX_CONFIG;
    if (!service_begin(&service)) {
        syslog(LOG_ERR, "checkpointd is started by Cyrus's master, from cyrus.conf");
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
