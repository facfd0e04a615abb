/* Writes to the master: Cyrus's sync_apply(), which its sync_server calls too, on a command of the
 * replication protocol. */
#include <stdio.h>
#include <string.h>

#include "master.h"

#define HASH_SIZE 1024

struct master_server {
    struct sync_reserve_list *reserved;
    struct auth_state *auth;
    struct namespace names;
    unsigned flags;
};

master_server *master_server_new(void)
{
    master_server *server = xzmalloc(sizeof(*server));

    server->reserved = sync_reserve_list_create(HASH_SIZE);
    server->auth = auth_newstate(cyrus_user());
    mboxname_init_namespace(&server->names, 1);
    /* The engine knows the #sieve mailbox. */
    server->flags = SYNC_FLAG_SIEVE_MAILBOX;
    return server;
}

/* Removes the files that Cyrus put aside for messages, then the directory for them. */
static void release(const struct sync_reserve *part)
{
    const char *directory = config_partitiondir(part->part);
    struct sync_msgid *message;
    char path[MAX_MAILBOX_PATH];

    for (message = part->list->head; message; message = message->next)
        if (message->fname) unlink(message->fname);
    if (!directory) return;
    snprintf(path, sizeof(path), "%s/sync./%lu", directory, (unsigned long)getpid());
    rmdir(path);
}

void master_server_restart(master_server *server)
{
    const struct sync_reserve *part;

    for (part = server->reserved->head; part; part = part->next)
        release(part);
    sync_reserve_list_free(&server->reserved);
    server->reserved = sync_reserve_list_create(HASH_SIZE);
}

void master_server_free(master_server **server)
{
    if (!*server) return;
    master_server_restart(*server);
    sync_reserve_list_free(&(*server)->reserved);
    auth_freestate((*server)->auth);
    free(*server);
    *server = NULL;
}

int master_server_apply(master_server *server, const char *command, size_t len,
                        struct buf *answers, const char **response)
{
    struct protstream *in;
    struct dlist *parsed;
    struct sync_state state = { 0 };

    *response = NULL;
    if (len > UINT32_MAX) return IMAP_PROTOCOL_BAD_PARAMETERS;
    in = prot_readmap(command, (uint32_t)len);
    /* Literals come without being asked for. */
    prot_setisclient(in, 1);
    parsed = sync_parseline(in);
    prot_free(in);
    if (!parsed) return IMAP_PROTOCOL_BAD_PARAMETERS;

    state.userid = (char *)cyrus_user();
    state.userisadmin = 1;
    state.authstate = server->auth;
    state.namespace = &server->names;
    state.flags = server->flags;
    state.pout = prot_writebuf(answers);
    prot_setisclient(state.pout, 1);
    *response = sync_apply(parsed, server->reserved, &state);
    server->flags = state.flags & SYNC_FLAG_SIEVE_MAILBOX;
    prot_flush(state.pout);
    prot_free(state.pout);
    /* Files that came with it stay: the reserved list has their names. */
    dlist_free(&parsed);
    return 0;
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
