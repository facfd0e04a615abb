/* Converts Cyrus's structures to those of the C API, and Cyrus's error codes to results. */
#ifndef CONVERT_H
#define CONVERT_H

#include <cyrsync.h>

#include "master.h"

/* Returns a text of the engine as a C string, which the caller frees. Returns NULL if the text
 * contains a zero byte, because no name of Cyrus does. */
char *to_string(cyrsync_str text);
cyrsync_str from_buf(const struct buf *buf);

/* Converts an error code of Cyrus to a result, and describes the error in failure. Returns 0 for
 * success. A positive r is the result of an emit function, and is returned unchanged. */
int result_of(int r, cyrsync_failure *failure);

/* Does the same for an error while an open mailbox is read: if data is damaged, it is the mailbox's
 * index. */
int result_in(const master_mailbox *mailbox, int r, cyrsync_failure *failure);

void convert_entry(const mbentry_t *entry, cyrsync_former_name *former, cyrsync_mailbox_entry *out);
void convert_record(const struct index_record *record, cyrsync_record *out);
/* flags must have room for MAX_USER_FLAGS names. */
void convert_state(const master_mailbox *mailbox, cyrsync_str *flags, cyrsync_mailbox_state *out);

#endif
