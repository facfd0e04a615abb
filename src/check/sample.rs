//! Selects a sample of items, evenly spread over all. The number of items is not known in advance.

/// An evenly spread sample of the offered items, with a maximum size.
#[derive(Debug, Clone)]
pub(super) struct Sample<T> {
    kept: Vec<T>,
    most: usize,
    offered: usize,
    /// Every item with a number that is a multiple of this is kept.
    step: usize,
}

impl<T> Sample<T> {
    /// Makes an empty sample that will have at most `most` items (at least 2). If enough items are
    /// offered, it will have at least half as many.
    pub fn of(most: usize) -> Sample<T> {
        Sample { kept: Vec::new(), most: most.max(2), offered: 0, step: 1 }
    }

    /// Offers an item. Calls `make` only if the item is kept.
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
    fn the_sample_is_spread_evenly() {
        let mut sample = Sample::of(4);
        (0..3).for_each(|number| sample.offer(|| number));
        assert_eq!(sample.kept(), [0, 1, 2]);
        (3..1000).for_each(|number| sample.offer(|| number));
        assert_eq!(sample.offered(), 1000);
        assert_eq!(sample.kept(), [0, 256, 512, 768]);
    }
}
