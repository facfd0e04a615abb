//! Measurements of a compression level.

/// The confirmed bytes that were written with one level, and their time.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// Bytes of mail that the replica confirmed.
    pub bytes: u64,
    /// Bytes of the same mail after compression.
    pub packed: u64,
    /// Time until the confirmation, in seconds.
    pub time: f64,
}

impl Measured {
    /// Adds confirmed bytes.
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

    /// Halves the weight of everything measured so far.
    pub fn halve(&mut self) {
        self.bytes /= 2;
        self.time /= 2.0;
        self.packed /= 2;
    }
}
