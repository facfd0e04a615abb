/* Parses the command line of sync_client(8), as far as the C API supports its options. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum mode { MODE_NONE, MODE_ALL, MODE_USERS, MODE_META, MODE_MAILBOXES, MODE_ROLLING };

struct options {
    enum mode mode;
    const char *config;
    const char *server;
    const char *channel;
    const char *partition;
    const char *file;
    const char *shutdown_file;
    /* CYRSYNC_FLAG_ constants, combined with |. */
    uint32_t flags;
    int verbose;
    bool log_actions;
    bool connect_once;
    bool once;
    bool background;
    int delay;
    int timeout;
    char **operands;
    int operand_count;
    /* The mark of the side whose traffic was printed last, if its last line is not complete;
     * otherwise 0. */
    char within;
};

/* Returns false if the command line is wrong. */
bool options_parse(struct options *options, int argc, char **argv);

#endif
