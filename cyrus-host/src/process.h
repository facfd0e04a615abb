/* The signals of the process of Cyrus in which the engine runs. */
#ifndef PROCESS_H
#define PROCESS_H

#include <cyrsync.h>

/* Lets SIGTERM, SIGINT and SIGQUIT end the current call of a client, so that a process that waits
 * for a replica can be stopped. Cyrus's own handlers for these signals are called too. */
void process_interruptible(cyrsync_client *client);

/* Ends process_interruptible(): brings back Cyrus's handlers, and lets the client work again. */
void process_restore(cyrsync_client *client);

#endif
