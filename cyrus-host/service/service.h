/* Makes a program a service of Cyrus's master process. Descriptor 4 is a listening socket.
 * Descriptor 3 is a pipe to the master process, to which the service reports whether it is busy.
 * Cyrus's own programs use a file for this that is in none of Cyrus's libraries. */
#ifndef SERVICE_H
#define SERVICE_H

#include <stdbool.h>

struct service {
    /* The lock file for which services of one kind wait. Only the process that holds the lock
     * accepts a connection. */
    int turn;
    int used;
};

/* Installs signal handlers, and takes over the descriptors. Returns false if the program was not
 * started by a master process. */
bool service_begin(struct service *service);
/* Waits for a connection and accepts it. Returns -1 if the process should end: a signal requested
 * this, or there was no connection for a minute. */
int service_accept(struct service *service);
/* Reports that the connection is closed. Returns false if the process has served enough
 * connections. */
bool service_next(struct service *service);
void service_end(struct service *service);

#endif
