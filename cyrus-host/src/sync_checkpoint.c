/* Replaces Cyrus's sync_checkpoint() in a service of Cyrus, without a change of the service's
 * sources. Cyrus's function has no argument for a checkpoint, so the process has one in a static
 * variable. */
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
    if (!cyrsync_cyrus_fits()) return;
    if (!config_getstring(IMAPOPT_SYNC_RIGHTNOW_CHANNEL)) return;
    if (!of_this_process) {
        cyrsync_cyrus_begin();
        of_this_process = cyrsync_checkpoint_new(CYRSYNC_CHECKPOINT_IDLE);
        /* Cyrus calls end() when the process ends, which closes the connection to the replica. */
        cyrus_modules_add(end, NULL);
    }
    cyrsync_checkpoint_run(of_this_process, from_user);
}

/* The linker option -Wl,--wrap=sync_checkpoint sends calls of Cyrus's function here. Like Cyrus's
 * function, it never fails: the user's change is made, even if it was not replicated. */
CYRSYNC_CYRUS_API int __wrap_sync_checkpoint(struct protstream *clientin);

int __wrap_sync_checkpoint(struct protstream *clientin)
{
    checkpoint_of_process(clientin);
    return 0;
}
