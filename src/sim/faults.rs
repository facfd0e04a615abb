//! The faults that can happen, and how often each one happens.

use super::chance::Chance;

/// How often each fault happens: 1 in this number of opportunities. 0 for never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Faults {
    /// The connection breaks before, during or after a command.
    pub cut: usize,
    /// The replica ends the connection with `BYE`.
    pub goodbye: usize,
    /// The replica does not reply until the client's time limit is over.
    pub silence: usize,
    /// The replica refuses a command although nothing is wrong with it.
    pub refuse: usize,
    /// An attempt to connect fails.
    pub unreachable: usize,
    /// Another client holds the sync lock of an owner for a while.
    pub locked: usize,
    /// The disk is full when the client writes a log.
    pub disk_full: usize,
    /// The master's clock jumps forward.
    pub clock: usize,
    /// The client is killed before a write.
    pub crash: usize,
}

impl Faults {
    /// Draws the faults of a history: no faults, faults without kills of the client, or all faults.
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
    /// Returns whether a fault happens now. `one_in` is how often it happens.
    pub fn strikes(&mut self, one_in: usize) -> bool {
        one_in != 0 && self.one_in(one_in)
    }
}
