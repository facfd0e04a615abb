/* A small master in memory: the user "memory" with two mailboxes, flags, annotations, a
 * subscription, seen state, a quota root and a Sieve script. A test changes the master through
 * struct memory. */
#ifndef MEMORY_H
#define MEMORY_H

#include "cyrsync.h"

#define MEMORY_MESSAGES 16

struct memory_message {
    uint32_t uid;
    uint64_t modseq;
    uint32_t system_flags, internal_flags, user_flags;
    int64_t internaldate;
    char guid[41];
    const char *content;
    size_t size;
    /* Not 0: content was allocated with malloc(). */
    int owned;
};

struct memory_folder {
    const char *name, *uniqueid;
    uint32_t last_uid;
    uint64_t highestmodseq;
    size_t count;
    struct memory_message messages[MEMORY_MESSAGES];
};

struct memory {
    struct memory_folder folders[2];
    /* Messages that APPLY MESSAGE has uploaded, until RESTART. */
    struct memory_message staged[MEMORY_MESSAGES];
    size_t staged_count;
    /* Numbers of calls of the host's functions, by function. */
    int opened, closed, locked, unlocked, destroyed, applied, listed, files;
    /* The name of the function that must fail, and the result that it then returns. */
    const char *failing;
    int answer;
    /* The name of a second function that must fail in the same way. */
    const char *failing_too;
    /* Not 0: scan emits the records in the wrong order. */
    int disorder;
    /* If not NULL, each function of the host calls this function first. */
    void (*on_call)(void *data);
    void *data;
};

/* Executes a command of a repair (memory_write.c) and emits the reply. */
int memory_write(struct memory *memory, cyrsync_str verb, cyrsync_str body, cyrsync_emit_str emit,
                 void *sink);
void memory_free(struct memory *memory);

/* Fills the memory with its mailboxes, and the table with functions that read the memory. */
void memory_host(struct cyrsync_host *host, struct memory *memory);

#endif
