/* The modes of sync_client. */
#ifndef WORK_H
#define WORK_H

#include <cyrsync.h>

#include "options.h"

/* Receives how an item of -A ended; userdata are the options. */
void on_item(void *userdata, const cyrsync_item *item);
/* A line for stderr. */
void complain(const char *line);
/* Does what the options ask for; the exit code. */
int work(cyrsync_client *client, const struct options *options);

#endif
