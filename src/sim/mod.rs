//! The simulator: whole histories in one process, without sockets, files, sleep or real time, all
//! drawn from one seed.
//!
//! [`world`] has both spools ([`spool`]), locks, time and chance. [`writer`] is what users do to
//! the master, [`master`] how the engine reads it, [`server`] what answers the engine's commands
//! over a [`link`] that may break; [`own`] is the master's own server. [`client`] is the executor's
//! world and [`disk`] its directory of logs. [`faults`] says what goes wrong, [`check`] what must
//! hold, and [`history`] plays it all. [`twin`] shows that the server is like the real one.

mod apply;
mod baton;
mod chance;
mod check;
mod client;
mod disk;
mod faults;
mod files;
mod get;
mod history;
mod link;
mod master;
mod own;
mod plant;
mod planted;
mod reply;
mod seeds;
mod server;
mod spool;
mod tests;
mod twin;
mod update;
mod world;
mod writer;
