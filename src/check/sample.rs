//! A few of many, spread evenly, without knowing how many come.

/// Keeps up to a number of what is offered.
#[derive(Debug, Clone)]
pub(super) struct Sample<T> {
    kept: Vec<T>,
    most: usize,
    offered: usize,
    /// Every so many is kept.
    step: usize,
}

impl<T> Sample<T> {
    /// Keeps at most so many; at least half as many, if there are.
    pub fn of(most: usize) -> Sample<T> {
        Sample { kept: Vec::new(), most: most.max(2), offered: 0, step: 1 }
    }

    /// Offers one more; it is made only if it is kept.
    pub fn offer(&mut self, make: impl FnOnce() -> T) {
        if self.offered.is_multiple_of(self.step) {
            if self.kept.len() >= self.most {
                let mut at = 0;
                self.kept.retain(|_| {
                    at += 1;
                    at % 2 == 1
                });
                self.step *= 2;
            }
            if self.offered.is_multiple_of(self.step) {
                self.kept.push(make());
            }
        }
        self.offered += 1;
    }

    /// How many were offered.
    pub fn offered(&self) -> usize {
        self.offered
    }

    /// What was kept.
    pub fn kept(&self) -> &[T] {
        &self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_spread_over_all() {
        let mut sample = Sample::of(4);
        (0..3).for_each(|number| sample.offer(|| number));
        assert_eq!(sample.kept(), [0, 1, 2]);
        (3..1000).for_each(|number| sample.offer(|| number));
        assert_eq!(sample.offered(), 1000);
        assert_eq!(sample.kept(), [0, 256, 512, 768]);
    }
}
