/* A small master that lives in memory: the user "memory" with two mailboxes, flags, annotations,
 * a subscription, seen state, a quota root and a Sieve script. What a test changes of it is in
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
    /* Content is of malloc(). */
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
    /* Uploaded, and not told to be let go. */
    struct memory_message staged[MEMORY_MESSAGES];
    size_t staged_count;
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

/* Carries out a command of a repair (memory_write.c) and emits the reply. */
int memory_write(struct memory *memory, cyrsync_str verb, cyrsync_str body, cyrsync_emit_str emit,
                 void *sink);
void memory_free(struct memory *memory);

/* Fills the memory, and a table for it. */
void memory_host(struct cyrsync_host *host, struct memory *memory);

#endif
