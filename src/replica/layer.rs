//! The interface of a SASL security layer (RFC 4422, 3.7), which a login may negotiate. The layer
//! is between compression and TLS.

use crate::error::Result;

/// Protects the bytes of a connection in both directions.
pub(super) trait Layer: Send {
    /// Returns the mechanism and the strength of the layer, for the log.
    fn describe(&self) -> String;

    /// Protects all bytes, and appends the result to `out`.
    ///
    /// # Errors
    /// If the bytes cannot be protected. The connection cannot be used after that.
    fn wrap(&mut self, clear: &[u8], out: &mut Vec<u8>) -> Result<()>;

    /// Removes the protection from all complete packets, and appends their content to `clear`.
    ///
    /// # Errors
    /// If the bytes do not come from the peer. The connection cannot be used after that.
    fn unwrap(&mut self, bytes: &[u8], clear: &mut Vec<u8>) -> Result<()>;
}
