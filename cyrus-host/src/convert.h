/* From Cyrus's structures to those of the C API, and from its error codes to results. */
#ifndef CONVERT_H
#define CONVERT_H

#include <cyrsync.h>

#include "master.h"

/* What a name or text of the engine is as a string; NULL if it has zero bytes in it, as no name
 * of Cyrus has. To be freed. */
char *to_string(cyrsync_str text);
cyrsync_str from_buf(const struct buf *buf);

/* The result for a Cyrus error, with what it means told. 0 is success; what an emit function gave
 * is passed on. */
int result_of(int r, cyrsync_failure *failure);

/* As result_of(), of an open mailbox: what is damaged is its index. */
int result_in(const master_mailbox *mailbox, int r, cyrsync_failure *failure);

void convert_entry(const mbentry_t *entry, cyrsync_former_name *former, cyrsync_entry *out);
void convert_record(const struct index_record *record, cyrsync_record *out);
/* Flags is room for MAX_USER_FLAGS names. */
void convert_state(const master_mailbox *mailbox, cyrsync_str *flags, cyrsync_mailbox_state *out);

#endif
