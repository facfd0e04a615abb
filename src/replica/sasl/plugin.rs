//! Mechanisms of the platform's libsasl2: GSSAPI, DIGEST-MD5, and others for which plugins are
//! installed.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::mechanism::{Mechanism, Response};
use crate::error::{Error, Kind, Result};
use crate::replica::aside::{Left, aside};
use crate::replica::layer::Layer;
use crate::replica::patience::TICK;
use crate::replica::server_capabilities::Surroundings;
use crate::settings::Credentials;
use crate::sys::sasl2::{Exchange, Peer, Progress, Turn, Who};

type Told<T> = std::result::Result<T, String>;

/// Plugin mechanisms that send a token, which can replace a password. Mechanisms that send the
/// password itself are implemented here, without a plugin.
const BEARERS: [&str; 2] = ["OAUTHBEARER", "XOAUTH2"];

/// An exchange by a plugin.
pub struct Plugin {
    name: String,
    state: State,
    initial: Option<Response>,
    limits: Limits,
}

enum State {
    /// The exchange continues.
    Going(Exchange),
    /// The client has sent its last response.
    Done(Exchange),
    /// The exchange has failed, or an abandoned thread is still waiting for it.
    Over { late: bool },
}

impl Plugin {
    /// Starts an exchange. This sends nothing to the replica, but a plugin may request a ticket
    /// from a Kerberos server.
    ///
    /// # Errors
    /// The reason, for example no plugin, no password, no ticket, or no answer in time.
    pub fn begin(
        name: &str,
        surroundings: &Surroundings,
        credentials: &Credentials,
        plaintext: bool,
    ) -> Told<Plugin> {
        let peer = Peer {
            service: surroundings.service,
            host: surroundings.host.clone(),
            encrypted: surroundings.encrypted && !surroundings.trusted_socket,
            plaintext,
        };
        let who = Who {
            authname: credentials.sync_authname.clone(),
            password: credentials.sync_password.clone(),
            realm: credentials.sync_realm.clone(),
            authzid: credentials.sync_authzid.clone().unwrap_or_default(),
        };
        let limits =
            Limits { patience: surroundings.patience, cancel: surroundings.cancel.clone() };
        let mechanism = name.to_owned();
        // With DIGEST-MD5, a first response before any challenge would be a second login with an
        // old nonce. Only the server process that made this nonce knows it, and that process has
        // exited.
        let initial = name != "DIGEST-MD5";
        let begin = move |turn: &Turn| {
            let mut exchange = Exchange::new(turn, &peer, &who)?;
            let (initial, progress) = exchange.start(turn, &mechanism, initial)?;
            Ok((exchange, initial, progress))
        };
        let begun = limits.within_turn(begin).map_err(Failure::into_text)?;
        let (exchange, initial, progress) = begun;
        let state = State::after(exchange, progress);
        Ok(Plugin { name: name.to_owned(), state, initial, limits })
    }
}

impl State {
    fn after(exchange: Exchange, progress: Progress) -> State {
        match progress {
            Progress::Continue => State::Going(exchange),
            Progress::Done => State::Done(exchange),
        }
    }
}

/// Time limit for calls of libsasl2, which may wait for Kerberos servers, and a flag that ends the
/// wait.
struct Limits {
    patience: Duration,
    cancel: Arc<AtomicBool>,
}

struct Failure {
    why: String,
    late: bool,
}

impl Failure {
    fn into_text(self) -> String {
        self.why
    }
}

impl From<String> for Failure {
    fn from(why: String) -> Failure {
        Failure { why, late: false }
    }
}

impl Limits {
    /// Calls libsasl2. Only one thread of the process may call it at a time: the one that holds the
    /// [`Turn`]. The call runs on a thread that can be abandoned. Such a thread holds the turn, and
    /// the data it works on, until the library returns.
    fn within_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Turn) -> Told<T> + Send + 'static,
    ) -> std::result::Result<T, Failure> {
        let turn = self.turn()?;
        let work = move || {
            let result = work(&turn);
            drop(turn);
            result
        };
        match aside("cyrsync-sasl", self.patience, &self.cancel, work) {
            Ok(result) => Ok(result?),
            Err(Left::Ended(())) => Err("asked to stop".to_owned().into()),
            Err(Left::Failed(error)) => Err(error.to_string().into()),
            Err(Left::Late) => {
                let why = format!(
                    "no answer for {} seconds (client_timeout) from other servers, such as \
                     Kerberos servers",
                    self.patience.as_secs()
                );
                Err(Failure { why, late: true })
            }
        }
    }

    /// Waits for the turn, with a time limit, because the thread that holds it may block forever.
    fn turn(&self) -> std::result::Result<Turn, Failure> {
        let begun = Instant::now();
        loop {
            if let Some(turn) = Turn::take(TICK.min(self.patience)) {
                return Ok(turn);
            }
            if self.cancel.load(Ordering::Relaxed) {
                return Err("asked to stop".to_owned().into());
            }
            if begun.elapsed() >= self.patience {
                let why = "an earlier login of this process still waits for other servers, such as \
                           Kerberos servers, and only one login can run at a time";
                return Err(Failure { why: why.to_owned(), late: true });
            }
        }
    }
}

impl Mechanism for Plugin {
    fn name(&self) -> &str {
        &self.name
    }

    fn sends_password(&self) -> bool {
        BEARERS.contains(&self.name.as_str())
    }

    fn initial(&mut self) -> Told<Option<Response>> {
        Ok(self.initial.take())
    }

    fn step(&mut self, challenge: &[u8]) -> Told<Response> {
        let mut exchange = match mem::replace(&mut self.state, State::Over { late: false }) {
            State::Going(exchange) => exchange,
            // An empty challenge only requests the end of the exchange.
            State::Done(exchange) if challenge.is_empty() => {
                self.state = State::Done(exchange);
                return Ok(Response::default());
            }
            State::Done(_) | State::Over { .. } => {
                return Err(format!("it continues after the last step of {}", self.name));
            }
        };
        let challenge = challenge.to_vec();
        let step = move |turn: &Turn| {
            let (response, progress) = exchange.step(turn, &challenge)?;
            Ok((exchange, response, progress))
        };
        let (exchange, response, progress) = self.limits.within_turn(step).map_err(|failure| {
            self.state = State::Over { late: failure.late };
            failure.why
        })?;
        self.state = State::after(exchange, progress);
        Ok(response)
    }

    fn is_done(&self) -> bool {
        matches!(self.state, State::Done(_))
    }

    fn waited_in_vain(&self) -> bool {
        matches!(self.state, State::Over { late: true })
    }

    fn layer(self: Box<Self>) -> Told<Option<Box<dyn Layer>>> {
        let Plugin { name, state: State::Done(mut exchange), .. } = *self else {
            return Err("the exchange has not ended".into());
        };
        let Some((bits, most)) = exchange.layer()? else { return Ok(None) };
        Ok(Some(Box::new(Protection { name, exchange, bits, most })))
    }
}

/// The security layer that an exchange has negotiated.
struct Protection {
    name: String,
    exchange: Exchange,
    /// Its strength in bits. 1 means that it detects changes, but does not encrypt.
    bits: u32,
    /// The maximum size of a packet that the peer accepts.
    most: usize,
}

impl Protection {
    fn error(&self, op: &'static str, why: String) -> Error {
        let detail = format!("the security layer of {}: {why}", self.name);
        Error::new(Kind::Protocol, op, "the replica", detail)
            .with_hint("this may be an attack on the connection; see the replica's log")
    }
}

impl Layer for Protection {
    fn describe(&self) -> String {
        format!("security layer of {} ({} bits)", self.name, self.bits)
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(patience: Duration, cancel: bool) -> Told<Plugin> {
        let cancel = Arc::new(AtomicBool::new(cancel));
        let service = "csync";
        let host = "localhost".to_owned();
        let surroundings = Surroundings { service, host, patience, cancel, ..Default::default() };
        let credentials = Credentials {
            sync_authname: Some("repl".to_owned()),
            sync_password: Some("secret".to_owned().into()),
            ..Default::default()
        };
        Plugin::begin("DIGEST-MD5", &surroundings, &credentials, false)
    }

    #[test]
    fn a_login_that_does_not_end_keeps_others_from_theirs_in_so_many_words() {
        let long = Duration::from_secs(60);
        let turn = Turn::take(long).expect("others take a moment");
        let why = begin(Duration::ZERO, false).err().unwrap();
        assert!(why.contains("an earlier login of this process"), "{why}");
        assert_eq!(begin(long, true).err().unwrap(), "asked to stop");
        drop(turn);
        assert!(!begin(long, false).unwrap().is_done());
    }

    #[test]
    fn a_step_that_waits_is_left_behind_and_frees_what_it_has_when_it_returns() {
        let limits = |patience| Limits { patience, cancel: Arc::default() };
        let (release, held) = std::sync::mpsc::channel::<()>();
        let waits = move |_: &Turn| Ok(held.recv().is_ok());
        // Other tests of the same process may take the turn first, so wait for some time.
        let failure = limits(Duration::from_secs(2)).within_turn(waits).unwrap_err();
        assert!(failure.late && failure.why.contains("client_timeout"), "{}", failure.why);
        drop(release);
        let next = limits(Duration::from_secs(60)).within_turn(|_| Ok(7));
        assert!(next.is_ok_and(|seven| seven == 7));
    }
}
