/* Assertions for the C tests. A failed assertion prints a line, and the variable failures counts
 * it. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <string.h>

static int failures;

#define CHECK(condition)                                                        \
    do {                                                                        \
        if (!(condition)) {                                                     \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
            failures++;                                                         \
        }                                                                       \
    } while (0)

#define CHECK_STR(got, wanted)                                                  \
    do {                                                                        \
        const char *got_ = (got);                                               \
        if (strcmp(got_, (wanted)) != 0) {                                      \
            fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #got, got_, \
                    (wanted));                                                  \
            failures++;                                                         \
        }                                                                       \
    } while (0)

#endif
