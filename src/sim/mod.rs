//! The simulator: complete histories in one process, drawn from one seed, without sockets, files,
//! sleep or real time.
//!
//! [`world`] has both spools ([`spool`]), locks, time and random numbers. [`writer`] makes the
//! changes of users to the master, and [`master`] lets the engine read it. [`server`] answers the
//! engine's commands over a [`link`] that can break; [`own`] is the master's own server. [`client`]
//! is the environment of the executor, and [`disk`] its directory of logs. [`faults`] defines what
//! goes wrong, [`check`] what must hold, and [`history`] plays everything. [`twin`] shows that the
//! server behaves like a real one.

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
