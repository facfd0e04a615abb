/* A small master that lives in memory: the user "memory" with two mailboxes, flags, annotations,
 * a subscription, seen state, a quota root and a Sieve script. What a test changes of it is in
 * struct memory. */
#ifndef MEMORY_H
#define MEMORY_H

#include "cyrsync.h"

struct memory {
    /* How often what was called, and given back. */
    int opened, closed, locked, unlocked, destroyed, applied, listed, files;
    /* The function that fails, by its name, and what it answers then. */
    const char *failing;
    int answer;
    /* Another one that fails in the same way. */
    const char *failing_too;
    /* The records come in the wrong order. */
    int disorder;
    /* Called by each function, if set. */
    void (*on_call)(void *data);
    void *data;
};

/* Fills a table for it. */
void memory_host(struct cyrsync_host *host, struct memory *memory);

#endif
