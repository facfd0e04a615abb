/* Entries of mailboxes.db. */
#include "master.h"

static int found(int r, mbentry_t **out)
{
    if (!r) return 0;
    mboxlist_entry_free(out);
    return r == IMAP_MAILBOX_NONEXISTENT ? 0 : r;
}

int master_lookup(const char *name, mbentry_t **out)
{
    *out = NULL;
    return found(mboxlist_lookup_allow_all(name, out, NULL), out);
}

int master_lookup_by_id(const char *uniqueid, mbentry_t **out)
{
    *out = NULL;
    return found(mboxlist_lookup_by_uniqueid(uniqueid, out, NULL), out);
}

int master_user_tree(const char *userid, mboxlist_cb *visit, void *rock)
{
    return mboxlist_usermboxtree(userid, NULL, visit, rock,
                                 MBOXTREE_DELETED | MBOXTREE_INTERMEDIATES);
}

int master_each(const char *prefix, mboxlist_cb *visit, void *rock)
{
    return mboxlist_allmbox(prefix, visit, rock, MBOXTREE_TOMBSTONES);
}
