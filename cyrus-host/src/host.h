/* Implements the host store of the C API with the functions of master.h. */
#ifndef HOST_H
#define HOST_H

#include <cyrsync.h>

typedef struct host host;

/* Fills the table of a host for a client of the channel; NULL is the default channel. The host is
 * freed when no client uses the table. */
void host_new(const char *channel, cyrsync_host *table);

#endif
