/* Runs sync_client in one of its modes. */
#ifndef WORK_H
#define WORK_H

#include <cyrsync.h>

#include "options.h"

/* Reports the outcome of an item of -A. userdata points to the options. */
void on_item(void *userdata, const cyrsync_item *item);
/* Prints a line to stderr. */
void complain(const char *line);
/* Executes what the options request. Returns the exit code. */
int work(cyrsync_client *client, const struct options *options);

#endif
