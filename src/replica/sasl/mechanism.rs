//! The interface of a SASL mechanism: the client's side of an exchange, independent of the
//! connection.

use zeroize::Zeroizing;

use crate::replica::layer::Layer;

/// Bytes to send to the server. Their memory is overwritten when they are dropped.
pub type Response = Zeroizing<Vec<u8>>;

/// The client's side of one exchange.
pub trait Mechanism {
    /// Returns the mechanism's name, as in the list that the server offers.
    fn name(&self) -> &str;

    /// Returns whether the password, or a secret that can replace it, is sent without protection.
    fn sends_password(&self) -> bool {
        false
    }

    /// Returns the first response, which is sent before any challenge. Returns `None` if the server
    /// starts.
    ///
    /// # Errors
    /// A description of what is wrong with the credentials.
    fn initial(&mut self) -> Result<Option<Response>, String> {
        Ok(None)
    }

    /// Returns the response to a challenge.
    ///
    /// # Errors
    /// A description of what is wrong with the challenge. It contains no secret.
    fn step(&mut self, challenge: &[u8]) -> Result<Response, String>;

    /// Returns whether the server may end the exchange with success at this point: it has proved
    /// everything that the mechanism requires.
    fn is_done(&self) -> bool;

    /// Returns whether a step failed because another server, such as a Kerberos server, did not
    /// answer in time.
    fn waited_in_vain(&self) -> bool {
        false
    }

    /// Returns the security layer that starts after the exchange, if one was negotiated.
    ///
    /// # Errors
    /// If the negotiated layer cannot be used.
    fn layer(self: Box<Self>) -> Result<Option<Box<dyn Layer>>, String> {
        Ok(None)
    }
}
