//! The faults of the simulation and their frequency.

use super::chance::Chance;

/// The frequency of each fault: one in so many times; 0 for never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Faults {
    /// The connection is cut before, during or after a command.
    pub cut: usize,
    /// The replica says goodbye.
    pub goodbye: usize,
    /// The replica does not answer until the client times out.
    pub silence: usize,
    /// The replica refuses a command that it could carry out.
    pub refuse: usize,
    /// A connection attempt fails.
    pub unreachable: usize,
    /// Another client holds the sync lock of an owner for a while.
    pub locked: usize,
    /// The disk is full when the client writes to a log.
    pub disk_full: usize,
    /// The master's clock jumps.
    pub clock: usize,
    /// The client is killed before a write.
    pub crash: usize,
}

impl Faults {
    /// Draws the faults: none, faults only, or faults and crashes.
    pub fn draw(chance: &mut Chance) -> Faults {
        let level = chance.below(4);
        if level == 0 {
            return Faults::default();
        }
        let mut one = |n: usize| if chance.one_in(3) { 0 } else { n * (1 + chance.below(4)) };
        Faults {
            cut: one(40),
            goodbye: one(80),
            silence: one(120),
            refuse: one(40),
            unreachable: one(4),
            locked: one(30),
            disk_full: one(10),
            clock: one(60),
            crash: if level == 3 { one(25) } else { 0 },
        }
    }
}

impl Chance {
    /// Returns whether a fault happens now.
    pub fn strikes(&mut self, one_in: usize) -> bool {
        one_in != 0 && self.one_in(one_in)
    }
}
