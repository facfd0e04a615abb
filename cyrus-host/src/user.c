/* Reads the data of a user outside mailboxes: subscriptions, seen state, quotas, Sieve scripts.
 * Also reads annotations of mailboxes and of the server. */
#include <string.h>

#include "master.h"

static int ignore(void *rock __attribute__((unused)), const char *key __attribute__((unused)),
                  size_t keylen __attribute__((unused)),
                  const char *data __attribute__((unused)),
                  size_t datalen __attribute__((unused)))
{
    return 0;
}

/* Checks that a database of a user can be read to the end. Stores in *there whether the database
 * exists. */
static int readable(const char *backend, const char *path, bool *there)
{
    struct db *db = NULL;
    int r = cyrusdb_open(backend, path, 0, &db);

    *there = r != CYRUSDB_NOTFOUND;
    if (!*there) return 0;
    if (!r) r = cyrusdb_foreach(db, "", 0, NULL, ignore, NULL, NULL);
    if (db) cyrusdb_close(db);
    return r ? IMAP_IOERROR : 0;
}

int master_subscriptions(const char *userid, strarray_t **out)
{
    char *path = user_hash_subs(userid);
    bool there;
    int r = readable(config_subscription_db, path, &there);

    free(path);
    /* Cyrus returns an empty list for a file that it cannot read. Then the replica would lose all
     * subscriptions. */
    *out = r ? NULL : mboxlist_sublist(userid);
    return r;
}

int master_seen(const char *userid, seenproc_t *visit, void *rock)
{
    char *path = seen_getpath(userid);
    struct seen *seen = NULL;
    bool there;
    int r = readable(config_seenstate_db, path, &there);

    free(path);
    if (r || !there) return r;
    r = seen_open(userid, SEEN_SILENT, &seen);
    if (r) return r;
    r = seen_foreach(seen, visit, rock);
    seen_close(&seen);
    return r;
}

/* Returns whether a quota root exists, even if it cannot be read. */
static bool is_root(const char *root)
{
    char found[MAX_MAILBOX_PATH];

    return quota_findroot(found, sizeof(found), root) && strcmp(found, root) == 0;
}

/* If quota_read() cannot read the file of a root, it reports that there is no such root. Tell both
 * cases apart. */
int master_quota(const char *root, struct quota *out, bool *found)
{
    int r;

    quota_init(out, root);
    r = quota_read(out, NULL, 0);
    *found = !r;
    if (r) quota_free(out);
    if (r != IMAP_QUOTAROOT_NONEXISTENT) return r;
    return is_root(root) ? IMAP_MAILBOX_BADFORMAT : 0;
}

/* -- Sieve scripts: messages of the user's #sieve mailbox. If it does not exist yet, they are files
 * of a directory, as before Cyrus 3.6 -- */

struct scripts {
    master_script_cb *visit;
    void *rock;
    int r;
};

/* Sets yes to whether the user has a #sieve mailbox. Only looks it up, because opening its database
 * would create it. */
static int in_mailbox(const char *userid, bool *yes)
{
    char *name = sieve_mboxname(userid);
    mbentry_t *entry = NULL;
    int r = master_lookup(name, &entry);

    *yes = entry && !(entry->mbtype & (MBTYPE_DELETED | MBTYPE_INTERMEDIATE | MBTYPE_RESERVE));
    mboxlist_entry_free(&entry);
    free(name);
    return r;
}

/* Passes a script to visit in the form of the replication protocol: its text, and if it is active,
 * its bytecode too. Only the bytecode is marked as active. */
static int tell(const struct scripts *scripts, const char *plain, time_t last_update,
                const struct message_guid *guid, bool active)
{
    struct message_guid none = MESSAGE_GUID_INITIALIZER;
    struct buf name = BUF_INITIALIZER;
    int r;

    buf_printf(&name, "%s%s", plain, SCRIPT_SUFFIX);
    r = scripts->visit(buf_cstring(&name), last_update, guid, false, scripts->rock);
    if (!r && active) {
        buf_reset(&name);
        buf_printf(&name, "%s%s", plain, BYTECODE_SUFFIX);
        r = scripts->visit(buf_cstring(&name), 0, &none, true, scripts->rock);
    }
    buf_free(&name);
    return r;
}

static int from_mailbox(void *rock, struct sieve_data *script)
{
    struct message_guid guid = MESSAGE_GUID_INITIALIZER;

    message_guid_decode(&guid, script->contentid);
    return tell(rock, script->name, script->lastupdated, &guid, script->isactive);
}

/* Returns the name that Cyrus gives a script when it moves the script to a mailbox. A replica has
 * done this already. */
static char *encode(const char *plain)
{
    char *encoded = charset_encode_mimeheader(plain, strlen(plain), 0);
    char *to = encoded;
    const char *from;

    /* Remove line breaks, as Cyrus does when it reads the name. */
    for (from = encoded; *from; from++)
        if (*from != '\r' && *from != '\n') *to++ = *from;
    *to = '\0';
    return encoded;
}

static int from_directory(const char *directory, const char *name, struct stat *info,
                          const char *target __attribute__((unused)), void *rock)
{
    struct scripts *scripts = rock;
    struct message_guid guid;
    struct buf *content = sievedir_get_script(directory, name);
    char *encoded;
    char *plain;

    if (!content) {
        scripts->r = IMAP_IOERROR;
        return SIEVEDIR_DONE;
    }
    message_guid_generate(&guid, buf_base(content), buf_len(content));
    buf_destroy(content);
    plain = xstrndup(name, strlen(name) - SCRIPT_SUFFIX_LEN);
    encoded = encode(plain);
    scripts->r = tell(scripts, encoded, info->st_mtime, &guid,
                      sievedir_script_isactive(directory, plain));
    free(encoded);
    free(plain);
    return scripts->r ? SIEVEDIR_DONE : SIEVEDIR_OK;
}

int master_sieve_scripts(const char *userid, master_script_cb *visit, void *rock)
{
    struct scripts scripts = { visit, rock, 0 };
    struct sieve_db *db;
    bool migrated;
    int r = in_mailbox(userid, &migrated);

    if (r) return r;
    if (!migrated) {
        r = sievedir_foreach(user_sieve_path(userid), SIEVEDIR_SCRIPTS_ONLY, from_directory,
                             &scripts);
        return r == SIEVEDIR_OK || r == SIEVEDIR_DONE ? scripts.r : IMAP_IOERROR;
    }
    db = sievedb_open_userid(userid);
    if (!db) return IMAP_IOERROR;
    r = sievedb_foreach(db, from_mailbox, &scripts);
    sievedb_close(db);
    return r;
}

static int fetch(const char *userid, const char *name, int wait_ms, struct buf *content)
{
    struct sieve_db *db = sievedb_open_userid(userid);
    struct sieve_data *script = NULL;
    master_mailbox *mailbox = NULL;
    char *mboxname = sieve_mboxname(userid);
    int r = IMAP_IOERROR;

    if (db) r = sievedb_lookup_name(db, name, &script, 0) ? IMAP_MAILBOX_NONEXISTENT : 0;
    if (!r) r = master_open(mboxname, wait_ms, &mailbox);
    if (!r) r = sieve_script_fetch(mailbox->cyrus, script, content);
    master_close(&mailbox);
    if (db) sievedb_close(db);
    free(mboxname);
    return r;
}

struct wanted {
    const char *plain;
    struct buf *content;
    int r;
};

static int pick(const char *directory, const char *name, struct stat *info __attribute__((unused)),
                const char *target __attribute__((unused)), void *rock)
{
    struct wanted *wanted = rock;
    char *plain = xstrndup(name, strlen(name) - SCRIPT_SUFFIX_LEN);
    char *encoded = encode(plain);
    bool same = strcmp(encoded, wanted->plain) == 0;
    struct buf *found = same ? sievedir_get_script(directory, name) : NULL;

    free(encoded);
    free(plain);
    if (!same) return SIEVEDIR_OK;
    wanted->r = found ? 0 : IMAP_IOERROR;
    if (found) {
        buf_copy(wanted->content, found);
        buf_destroy(found);
    }
    return SIEVEDIR_DONE;
}

int master_sieve_content(const char *userid, const char *name, int wait_ms, struct buf *content)
{
    size_t len = strlen(name);
    bool migrated;
    char *plain;
    int r = in_mailbox(userid, &migrated);

    if (r) return r;
    if (len <= SCRIPT_SUFFIX_LEN || strcmp(name + len - SCRIPT_SUFFIX_LEN, SCRIPT_SUFFIX) != 0)
        return IMAP_MAILBOX_NONEXISTENT;
    plain = xstrndup(name, len - SCRIPT_SUFFIX_LEN);
    if (migrated) {
        r = fetch(userid, plain, wait_ms, content);
    }
    else {
        struct wanted wanted = { plain, content, IMAP_MAILBOX_NONEXISTENT };
        sievedir_foreach(user_sieve_path(userid), SIEVEDIR_SCRIPTS_ONLY, pick, &wanted);
        r = wanted.r;
    }
    free(plain);
    return r;
}

int master_annotations(const char *mboxname, int wait_ms, annotatemore_find_proc_t visit,
                       void *rock)
{
    master_mailbox *mailbox = NULL;
    int r;

    if (!*mboxname) return annotatemore_findall_pattern("", 0, "*", 0, visit, rock, 0);
    /* annotatemore_findall_pattern() takes an external name: if '/' is the separator, it does not
     * find "user.fred". So open the mailbox. */
    r = master_open(mboxname, wait_ms, &mailbox);
    if (!r) r = master_mailbox_annotations(mailbox, 0, visit, rock);
    master_close(&mailbox);
    return r == IMAP_MAILBOX_NONEXISTENT ? 0 : r;
}

modseq_t master_used_modseq(const char *mboxname)
{
    struct mboxname_counters counters;
    char *owner;

    /* Each shared mailbox counts its own modseqs. Without conversations, every mailbox does. */
    if (!config_getswitch(IMAPOPT_CONVERSATIONS)) return 0;
    owner = mboxname_to_userid(mboxname);
    if (!owner) return 0;
    free(owner);
    return mboxname_read_counters(mboxname, &counters) ? 0 : counters.highestmodseq;
}
