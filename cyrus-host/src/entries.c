/* Reads the entries of mailboxes.db.
 *
 * Cyrus's own functions (mboxlist_usermboxtree, mboxlist_allmbox) skip entries that they cannot
 * parse. A client that replicates such a list would delete these mailboxes on the replica.
 * Therefore this file lists only the names, and looks up each name: then an entry that cannot be
 * parsed gives an error. */
#include <string.h>
#include <sys/stat.h>

#include "master.h"

#define NAME_KEY 'N'
#define HIERARCHY_SEPARATOR '\x1f'
#define DOMAIN_SEPARATOR '\x1d'

static int found(int r, mbentry_t **out)
{
    if (!r) return 0;
    mboxlist_entry_free(out);
    return r == IMAP_MAILBOX_NONEXISTENT ? 0 : r;
}

int master_lookup(const char *name, mbentry_t **out)
{
    int r;

    *out = NULL;
    r = found(mboxlist_lookup_allow_all(name, out, NULL), out);
    /* Cyrus finds "user.fred" for "DELETED.user.fred", whose name lacks the time of deletion. */
    if (*out && strcmp((*out)->name, name) != 0) mboxlist_entry_free(out);
    return r;
}

static char *list_path(void)
{
    const char *configured = config_getstring(IMAPOPT_MBOXLIST_DB_PATH);

    return configured ? xstrdup(configured) : strconcat(config_dir, FNAME_MBOXLIST, NULL);
}

uint64_t master_list_bytes(void)
{
    char *path = list_path();
    struct stat file;
    uint64_t bytes = stat(path, &file) ? 0 : (uint64_t)file.st_size;

    free(path);
    return bytes;
}

int master_lookup_by_id(const char *uniqueid, mbentry_t **out)
{
    int r;

    *out = NULL;
    r = mboxlist_lookup_by_uniqueid(uniqueid, out, NULL);
    /* A mailbox that is being created (reserved) does not count yet. */
    return found(r == IMAP_MAILBOX_RESERVED ? IMAP_MAILBOX_NONEXISTENT : r, out);
}

/* Returns the part of a name after its domain, and converts the separator between both. The dots of
 * a domain are not converted. */
static char *behind(char *name, char separator)
{
    char *end = strchr(name, separator);

    if (end) *end++ = separator == '!' ? DOMAIN_SEPARATOR : '!';
    return end ? end : name;
}

static int collect(void *rock, const char *key, size_t keylen,
                   const char *data __attribute__((unused)),
                   size_t datalen __attribute__((unused)))
{
    strarray_t *names = rock;
    char *name = xstrndup(key + 1, keylen - 1);
    char *c;

    for (c = behind(name, DOMAIN_SEPARATOR); *c; c++) {
        if (*c == '.') *c = '^';
        else if (*c == HIERARCHY_SEPARATOR) *c = '.';
    }
    strarray_appendm(names, name);
    return 0;
}

/* Appends the names that begin with start to names, in the order of the database. */
static int list_names(struct db *db, const char *start, strarray_t *names)
{
    struct buf key = BUF_INITIALIZER;
    char *dbname = xstrdup(start);
    char *c;
    int r;

    for (c = behind(dbname, '!'); *c; c++) {
        if (*c == '.') *c = HIERARCHY_SEPARATOR;
        else if (*c == '^') *c = '.';
    }
    buf_putc(&key, NAME_KEY);
    buf_appendcstr(&key, dbname);
    r = cyrusdb_foreach(db, buf_base(&key), buf_len(&key), NULL, collect, names, NULL);
    buf_free(&key);
    free(dbname);
    return r;
}

static int open_list(struct db **db)
{
    char *path = list_path();
    int r = cyrusdb_open(config_mboxlist_db, path, 0, db);

    free(path);
    return r;
}

static int visit_each(const strarray_t *names, uint32_t without, mboxlist_cb *visit,
                      master_unreadable_cb *unreadable, void *rock)
{
    mbentry_t *entry = NULL;
    int i;
    int r = 0;

    for (i = 0; !r && i < strarray_size(names); i++) {
        const char *name = strarray_nth(names, i);
        r = master_lookup(name, &entry);
        if (r) r = unreadable(name, r, rock);
        else if (entry && !(entry->mbtype & without)) r = visit(entry, rock);
        mboxlist_entry_free(&entry);
    }
    return r;
}

/* Returns the prefix of a user's deleted mailboxes, such as "DELETED.user.fred.", after the domain
 * if there is one. */
static char *deleted_prefix(const char *inbox)
{
    const char *deleted = config_getstring(IMAPOPT_DELETEDPREFIX);
    const char *domain_end = strchr(inbox, '!');
    struct buf prefix = BUF_INITIALIZER;

    if (domain_end) buf_appendmap(&prefix, inbox, (size_t)(domain_end + 1 - inbox));
    buf_printf(&prefix, "%s.%s.", deleted, domain_end ? domain_end + 1 : inbox);
    return buf_release(&prefix);
}

int master_user_tree(const char *userid, mboxlist_cb *visit, master_unreadable_cb *unreadable,
                     void *rock)
{
    char *inbox = mboxname_user_mbox(userid, NULL);
    char *children = strconcat(inbox, ".", NULL);
    char *deleted = deleted_prefix(inbox);
    strarray_t names = STRARRAY_INITIALIZER;
    struct db *db = NULL;
    int r = open_list(&db);

    strarray_append(&names, inbox);
    if (!r) r = list_names(db, children, &names);
    if (!r) r = list_names(db, deleted, &names);
    if (db) cyrusdb_close(db);
    if (!r) r = visit_each(&names, MBTYPE_DELETED, visit, unreadable, rock);
    strarray_fini(&names);
    free(deleted);
    free(children);
    free(inbox);
    return r;
}

int master_each(const char *prefix, mboxlist_cb *visit, master_unreadable_cb *unreadable,
                void *rock)
{
    strarray_t names = STRARRAY_INITIALIZER;
    struct db *db = NULL;
    int r = open_list(&db);

    if (!r) r = list_names(db, prefix, &names);
    if (db) cyrusdb_close(db);
    if (!r) r = visit_each(&names, MBTYPE_INTERMEDIATE, visit, unreadable, rock);
    strarray_fini(&names);
    return r;
}
