//! What is measured of the effort of compression.

/// What happened with one effort.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// Bytes of mail that were confirmed.
    pub bytes: u64,
    /// What they were compressed to.
    pub packed: u64,
    /// Seconds that it took.
    pub time: f64,
}

impl Measured {
    /// More was confirmed.
    pub fn add(&mut self, bytes: u64, packed: u64, time: f64) {
        self.bytes += bytes;
        self.packed += packed;
        self.time += time;
    }

    /// Confirmed bytes a second.
    pub fn speed(&self) -> f64 {
        if self.time > 0.0 { self.bytes as f64 / self.time } else { 0.0 }
    }

    /// Compressed bytes for each byte.
    pub fn ratio(&self) -> f64 {
        if self.bytes > 0 && self.packed > 0 { self.packed as f64 / self.bytes as f64 } else { 1.0 }
    }

    /// What is older counts half from now on.
    pub fn halve(&mut self) {
        self.bytes /= 2;
        self.time /= 2.0;
        self.packed /= 2;
    }
}
