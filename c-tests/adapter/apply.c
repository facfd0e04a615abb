/* Writes to the master: commands of the replication protocol, carried out by Cyrus's sync_server. A
 * process of Cyrus that has sync_apply() calls that instead; it is in none of Cyrus's libraries. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "master.h"

#define PROGRAM "/usr/lib/cyrus/bin/sync_server"

struct master_server {
    pid_t pid;
    int out;
    FILE *in;
};

/* With a socket for standard input and output, as Cyrus's master starts it. Whoever talks to it over
 * a UNIX socket is authorised. */
static int start(master_server *server)
{
    const char *program = config_getoverflowstring("sync_server_path", PROGRAM);
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) return IMAP_SYS_ERROR;
    server->pid = fork();
    if (server->pid < 0) {
        close(ends[0]);
        close(ends[1]);
        return IMAP_SYS_ERROR;
    }
    if (server->pid == 0) {
        if (dup2(ends[1], STDIN_FILENO) < 0 || dup2(ends[1], STDOUT_FILENO) < 0) _exit(EX_OSERR);
        setenv("CYRUS_SERVICE", "sync_repair", 1);
        setenv("CYRUS_ID", "0", 1);
        execl(program, "sync_server", "-C", config_filename, "-X", (char *)NULL);
        _exit(EX_OSFILE);
    }
    close(ends[1]);
    server->out = ends[0];
    server->in = fdopen(dup(ends[0]), "r");
    return server->in ? 0 : IMAP_SYS_ERROR;
}

static int send_all(int out, const char *bytes, size_t len)
{
    while (len > 0) {
        /* It may be gone: that is an answer here, and no signal. */
        ssize_t sent = send(out, bytes, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return IMAP_SYS_ERROR;
        bytes += sent;
        len -= (size_t)sent;
    }
    return 0;
}

/* The size of a literal that ends a line: {5}, {5+}. */
static size_t literal(const char *line)
{
    const char *brace = strrchr(line, '{');
    char *end;
    unsigned long size;

    if (!brace) return 0;
    size = strtoul(brace + 1, &end, 10);
    if (*end == '+') end++;
    return strcmp(end, "}\r\n") == 0 ? size : 0;
}

/* Appends a line with its literals. */
static int read_line(FILE *in, struct buf *to)
{
    char *line = NULL;
    size_t room = 0, rest;
    ssize_t len;
    int r = 0;

    do {
        len = getline(&line, &room, in);
        if (len <= 0) {
            r = IMAP_SYS_ERROR;
            break;
        }
        buf_appendmap(to, line, (size_t)len);
        rest = literal(line);
        len = rest > 0;
        while (rest > 0 && !r) {
            int c = getc(in);
            if (c == EOF) r = IMAP_SYS_ERROR;
            else buf_putc(to, (char)c);
            rest--;
        }
    } while (len > 0 && !r);
    free(line);
    return r;
}

/* Appends lines up to the last of a reply; of a greeting, which has a star too. */
static int read_reply(FILE *in, struct buf *reply)
{
    size_t begin;
    int r;

    do {
        begin = buf_len(reply);
        r = read_line(in, reply);
        if (r) return r;
    } while (strncmp(buf_cstring(reply) + begin, "* ", 2) == 0
             && strncmp(buf_cstring(reply) + begin, "* OK ", 5) != 0);
    return 0;
}

int master_server_new(master_server **out)
{
    /* It offers nothing on such a socket, but takes the #sieve mailbox from who says to know it. */
    static const char capabilities[] = "APPLY CAPABILITIES (SIEVE-MAILBOX)\r\n";
    struct buf answer = BUF_INITIALIZER;
    master_server *server = xzmalloc(sizeof(*server));
    int r;

    server->out = -1;
    r = start(server);
    if (!r) r = read_reply(server->in, &answer);
    buf_reset(&answer);
    if (!r) r = master_server_command(server, capabilities, strlen(capabilities), &answer);
    buf_free(&answer);
    if (r) master_server_free(&server);
    *out = server;
    return r;
}

void master_server_free(master_server **server)
{
    if (!*server) return;
    if ((*server)->in) fclose((*server)->in);
    /* It ends with its input. */
    if ((*server)->out >= 0) close((*server)->out);
    if ((*server)->pid > 0)
        while (waitpid((*server)->pid, NULL, 0) < 0 && errno == EINTR) continue;
    free(*server);
    *server = NULL;
}

int master_server_command(master_server *server, const char *command, size_t len,
                          struct buf *reply)
{
    int r = send_all(server->out, command, len);
    return r ? r : read_reply(server->in, reply);
}

void master_log_change(const char *mboxname, const char *channel)
{
    /* Two quotes stand for the channel without a name. */
    const char *configured = config_getstring(IMAPOPT_SYNC_LOG_CHANNELS);
    strarray_t *channels;
    int i;

    if (!config_getswitch(IMAPOPT_SYNC_LOG)) return;
    channels = strarray_split(configured ? configured : "\"\"", " ", STRARRAY_TRIM);
    for (i = 0; i < strarray_size(channels); i++) {
        const char *name = strarray_nth(channels, i);
        if (strcmp(name, "\"\"") == 0) name = NULL;
        if (strcmpsafe(name, channel) != 0) sync_log_channel(name, "MAILBOX %s\n", mboxname);
    }
    strarray_free(channels);
}
