/* How a program is a service of Cyrus's master: a socket that listens is descriptor 4, and a pipe
 * to the master is descriptor 3, on which a service says whether it is busy. Cyrus's own programs
 * have that from a file that is in none of its libraries. */
#ifndef SERVICE_H
#define SERVICE_H

#include <stdbool.h>

struct service {
    /* Services of one kind take turns: who holds the lock on this file accepts. */
    int turn;
    int used;
};

/* Answers signals, and takes what the master gave. False if no master started this. */
bool service_begin(struct service *service);
/* Waits for a connection and accepts it. -1 if the process shall end: it was asked to, or nobody
 * came for a minute. */
int service_accept(struct service *service);
/* The connection is done with. False if the process has served enough. */
bool service_next(struct service *service);
void service_end(struct service *service);

#endif
