//! What is counted of a connection.

/// Bytes that went over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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
    /// What went over two connections.
    #[must_use]
    pub fn and(self, other: Traffic) -> Traffic {
        Traffic {
            sent: self.sent + other.sent,
            received: self.received + other.received,
            sent_raw: self.sent_raw + other.sent_raw,
            received_raw: self.received_raw + other.received_raw,
        }
    }

    /// Bytes that went either way: a replica may have to get rid of a reply before it reads on.
    pub(super) fn moved(&self) -> u64 {
        self.sent_raw + self.received
    }
}
