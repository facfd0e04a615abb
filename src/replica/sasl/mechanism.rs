//! What a mechanism is: the client's half of an exchange, without a connection.

use zeroize::Zeroizing;

use crate::replica::layer::Layer;

/// Bytes for the server, overwritten in memory when they were sent.
pub type Response = Zeroizing<Vec<u8>>;

/// The client's side of one exchange.
pub trait Mechanism {
    /// As in the server's list.
    fn name(&self) -> &str;

    /// Whether the password, or what is as good as one, goes over the wire as it is.
    fn sends_password(&self) -> bool {
        false
    }

    /// The response that goes before any challenge; `None` if the server begins.
    ///
    /// # Errors
    /// What is wrong with the credentials.
    fn initial(&mut self) -> Result<Option<Response>, String> {
        Ok(None)
    }

    /// The response to a challenge.
    ///
    /// # Errors
    /// What is wrong with the challenge. It holds nothing secret.
    fn step(&mut self, challenge: &[u8]) -> Result<Response, String>;

    /// Whether the server may call the exchange a success now: it has proved what it must.
    fn is_done(&self) -> bool;

    /// Whether a step failed because others, whom it needs, did not answer in time.
    fn waited_in_vain(&self) -> bool {
        false
    }

    /// The security layer that begins behind the exchange, if it is one with a layer.
    ///
    /// # Errors
    /// What was negotiated cannot be used.
    fn layer(self: Box<Self>) -> Result<Option<Box<dyn Layer>>, String> {
        Ok(None)
    }
}
