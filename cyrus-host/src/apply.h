/* What the files of apply have for each other. Functions return 0 or an error code of Cyrus; why,
 * for the reply, is added to a buf. */
#ifndef APPLY_H
#define APPLY_H

#include "master.h"
#include "wire.h"

/* The last second that cyrus.index of Cyrus 3.6 holds. */
#define DATE_MAX UINT32_MAX

/* Adds why, and returns r. */
int refuse(struct buf *why, int r, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* -- messages that wait for their records (apply_stage.c) -- */

struct staging {
    /* Of struct staged, by GUID and partition. */
    hash_table files;
};

struct staged {
    char *path;
    uint32_t size;
    /* Whether the file lies in the archive. */
    bool archived;
};

void staging_begin(struct staging *staging);
/* Removes what is staged. */
void staging_clear(struct staging *staging);
void staging_end(struct staging *staging);
/* Stages the messages of an uploaded list. */
int staging_upload(struct staging *staging, struct text body, struct buf *why);
/* Stages messages that mailboxes have. `missing` gets the GUIDs of those that none has. */
int staging_reserve(struct staging *staging, struct text body, int wait_ms, strarray_t *missing,
                    struct buf *why);
/* NULL if it is not staged. */
const struct staged *staging_find(const struct staging *staging, const char *partition,
                                  const struct message_guid *guid);

/* -- annotations (apply_annotation.c) -- */

/* Whether a list of annotations is well-formed. */
bool annotations_good(struct text list);
/* Finds the value of an annotation of a well-formed list. */
bool annotations_find(struct text list, const char *entry, struct text *value);
/* Makes the annotations of a message, with UID 0 of the mailbox, those of a well-formed list.
 * *snoozed, which may be NULL, tells whether the message is. */
int annotations_write(struct mailbox *mailbox, annotate_state_t *state, uint32_t uid,
                      struct text list, bool *snoozed);

/* -- a record of a command (apply_record.c) -- */

struct given {
    /* Without user flags. */
    struct index_record record;
    /* Lists, well-formed: of names, \Flags among them, and of annotations. */
    struct text flags;
    struct text annotations;
};

/* False if it is malformed. */
bool record_read(const struct item *item, struct given *out);

/* -- the records of an update -- */

struct update {
    struct mailbox *mailbox;
    const struct staging *staging;
    /* What is given. */
    struct text records;
    uint32_t last_uid;
    modseq_t highestmodseq;
    /* Paths of files that were put into the mailbox. */
    strarray_t copied;
};

/* The record with a UID; IMAP_NOTFOUND if there is none (apply_check.c). */
int record_here(struct mailbox *mailbox, uint32_t uid, struct index_record *here);
/* Whether it can all be written; nothing is changed (apply_check.c). */
int records_check(struct update *update, struct buf *why);
/* Those that are new, and then those that were there before. Changes the mailbox, which is not
 * committed (apply_write.c). */
int records_append(struct update *update, struct buf *why);
int records_rewrite(struct update *update, struct buf *why);

/* -- what a kill leaves behind (pending.c) -- */

/* Around the commits of an update that was checked. */
int pending_begin(const struct update *update);
void pending_end(const char *uniqueid);

/* -- a mailbox (apply_mailbox.c) -- */

int apply_mailbox(const struct staging *staging, struct text body, int wait_ms, struct buf *why);

#endif
