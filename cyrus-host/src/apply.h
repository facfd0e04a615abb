/* Functions that the files apply_*.c use from each other. They return 0 or an error code of Cyrus.
 * On failure they append the reason to why, for the reply. */
#ifndef APPLY_H
#define APPLY_H

#include "master.h"
#include "wire.h"

/* The last time that cyrus.index of Cyrus 3.6 can store, in seconds since 1970. */
#define DATE_MAX UINT32_MAX

/* Appends the reason to why, and returns r. */
int refuse(struct buf *why, int r, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* -- staged messages, which wait for their records (apply_stage.c) -- */

struct staging {
    /* Values of struct staged, by GUID and partition. */
    hash_table files;
};

struct staged {
    char *path;
    uint32_t size;
    /* Whether the file is on the archive partition. */
    bool archived;
};

void staging_begin(struct staging *staging);
/* Removes all staged messages. */
void staging_clear(struct staging *staging);
void staging_end(struct staging *staging);
/* Stages the messages that a command has sent. */
int staging_upload(struct staging *staging, struct text body, struct buf *why);
/* Stages messages that mailboxes have. Adds the GUIDs of messages that no mailbox has to
 * missing. */
int staging_reserve(struct staging *staging, struct text body, int wait_ms, strarray_t *missing,
                    struct buf *why);
/* Returns a staged message, or NULL if it is not staged. */
const struct staged *staging_find(const struct staging *staging, const char *partition,
                                  const struct message_guid *guid);

/* -- annotations (apply_annotation.c) -- */

/* Returns whether a list of annotations is well-formed. */
bool annotations_good(struct text list);
/* Finds the value of an annotation in a well-formed list. */
bool annotations_find(struct text list, const char *entry, struct text *value);
/* Replaces the annotations of a message, or of the mailbox if uid is 0, with a well-formed list.
 * Sets *snoozed to whether the message is snoozed; snoozed may be NULL. */
int annotations_write(struct mailbox *mailbox, annotate_state_t *state, uint32_t uid,
                      struct text list, bool *snoozed);

/* -- a record of a command (apply_record.c) -- */

struct given {
    /* The record, without user flags. */
    struct index_record record;
    /* Well-formed lists: of the names of all flags, and of annotations. */
    struct text flags;
    struct text annotations;
};

/* Reads a record of a command. Returns false if the record is malformed. */
bool record_read(const struct item *item, struct given *out);

/* -- the records of an update -- */

struct update {
    struct mailbox *mailbox;
    const struct staging *staging;
    /* The records of the command. */
    struct text records;
    uint32_t last_uid;
    modseq_t highestmodseq;
    /* The paths of files that were put into the mailbox. */
    strarray_t copied;
};

/* Finds the mailbox's record with a UID. Returns IMAP_NOTFOUND if there is none (apply_check.c). */
int record_here(struct mailbox *mailbox, uint32_t uid, struct index_record *here);
/* Checks that all records can be written, and changes nothing (apply_check.c). */
int records_check(struct update *update, struct buf *why);
/* Write the new records, and then the records that the mailbox has already. The changes of the
 * mailbox are not committed yet (apply_write.c). */
int records_append(struct update *update, struct buf *why);
int records_rewrite(struct update *update, struct buf *why);

/* -- updates that are interrupted by a kill (pending.c) -- */

/* Called before the first and after the last commit of an update that was checked. */
int pending_begin(const struct update *update);
void pending_end(const char *uniqueid);

/* -- a mailbox (apply_mailbox.c) -- */

int apply_mailbox(const struct staging *staging, struct text body, int wait_ms, struct buf *why);

#endif
