//! Our sync_client between a real Cyrus master and a real replica: every scenario is set up as
//! mail clients do it, replicated, and compared field by field.

mod alarms;
// About connections too; a host is asked over one.
#[cfg(not(through_host))]
mod bandwidth;
mod big;
mod cache;
mod causes;
mod channels;
// It is about when things happen, not about where the data comes from: once is enough.
#[cfg(not(through_host))]
mod chaos;
mod choice;
mod clients;
mod common;
mod counts;
mod crc_wrong;
mod crc_zero;
mod damaged;
mod databases;
mod dry_run;
mod failures;
mod folders;
mod forgotten;
// A host takes the locks of its master itself.
#[cfg(not(through_host))]
mod freeze;
mod interrupts;
// A host is asked over one connection.
#[cfg(not(through_host))]
mod jobs;
// Its schema lies beside the library.
#[cfg(not(through_host))]
mod json;
mod kinds;
mod layouts;
mod live;
mod lost;
mod metadata_first;
mod modseq_zero;
mod options;
// A host writes repairs by itself, and the host of the tests by a server of its own.
#[cfg(not(through_host))]
mod own_server;
// What is there already shows at a glance, for which a host is not asked.
#[cfg(not(through_host))]
mod progress;
// It is about files that the program writes.
#[cfg(not(through_host))]
mod prometheus;
#[cfg(not(through_host))]
mod recorded;
mod refused_folders;
mod restarts;
mod rolling;
mod rolling_daemon;
mod rolling_faults;
mod rolling_log;
mod rolling_meanwhile;
mod same_uniqueid;
// They are moved by the master's own server.
#[cfg(not(through_host))]
mod scripts_moved;
mod stale_records;
mod status;
mod systemd;
mod users;
mod verify;
mod words;
mod zeros;
