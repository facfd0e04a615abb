//! Tests our sync_client between a real Cyrus master and a real replica. Mail clients set up each
//! scenario, our client replicates it, and the test compares both servers field by field.

mod alarms;
// Not through a host: some of these tests need several connections, and the client reads a host
// over one.
#[cfg(not(through_host))]
mod bandwidth;
mod big;
mod cache;
mod causes;
mod channels;
// One run of this module is enough: it tests time, not the source of the data.
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
// Not through a host, which takes the locks of its master itself.
#[cfg(not(through_host))]
mod freeze;
mod histories;
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
mod mistakes;
mod modseq_zero;
mod options;
// Not through a host, which writes repairs itself. The host of these tests starts a sync_server for
// it.
#[cfg(not(through_host))]
mod own_server;
// Not through a host, which has no quick check that counts what the replica already has.
#[cfg(not(through_host))]
mod progress;
// This module tests only files that the program writes.
#[cfg(not(through_host))]
mod prometheus;
#[cfg(not(through_host))]
mod recorded;
mod refused_folders;
mod reload;
mod restarts;
mod rolling;
mod rolling_daemon;
mod rolling_faults;
mod rolling_log;
mod rolling_meanwhile;
mod same_uniqueid;
// Not through a host: the client moves scripts through the master's own sync_server.
#[cfg(not(through_host))]
mod scripts_moved;
mod stale_records;
mod status;
mod systemd;
// These tests count what goes over the wire of the program's own client.
#[cfg(not(through_host))]
mod traffic;
mod users;
mod verify;
mod words;
mod zeros;
