//! Runs tasks: one executor for every mode.

pub mod cache;
pub mod carry_out;
pub mod everything;
pub mod log;
pub mod queue;
pub mod task;
