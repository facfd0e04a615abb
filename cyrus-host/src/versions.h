/* What differs between the versions of Cyrus that this compiles against, 3.6 to 3.12: the only
 * place that knows. Cyrus's headers have no version that the preprocessor could compare, so that a
 * macro which came with a version stands for it. Included by cyrus.h, after Cyrus's own headers. */
#ifndef VERSIONS_H
#define VERSIONS_H

/* Since 3.12. */
#ifdef QUOTA_USE_CONV
#define CYRUS_3_12
#endif

/* Where a message of the replica is staged. Up to 3.10 there was a place for backups too. */
static inline const char *version_reserve_path(const char *partition, bool archived,
                                               const struct message_guid *guid)
{
#ifdef CYRUS_3_12
    return dlist_reserve_path(partition, archived, guid);
#else
    return dlist_reserve_path(partition, archived, 0, guid);
#endif
}

/* Whether there are groups of users: since 3.12. */
static inline bool version_has_usergroups(void)
{
#ifdef CYRUS_3_12
    return true;
#else
    return false;
#endif
}

/* Adds the groups that a user is in. */
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

#endif
