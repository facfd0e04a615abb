//! Runs replication tasks. A task replicates a user, some mailboxes or some log entries. A worker
//! is one session with the replica, and runs one task at a time.
//!
//! [`daemon`] (rolling replication) and [`batch`] (all other modes) are state machines: they
//! receive inputs and return actions ([`step`]). Both use [`executor`], which manages workers and
//! handles lost connections. [`queue`] holds the waiting tasks, and [`retry`] decides what follows
//! a failure. [`env`] connects a machine with its environment, which is either [`real`] or a
//! simulation. [`worker`] holds a session, and [`carry_out`](mod@carry_out) runs one task through
//! it. [`log`] reads and writes the sync log on disk.

pub mod asked_ahead;
pub mod batch;
pub mod cache;
pub mod carry_out;
pub mod contact;
pub mod daemon;
pub mod env;
pub mod everything;
pub mod exclusion;
pub mod executor;
pub mod floor;
pub mod freeze;
pub mod grouping;
pub mod hand_over;
pub mod hands;
pub mod inbox;
pub mod interrupt;
pub mod log;
pub mod logged;
pub mod manner;
pub mod moment;
pub mod outcome;
pub mod plan;
pub mod queue;
pub mod real;
pub mod retry;
pub mod rules;
pub mod settled;
pub mod state;
pub mod step;
pub mod tally;
pub mod task;
pub mod team;
pub mod verify;
pub mod voices;
pub mod width;
pub mod worker;

#[cfg(test)]
mod batch_tests;
#[cfg(test)]
mod daemon_contact_tests;
#[cfg(test)]
mod daemon_tests;
#[cfg(test)]
mod daemon_workers_tests;
#[cfg(test)]
mod stepping;
