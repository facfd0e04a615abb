/* Calls the public functions in a process of Cyrus whose version may be another one than that for
 * which they were built:
 *
 *   unfit -C imapd.conf
 *
 * Prints "fits" if the version is the same. Otherwise prints each function that does not refuse. */
#include <stdio.h>
#include <string.h>

#include "cyrsync_cyrus.h"
#include "cyrus.h"

int main(int argc, char **argv)
{
    cyrsync_checkpoint *checkpoint;
    cyrsync_host table;

    if (argc != 3 || strcmp(argv[1], "-C") != 0) return EX_USAGE;
    cyrus_init(argv[2], "unfit", 0, CONFIG_NEED_PARTITION_DATA);
    if (cyrsync_cyrus_fits()) puts("fits");
    cyrsync_cyrus_begin();
    cyrsync_cyrus_host(NULL, &table);
    if (table.lookup) puts("host");
    checkpoint = cyrsync_checkpoint_new(CYRSYNC_CHECKPOINT_IDLE);
    if (cyrsync_checkpoint_run(checkpoint, NULL)) puts("run");
    cyrsync_checkpoint_free(&checkpoint);
    if (table.destroy) table.destroy(table.userdata);
    fflush(stdout);
    cyrus_done();
    return 0;
}
