//! The effort of compression beside a clock and a socket: gives it what it decides by.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::effort::{Effort, Packed, Sample, Written};
use crate::sys::queue;

/// The effort of one connection.
#[derive(Debug)]
pub(super) struct Pace {
    effort: Effort,
    begun: Instant,
    /// How long the socket has taken nothing.
    blocked: Duration,
}

impl Pace {
    /// From now on.
    pub fn new() -> Pace {
        Pace { effort: Effort::default(), begun: Instant::now(), blocked: Duration::ZERO }
    }

    /// The level of deflate for what comes next.
    pub fn level(&self) -> u32 {
        self.effort.level()
    }

    /// A command begins to be written; `idle` if the replica has nothing else to do. The level may
    /// be another one from here on.
    pub fn begin_command(&mut self, idle: bool, done: &Packed) -> Written {
        self.effort.command(self.begun.elapsed(), idle, done)
    }

    /// A command of so many bytes was written. Returns how, if the effort was the same all the
    /// time.
    pub fn end_command(&mut self, begun: Written, bytes: u64, done: &Packed) -> Option<Written> {
        self.effort.written(begun, bytes, done)
    }

    /// The reply to a command has come. `written` is how it was written, if with one effort.
    pub fn confirmed(&mut self, written: Option<Written>, bytes: u64) {
        self.effort.confirmed(self.begun.elapsed(), written, bytes);
    }

    /// More is about to go to the socket.
    pub fn sample(&mut self, socket: &impl AsFd, done: &Packed) {
        self.effort.sample(Sample {
            now: self.begun.elapsed(),
            done: *done,
            blocked: self.blocked,
            unsent: queue::unsent(socket).unwrap_or_default(),
        });
    }

    /// The socket was waited for so long.
    pub fn blocked(&mut self, time: Duration) {
        self.blocked += time;
    }

    /// Nothing more is to be sent for now.
    pub fn pause(&mut self) {
        self.effort.pause();
    }
}
