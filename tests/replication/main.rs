//! Our sync_client between a real Cyrus master and a real replica: every scenario is set up as
//! mail clients do it, replicated, and compared field by field.

mod big;
mod cache;
mod causes;
mod chaos;
mod clients;
mod common;
mod damaged;
mod databases;
mod failures;
mod folders;
mod forgotten;
mod kinds;
mod layouts;
mod live;
mod lost;
mod options;
mod restarts;
mod rolling;
mod rolling_daemon;
mod rolling_faults;
mod rolling_log;
mod users;
