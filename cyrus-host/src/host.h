/* The host store of the C API, over master.h. */
#ifndef HOST_H
#define HOST_H

#include <cyrsync.h>

typedef struct host host;

/* A host for the client of a channel, NULL for the default one. The table is filled; it gives the
 * host back when no client uses it any more. */
void host_new(const char *channel, cyrsync_host *table);

#endif
