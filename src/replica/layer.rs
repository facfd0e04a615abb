//! What a login may leave between TLS and compression: a security layer of SASL (RFC 4422, 3.7).

use crate::error::Result;

/// Protects a connection's bytes, each way.
pub(super) trait Layer: Send {
    /// By what and how strong, for the log.
    fn describe(&self) -> String;

    /// Protects all bytes, and appends them to `out`.
    ///
    /// # Errors
    /// The connection is of no more use.
    fn wrap(&mut self, clear: &[u8], out: &mut Vec<u8>) -> Result<()>;

    /// Takes the protection off what is complete, and appends it to `clear`.
    ///
    /// # Errors
    /// The bytes are not the peer's; the connection is of no more use.
    fn unwrap(&mut self, bytes: &[u8], clear: &mut Vec<u8>) -> Result<()>;
}
