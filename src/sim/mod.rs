//! The simulator: plays histories in one process, without sockets, files, pauses or real time. A
//! history is a random sequence of changes, faults and restarts of the client. A seed (a number)
//! determines all of it.
//!
//! [`world`] holds both spools ([`spool`]), locks, time and random numbers. [`writer`] changes the
//! master like users do, and [`master`] lets the client read the master. [`server`] carries out the
//! client's commands, which arrive over a [`link`] that can break. [`own`] is the master's own
//! server. [`client`] is the environment of the state machine, and [`disk`] is its directory of
//! logs. [`faults`] defines the faults, [`check`] the conditions that must hold, and [`history`]
//! plays a history. [`plant`] adds bugs that must be detected. [`twin`] compares the simulated
//! server with a real one.

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
