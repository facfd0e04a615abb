//! Keeps a few of many items, evenly spread, without knowing in advance how many will come.

/// A sample of the offered items, with a maximum size.
#[derive(Debug, Clone)]
pub(super) struct Sample<T> {
    kept: Vec<T>,
    most: usize,
    offered: usize,
    /// One item in this many is kept.
    step: usize,
}

impl<T> Sample<T> {
    /// Creates a sample of at most `most` items. It has at least half as many if enough are
    /// offered.
    pub fn of(most: usize) -> Sample<T> {
        Sample { kept: Vec::new(), most: most.max(2), offered: 0, step: 1 }
    }

    /// Offers an item. `make` is called only if the item is kept.
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

    /// Returns the number of offered items.
    pub fn offered(&self) -> usize {
        self.offered
    }

    /// Returns the kept items.
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
