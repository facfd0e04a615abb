/* Includes the headers of Cyrus that are used here. They need config.h first, and this order. */
#ifndef CYRUS_H
#define CYRUS_H

#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "imap/annotate.h"
#include "imap/caldav_alarm.h"
#include "imap/conversations.h"
#include "imap/dlist.h"
#include "imap/global.h"
#include "imap/imap_err.h"
#include "imap/mailbox.h"
#include "imap/mboxevent.h"
#include "imap/mboxlist.h"
#include "imap/mboxname.h"
#include "imap/message.h"
#include "imap/message_guid.h"
#include "imap/mutex.h"
#include "imap/quota.h"
#include "imap/seen.h"
#include "imap/sieve_db.h"
#include "imap/sievedir.h"
#include "imap/sync_log.h"
#include "imap/sync_support.h"
#include "imap/user.h"
#include "lib/charset.h"
#include "lib/cyr_lock.h"
#include "lib/cyrusdb.h"
#include "lib/hash.h"
#include "lib/imparse.h"
#include "lib/libcyr_cfg.h"
#include "lib/prot.h"
#include "lib/retry.h"
#include "lib/strarray.h"
#include "lib/util.h"
#include "lib/xmalloc.h"

#include "versions.h"

#endif
