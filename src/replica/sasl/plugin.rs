//! Mechanisms of the platform's libsasl2: GSSAPI, DIGEST-MD5, and whatever else the site has
//! plugins for.

use super::Credentials;
use super::mechanism::{Mechanism, Response};
use crate::error::{Error, Kind, Result};
use crate::replica::layer::Layer;
use crate::replica::offer::Surroundings;
use crate::sys::sasl2::{Exchange, Peer, Progress, Who};

/// An exchange that a plugin makes.
pub struct Plugin {
    name: String,
    exchange: Exchange,
    initial: Option<Response>,
    done: bool,
}

impl Plugin {
    /// Begins an exchange; nothing is sent yet, but a Kerberos server may be asked for a ticket.
    ///
    /// # Errors
    /// Why it cannot: no plugin, no password, no ticket.
    pub fn begin(
        name: &str,
        surroundings: &Surroundings,
        credentials: &Credentials,
        plaintext: bool,
    ) -> std::result::Result<Plugin, String> {
        let peer = Peer {
            service: surroundings.service,
            host: &surroundings.host,
            encrypted: surroundings.encrypted && !surroundings.trusted_socket,
            plaintext,
        };
        let who = Who {
            authname: credentials.authname.as_deref(),
            password: credentials.password.as_ref().map(|password| password.as_str()),
            realm: credentials.realm.as_deref(),
            authzid: credentials.authzid.as_deref().unwrap_or_default(),
        };
        let explain = |why: String| format!("{name} cannot be used: {why}");
        let mut exchange = Exchange::new(&peer, &who).map_err(explain)?;
        // Of DIGEST-MD5 an initial response is a second login with an old nonce: the server's half
        // of it is a process that is gone.
        let (initial, progress) = exchange.start(name, name != "DIGEST-MD5").map_err(explain)?;
        let done = progress == Progress::Done;
        Ok(Plugin { name: name.to_owned(), exchange, initial, done })
    }
}

impl Mechanism for Plugin {
    fn name(&self) -> &str {
        &self.name
    }

    fn initial(&mut self) -> std::result::Result<Option<Response>, String> {
        Ok(self.initial.take())
    }

    fn step(&mut self, challenge: &[u8]) -> std::result::Result<Response, String> {
        if self.done {
            return match challenge {
                // Asks for the end of it.
                [] => Ok(Response::default()),
                _ => Err(format!("it asks for more than {} has", self.name)),
            };
        }
        let (response, progress) = self.exchange.step(challenge)?;
        self.done = progress == Progress::Done;
        Ok(response)
    }

    fn is_done(&self) -> bool {
        self.done
    }

    fn layer(self: Box<Self>) -> std::result::Result<Option<Box<dyn Layer>>, String> {
        let Plugin { name, mut exchange, .. } = *self;
        let layer = exchange.layer()?;
        Ok(layer.map(|most| -> Box<dyn Layer> { Box::new(Protection { name, exchange, most }) }))
    }
}

/// The layer that an exchange left.
struct Protection {
    name: String,
    exchange: Exchange,
    /// Bytes of a packet that the peer takes.
    most: usize,
}

impl Protection {
    fn error(&self, op: &'static str, why: String) -> Error {
        let detail = format!("the security layer of {}: {why}", self.name);
        Error::new(Kind::Protocol, op, "the replica", detail)
            .hint("is somebody meddling with the connection? the replica's log may say more")
    }
}

impl Layer for Protection {
    fn wrap(&mut self, clear: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut parts = clear.chunks(self.most);
        let wrapped = parts.try_for_each(|part| self.exchange.encode(part, out));
        wrapped.map_err(|why| self.error("write to", why))
    }

    fn unwrap(&mut self, bytes: &[u8], clear: &mut Vec<u8>) -> Result<()> {
        let unwrapped = self.exchange.decode(bytes, clear);
        unwrapped.map_err(|why| self.error("read from", why))
    }
}
