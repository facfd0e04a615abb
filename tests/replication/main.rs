//! Our sync_client between a real Cyrus master and a real replica: mail clients set up every
//! scenario, our client replicates it, and the result is compared field by field.

mod alarms;
// These tests are also about connections; the client reads a host over one connection.
#[cfg(not(through_host))]
mod bandwidth;
mod big;
mod cache;
mod causes;
mod channels;
// This module is about time, not about where the data comes from: one run is enough.
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
// The client reads a host over one connection.
#[cfg(not(through_host))]
mod jobs;
// The schema is in the library's directory.
#[cfg(not(through_host))]
mod json;
mod kinds;
mod layouts;
mod live;
mod lost;
mod metadata_first;
mod modseq_zero;
mod options;
// A host writes repairs by itself; the host of these tests uses a server of its own for that.
#[cfg(not(through_host))]
mod own_server;
// A quick check without locks counts what the replica already has. A host has no such check.
#[cfg(not(through_host))]
mod progress;
// This module is about files that the program writes.
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
// The master's own server moves them.
#[cfg(not(through_host))]
mod scripts_moved;
mod stale_records;
mod status;
mod systemd;
mod users;
mod verify;
mod words;
mod zeros;
