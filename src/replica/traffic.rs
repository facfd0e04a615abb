//! Numbers of bytes that a connection has transferred.

/// Numbers of transferred bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Traffic {
    /// Bytes of commands, before compression.
    pub sent: u64,
    /// Bytes of replies, after decompression.
    pub received: u64,
    /// Bytes written to the socket.
    pub sent_raw: u64,
    /// Bytes read from the socket.
    pub received_raw: u64,
}

impl Traffic {
    /// Returns the sums of the bytes of two connections.
    #[must_use]
    pub fn and(self, other: Traffic) -> Traffic {
        Traffic {
            sent: self.sent + other.sent,
            received: self.received + other.received,
            sent_raw: self.sent_raw + other.sent_raw,
            received_raw: self.received_raw + other.received_raw,
        }
    }

    /// Returns the number of bytes in both directions. Received bytes also count as progress of a
    /// write, because a replica may have to send a reply before it reads more.
    pub(super) fn moved(&self) -> u64 {
        self.sent_raw + self.received
    }
}
