//! Runs tasks, with one executor for all modes.
//!
//! [`daemon`] (rolling replication) and [`batch`] (all other modes) are state machines: they get
//! inputs and return actions ([`step`]). Both use [`executor`] for tasks, workers and lost
//! connections. The executor asks [`retry`] what to do about failures, and keeps the tasks in
//! [`queue`]. [`env`] connects the machines with the outside world, which is [`real`] or a
//! simulation. [`worker`] has a session, and [`carry_out`](mod@carry_out) runs tasks over it.
//! [`log`] is the sync log on disk.

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
mod daemon_tests;
#[cfg(test)]
mod daemon_workers_tests;
#[cfg(test)]
mod stepping;
