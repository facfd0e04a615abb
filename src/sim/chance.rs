//! Random numbers. The same seed gives the same numbers.

pub(super) use cyrsync_lab::Rng;

/// Makes all random decisions of a history.
#[derive(Debug, Clone)]
pub(super) struct Chance(Rng);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        // Otherwise the numbers of consecutive seeds would begin alike.
        let mut rng = Rng::new(seed ^ 0x5eed);
        rng.number();
        Chance(rng)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound.max(1))
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.0.one_in(n.max(1))
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        self.0.pick(from)
    }
}
