/* In the place of Cyrus's sync_checkpoint(), in a service of Cyrus whose sources stay as they are.
 * Cyrus's function has no argument for a state. So there is one in the process: its only one. */
#include "sync_checkpoint.h"

#include "cyrsync_cyrus.h"
#include "master.h"

static cyrsync_checkpoint *of_this_process;

static void end(void *rock __attribute__((unused)))
{
    cyrsync_checkpoint_free(&of_this_process);
}

void checkpoint_of_process(struct protstream *from_user)
{
    if (!config_getstring(IMAPOPT_SYNC_RIGHTNOW_CHANNEL)) return;
    if (!of_this_process) {
        cyrsync_cyrus_begin();
        of_this_process = cyrsync_checkpoint_new(CYRSYNC_CHECKPOINT_IDLE);
        /* With the rest of Cyrus: a process that ends says goodbye to the replica. */
        cyrus_modules_add(end, NULL);
    }
    cyrsync_checkpoint_run(of_this_process, from_user);
}

/* Linked with -Wl,--wrap=sync_checkpoint, calls of Cyrus's function come here. As Cyrus's, it has
 * no failures: the user's change is made, whatever became of the replica. */
CYRSYNC_CYRUS_API int __wrap_sync_checkpoint(struct protstream *clientin);

int __wrap_sync_checkpoint(struct protstream *clientin)
{
    checkpoint_of_process(clientin);
    return 0;
}
