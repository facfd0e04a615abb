/* The one checkpoint of a process. */
#ifndef SYNC_CHECKPOINT_H
#define SYNC_CHECKPOINT_H

struct protstream;

/* Replicates what this process changed, if sync_rightnow_channel is set. */
void checkpoint_of_process(struct protstream *from_user);

#endif
