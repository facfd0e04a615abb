/* Replaces a function of Cyrus in a service that was not linked with the engine, if this library is
 * preloaded. Cyrus's sync_checkpoint() first calls sync_log_rightnow_buf() to get the logged
 * changes. The replacement lets the engine replicate them, and returns NULL: nothing is left to
 * replicate. The connection to the replica is kept until the process ends, because the stream for
 * the timer is not known here. */
#define _GNU_SOURCE
#include <dlfcn.h>

#include "cyrsync_cyrus.h"
#include "master.h"
#include "sync_checkpoint.h"

typedef struct buf *rightnow_function(void);

static struct buf *ask_cyrus(void)
{
    rightnow_function *function;

    /* dlsym() returns a function as a pointer to an object. POSIX allows this conversion. */
    *(void **)&function = dlsym(RTLD_NEXT, "sync_log_rightnow_buf");
    return function ? function() : NULL;
}

CYRSYNC_CYRUS_API struct buf *sync_log_rightnow_buf(void)
{
    /* True while cyrsync_checkpoint_run() runs. Its call of this function must get the changes. */
    static bool replicating;

    /* If the version does not fit, Cyrus's own code replicates the changes. */
    if (replicating || !cyrsync_cyrus_fits()) return ask_cyrus();
    replicating = true;
    checkpoint_of_process(NULL);
    replicating = false;
    return NULL;
}
