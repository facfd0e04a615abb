/* For a service of Cyrus that is not even linked again: its sync_checkpoint() first asks what there
 * is to replicate. Preloaded, this answers: it has been done, there is nothing. The connection to
 * the replica is then kept until the process ends: the stream for the timer is not known here. */
#define _GNU_SOURCE
#include <dlfcn.h>

#include "cyrsync_cyrus.h"
#include "master.h"
#include "sync_checkpoint.h"

typedef struct buf *rightnow_function(void);

static struct buf *ask_cyrus(void)
{
    rightnow_function *function;

    /* POSIX has a function's address in an object's pointer. */
    *(void **)&function = dlsym(RTLD_NEXT, "sync_log_rightnow_buf");
    return function ? function() : NULL;
}

CYRSYNC_CYRUS_API struct buf *sync_log_rightnow_buf(void)
{
    /* cyrsync_checkpoint_run() asks too. */
    static bool replicating;

    if (replicating) return ask_cyrus();
    replicating = true;
    checkpoint_of_process(NULL);
    replicating = false;
    return NULL;
}
