//! Measured speed and ratio of a compression level.

/// Measurements of commands that were compressed with one level. Bytes count when the replica's
/// reply confirms them.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// Bytes of mail that the replica confirmed.
    pub bytes: u64,
    /// Bytes of the same mail after compression.
    pub packed: u64,
    /// Time in which the replica worked on these commands, in seconds.
    pub time: f64,
}

impl Measured {
    /// Adds bytes that the replica has confirmed. `packed` is their compressed size. `time` is how
    /// long the replica worked on them, in seconds.
    pub fn add(&mut self, bytes: u64, packed: u64, time: f64) {
        self.bytes += bytes;
        self.packed += packed;
        self.time += time;
    }

    /// Returns confirmed bytes per second.
    pub fn speed(&self) -> f64 {
        if self.time > 0.0 { self.bytes as f64 / self.time } else { 0.0 }
    }

    /// Returns compressed bytes per byte of mail.
    pub fn ratio(&self) -> f64 {
        if self.bytes > 0 && self.packed > 0 { self.packed as f64 / self.bytes as f64 } else { 1.0 }
    }

    /// Halves all sums, so that older measurements weigh less.
    pub fn halve(&mut self) {
        self.bytes /= 2;
        self.time /= 2.0;
        self.packed /= 2;
    }
}
