/* Hides the differences between the versions of Cyrus that this compiles with, 3.6 to 3.12. No
 * other file depends on the version. Cyrus's headers define no version number, so a macro that was
 * added in a version stands for that version. cyrus.h includes this file after Cyrus's headers. */
#ifndef VERSIONS_H
#define VERSIONS_H

/* MBOXLIST_CREATE_SETFLAGS_ONLY was added in 3.8. */
#ifdef MBOXLIST_CREATE_SETFLAGS_ONLY
#define CYRUS_3_8
#endif

/* Version 19 of cyrus.index was added in 3.10. */
#if MAILBOX_MINOR_VERSION >= 19
#define CYRUS_3_10
#endif

/* QUOTA_USE_CONV was added in 3.12. */
#ifdef QUOTA_USE_CONV
#define CYRUS_3_12
#endif

/* Returns the path at which a message from the replica is staged. Up to 3.10, the function has an
 * argument for backups. */
static inline const char *version_reserve_path(const char *partition, bool archived,
                                               const struct message_guid *guid)
{
#ifdef CYRUS_3_12
    return dlist_reserve_path(partition, archived, guid);
#else
    return dlist_reserve_path(partition, archived, 0, guid);
#endif
}

/* Returns whether Cyrus has groups of users: since 3.12. */
static inline bool version_has_usergroups(void)
{
#ifdef CYRUS_3_12
    return true;
#else
    return false;
#endif
}

/* Adds the groups of a user to groups. */
static inline int version_usergroups(const char *userid, strarray_t *groups)
{
#ifdef CYRUS_3_12
    return mboxlist_lookup_usergroups(userid, groups);
#else
    (void)userid;
    (void)groups;
    return 0;
#endif
}

/* Releases "$GLOBAL" after a failed attempt to take an exclusive lock. Since 3.12, mboxname_lock()
 * first takes "$GLOBAL", and leaves it locked if it does not get the lock that was asked for. imapd
 * and httpd end if any lock is left after a command. Cyrus releases "$GLOBAL" when it releases the
 * last lock that was taken after it, so this takes and releases such a lock. */
static inline void version_drop_global_lock(void)
{
#ifdef CYRUS_3_12
    struct mboxlock *other = NULL;

    if (!mboxname_lock("*cyrsync*", &other, LOCK_SHARED)) mboxname_release(&other);
#endif
}

/* Returns whether a process that opens a shared mailbox takes the lock of the user without a name:
 * since 3.8. */
static inline bool version_locks_shared_mailboxes(void)
{
#ifdef CYRUS_3_8
    return true;
#else
    return false;
#endif
}

/* Returns whether Cyrus ends the process if a message of a calendar has no file name: since
 * 3.10. */
static inline bool version_needs_event_names(void)
{
#ifdef CYRUS_3_10
    return true;
#else
    return false;
#endif
}

/* Returns whether Cyrus finds a file name after it has read the parameter "filename*" (RFC 2231).
 * Cyrus reads it since 3.10. found is whether there was a name before. */
static inline bool version_extended_name(const char *value, bool found)
{
#ifdef CYRUS_3_10
    char *name = charset_parse_mimexvalue(value, NULL);

    found = name != NULL;
    free(name);
#else
    (void)value;
#endif
    return found;
}

#endif
