//! What may go wrong, and how often.

use super::chance::Chance;

/// One in how many times each fault comes; 0 for never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Faults {
    /// The connection is cut before, within or after a command.
    pub cut: usize,
    /// The replica says goodbye.
    pub goodbye: usize,
    /// The replica says nothing until we lose patience.
    pub silence: usize,
    /// The replica refuses a command that it could carry out.
    pub refuse: usize,
    /// There is no connection to be had.
    pub unreachable: usize,
    /// Another client replicates an owner for a while.
    pub locked: usize,
    /// The disk is full when we write to a log.
    pub disk_full: usize,
    /// The clock of the master jumps.
    pub clock: usize,
    /// The client is killed before a write.
    pub crash: usize,
}

impl Faults {
    /// Draws them: none, faults, or faults and crashes.
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
    /// Whether a fault comes now.
    pub fn strikes(&mut self, one_in: usize) -> bool {
        one_in != 0 && self.one_in(one_in)
    }
}
