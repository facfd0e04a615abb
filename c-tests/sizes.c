/* Prints the sizes of the structures in C. tests/house/header.rs compares them with the sizes in Rust. */
#include <stdio.h>

#include "cyrsync.h"

#define SIZE(type) printf("%s %zu\n", #type, sizeof(struct type))

int main(void)
{
    SIZE(cyrsync_str);
    SIZE(cyrsync_former_name);
    SIZE(cyrsync_mailbox_entry);
    SIZE(cyrsync_mailbox_state);
    SIZE(cyrsync_record);
    SIZE(cyrsync_message_file);
    SIZE(cyrsync_annotation);
    SIZE(cyrsync_seen);
    SIZE(cyrsync_quota);
    SIZE(cyrsync_sieve);
    SIZE(cyrsync_host);
    SIZE(cyrsync_report);
    SIZE(cyrsync_counters);
    SIZE(cyrsync_roll_options);
    SIZE(cyrsync_roll_result);
    SIZE(cyrsync_finding);
    SIZE(cyrsync_verify_totals);
    SIZE(cyrsync_progress);
    SIZE(cyrsync_callbacks);
    SIZE(cyrsync_item);
    SIZE(cyrsync_event);
    SIZE(cyrsync_step);
    SIZE(cyrsync_unreachable);
    SIZE(cyrsync_check);
    printf("version %u\n", (unsigned)CYRSYNC_VERSION_NUMBER);
    return (unsigned)CYRSYNC_VERSION_NUMBER != cyrsync_version_number();
}
