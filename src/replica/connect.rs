//! Opens a session: connect, greeting, TLS, login, compression, capabilities (`sync_connect` in
//! `imap/sync_support.c`, `imap/backend.c`).

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::agree::{NOTIFICATIONS_SINCE, agree};
use super::bandwidth::{Limiter, Throttle};
use super::destination::Destination;
use super::dialect::{Answer, Dialect, Tagger};
use super::greet::{Greeting, capabilities, empties_scripts, greeting};
use super::interrupt::Interrupt;
use super::link::Link;
use super::responses::Ending;
use super::sasl;
use super::server_capabilities::{ServerCapabilities, Surroundings};
use super::session::Session;
use super::socket::Dialer;
use super::stage::{Offered, OnStage, Stage};
use super::tls::Memory;
use super::ways::{Way, ways};
use crate::error::{Error, Kind, Peer, Result, Subject};
use crate::events::{ConnectionEvent, Direction, Observer};
use crate::settings::{Connection, DeflateLevel, Target, TlsMode};

impl Session {
    /// Connects to a replica and logs in.
    ///
    /// `interrupt` is called during every wait of the session and can end the wait.
    ///
    /// If no port is configured, tries the port of imapd first and then the port of sync_server.
    ///
    /// # Errors
    /// [`Kind::Config`]; [`Kind::Connect`], [`Kind::Tls`], [`Kind::Auth`] and the other kinds for
    /// connections; [`Kind::Unsupported`] if the replica lacks a required feature;
    /// [`Kind::Cancelled`].
    pub fn connect(
        destination: &Destination,
        observer: Arc<dyn Observer>,
        cancel: Arc<AtomicBool>,
        interrupt: Option<Arc<dyn Interrupt>>,
    ) -> Result<Session> {
        Connect::new(destination, observer, cancel, interrupt, None).by_any_way()
    }
}

/// Connects and logs in like [`Session::connect`], and reports each step to `on_stage`. It sends
/// only the commands of the login: it does not agree on capabilities, and does not send `FORCE`,
/// which makes the replica accept every change.
///
/// # Errors
/// Same as for [`Session::connect`].
pub fn probe(
    destination: &Destination,
    observer: Arc<dyn Observer>,
    cancel: Arc<AtomicBool>,
    on_stage: &OnStage<'_>,
) -> Result<Session> {
    Connect::new(destination, observer, cancel, None, Some(on_stage)).by_any_way()
}

/// Returns whether an error ends the attempts, so that no other port is tried. For example, a
/// refused certificate must not lead to clear text on another port.
fn is_final(error: &Error) -> bool {
    matches!(error.kind(), Kind::Tls | Kind::Config | Kind::Cancelled | Kind::Internal)
}

/// Returns whether to report the error `first` of a port, and not `error` of a later port. The
/// first error after a port accepted a connection is reported. But a server without replication on
/// one port says nothing about the other port, which may work later.
pub(super) fn is_better(first: &Error, error: &Error) -> bool {
    match first.kind() {
        Kind::Connect => false,
        Kind::Unsupported => !error.is_retryable(),
        _ => true,
    }
}

/// A connection that is being established.
pub(super) struct Connect<'c> {
    pub target: &'c Target,
    pub settings: &'c Connection,
    pub memory: &'c Memory,
    limiter: Option<&'c Limiter>,
    pub observer: Arc<dyn Observer>,
    cancel: Arc<AtomicBool>,
    /// Whether the last attempt failed because the connection would have stayed in clear text.
    pub refused_clear_text: Cell<bool>,
    interrupt: Option<Arc<dyn Interrupt>>,
    /// Receives each step, if the caller only tests whether a connection is possible; see
    /// [`probe`].
    on_stage: Option<&'c OnStage<'c>>,
}

/// A connection after the greeting.
pub(super) struct Greeted {
    pub link: Link,
    pub tagger: Tagger,
    pub offer: ServerCapabilities,
    pub preauth: bool,
    pub version: Option<(u32, u32)>,
}

impl<'c> Connect<'c> {
    fn new(
        destination: &'c Destination,
        observer: Arc<dyn Observer>,
        cancel: Arc<AtomicBool>,
        interrupt: Option<Arc<dyn Interrupt>>,
        on_stage: Option<&'c OnStage<'c>>,
    ) -> Connect<'c> {
        let Destination { target, settings, memory, limiter } = destination;
        let refused_clear_text = Cell::default();
        Connect {
            target,
            settings,
            memory,
            limiter: limiter.as_ref(),
            observer,
            cancel,
            refused_clear_text,
            interrupt,
            on_stage,
        }
    }

    /// Connects to the first port that works.
    fn by_any_way(&self) -> Result<Session> {
        let Target::Tcp { port, .. } = self.target else {
            let way = Way { port: 0, may_be_imap: self.settings.sync_try_imap };
            return self.over(way, &[]);
        };
        let named = port.or(self.settings.sync_port);
        let ways = ways(named, self.settings.sync_try_imap)?;
        let mut first: Option<Error> = None;
        for way in &ways {
            match self.over(*way, &ways) {
                Ok(session) => return Ok(session),
                Err(error) if is_final(&error) && !self.refused_clear_text.take() => {
                    return Err(error);
                }
                Err(error) => {
                    let failed =
                        ConnectionEvent::PortFailed { port: way.port, error: error.clone() };
                    self.observer.event(&failed.into());
                    first = Some(match first {
                        Some(first) if is_better(&first, &error) => first,
                        _ => error,
                    });
                }
            }
        }
        let none = || Error::new(Kind::Internal, "connect to", self.target.host(), "no way to try");
        Err(first.unwrap_or_else(none))
    }

    /// Reports a step to the caller of [`probe`].
    pub(super) fn reached(&self, stage: impl FnOnce() -> Stage) {
        if let Some(on_stage) = self.on_stage {
            on_stage(stage());
        }
    }

    /// Connects to the port of `way`. `ways` are all ports that are tried. An error that the
    /// replica caused gets the replica as its peer.
    fn over(&self, way: Way, ways: &[Way]) -> Result<Session> {
        let is_ours =
            |error: &Error| matches!(error.kind(), Kind::Config | Kind::Io | Kind::Internal);
        self.reached(|| Stage::Begun { port: way.port });
        self.dial_and_log_in(way, ways)
            .map_err(|error| if is_ours(&error) { error } else { error.with_peer(self.peer()) })
            .inspect_err(|error| self.reached(|| Stage::Failed(error.clone())))
    }

    fn dial_and_log_in(&self, way: Way, ways: &[Way]) -> Result<Session> {
        let mut link = self.dial(way.port)?;
        self.encrypt_at_once(&mut link, way)?;
        let Greeting { dialect, offer, preauth, version, release } = greeting(&mut link)?;
        link.reply_ended();
        if dialect == Dialect::Imap && !way.may_be_imap {
            let what = "this is an IMAP server, and sync_try_imap is off";
            return Err(Error::new(
                Kind::Unsupported,
                "replicate to",
                Subject::host(self.target.host()),
                what,
            )
            .with_hint("set sync_port to the port of sync_server, or set sync_try_imap: yes"));
        }
        let protocol = dialect.service();
        let empties_scripts = release.as_deref().is_some_and(empties_scripts);
        self.reached(|| Stage::Greeted { protocol, release, version });
        let mut tagger = Tagger::new(dialect);
        let offer = match offer {
            Some(offer) => offer,
            None => capabilities(&mut link, &mut tagger, version)?,
        };
        let mut greeted = Greeted { link, tagger, offer, preauth, version };
        self.start_tls(&mut greeted, way, ways)?;
        self.log_in(&mut greeted)?;
        self.reached(|| Stage::Offered(offered(&greeted.offer)));
        self.compress(&mut greeted)?;
        let is_compressed = greeted.link.coding().is_compressed();
        self.reached(|| Stage::Compressed(is_compressed));
        let Greeted { mut link, tagger, mut offer, .. } = greeted;
        offer.empties_scripts = empties_scripts;
        link.set_timeout(self.settings.sync_timeout, "sync_timeout");
        link.throttle.iter_mut().for_each(Throttle::begin);
        let mut session = Session::new(link, tagger, self.observer.clone());
        if self.on_stage.is_none() {
            agree(&mut session, &offer, self.settings, self.observer.as_ref())?;
        }
        Ok(session)
    }

    fn peer(&self) -> Peer {
        Peer::replica(self.target.host())
    }

    fn dial(&self, port: u16) -> Result<Link> {
        let settings = self.settings;
        let (timeout, bind) = (settings.client_timeout, settings.client_bind.as_deref());
        let mut dialer = Dialer::new(timeout, &self.cancel, bind, self.interrupt.clone());
        let socket = match self.target {
            Target::Tcp { host, .. } => dialer.tcp(host, port)?,
            Target::Unix(path) => dialer.unix(path)?,
        };
        let to = socket.peer().map_or_else(|| self.target.host(), |address| address.to_string());
        self.reached(|| Stage::Connected { to });
        for (option, error) in socket.keep_alive(settings.tcp_keepalive) {
            let why = error.to_string();
            self.observer.event(&ConnectionEvent::OptionFailed { option, why }.into());
        }
        let mut link = Link::new(socket, self.peer(), timeout, self.cancel.clone())?;
        link.set_interrupt(self.interrupt.clone());
        link.throttle = self.limiter.cloned().map(Throttle::new);
        Ok(link)
    }

    fn log_in(&self, greeted: &mut Greeted) -> Result<()> {
        let Greeted { link, tagger, offer, preauth, version } = greeted;
        let is_unix = matches!(self.target, Target::Unix(_));
        // On a UNIX socket, sync_server requires no login and offers no mechanism.
        let trusted = is_unix && offer.mechanisms.is_empty();
        let noauth = matches!(self.target, Target::Tcp { noauth: true, .. });
        if !noauth && !trusted && !*preauth {
            let mut surroundings = self.surroundings(link, is_unix);
            surroundings.service = tagger.dialect().service();
            let credentials = &self.settings.credentials;
            let mechanism = sasl::choose(offer, &surroundings, credentials)?;
            let clear_password = mechanism.sends_password() && self.crosses_in_clear(link);
            if clear_password && self.settings.tls.sync_tls != TlsMode::Off {
                self.warn_of_clear_password(link, mechanism.name());
            }
            let chosen = Some(mechanism.name().to_owned());
            let offered = || offer.mechanisms.clone();
            self.reached(|| Stage::Mechanism { offered: offered(), chosen, clear_password });
            if let Some(layer) = sasl::login(link, tagger, offer, mechanism, credentials)? {
                let (how, host) = (layer.describe(), self.target.host());
                link.start_layer(layer)?;
                self.observer.event(&ConnectionEvent::Layer { how, host }.into());
            }
        } else {
            let offered = || offer.mechanisms.clone();
            let none =
                || Stage::Mechanism { offered: offered(), chosen: None, clear_password: false };
            self.reached(none);
        }
        self.reached(|| Stage::LoggedIn);
        if tagger.dialect() == Dialect::Imap {
            let before = std::mem::replace(offer, capabilities(link, tagger, *version)?);
            if link.coding().has_layer() {
                same_mechanisms(&before, offer)?;
            }
        }
        if offer.replication {
            Ok(())
        } else {
            Err(Error::new(
                Kind::Unsupported,
                "replicate to",
                Subject::host(self.target.host()),
                "this IMAP server has no replication (no capability X-REPLICATION)",
            )
            .with_hint("set sync_port to the port of sync_server, or set sync_try_imap: no"))
        }
    }

    fn surroundings(&self, link: &Link, is_unix: bool) -> Surroundings {
        let tls = link.coding().tls();
        Surroundings {
            service: "",
            host: self.target.host(),
            encrypted: tls.is_some() || is_unix,
            tls_unique_or_exporter: tls.and_then(|tls| tls.exporter()),
            tls_server_end_point: tls.and_then(|tls| tls.end_point()),
            client_certificate: tls.is_some_and(|tls| tls.setup().identity_shown()),
            trusted_socket: is_unix,
            patience: self.settings.client_timeout,
            cancel: self.cancel.clone(),
        }
    }

    fn compress(&self, greeted: &mut Greeted) -> Result<()> {
        let Greeted { link, tagger, offer, .. } = greeted;
        if self.settings.sync_deflate_level != DeflateLevel::Fixed(0) && offer.deflate {
            const COMPRESS: &str = "COMPRESS DEFLATE";
            let tag = tagger.send(link, COMPRESS)?;
            let command = format!("{}{COMPRESS}\r\n", tag.prefix());
            if self.observer.wants_wire() {
                self.observer.wire(Direction::Sent, command.as_bytes());
            }
            match tagger.answer(link, tag, &mut |_| ())? {
                Answer::End(Ending::Ok(_)) => {
                    link.start_deflate(self.settings.sync_deflate_level)?
                }
                _ => self.observer.event(&ConnectionEvent::NotCompressed.into()),
            }
        }
        if self.settings.require_compression && !link.coding().is_compressed() {
            return Err(Error::new(
                Kind::Unsupported,
                "enable compression with",
                "the replica",
                "the replica does not offer it",
            )
            .with_hint("do not use -z, or build the replica's Cyrus with zlib"));
        }
        Ok(())
    }
}

fn offered(offer: &ServerCapabilities) -> Offered {
    Offered {
        deflate: offer.deflate,
        sieve_mailbox: offer.sieve_mailbox,
        archive: offer.archive,
        notifications: offer.version >= Some(NOTIFICATIONS_SINCE),
    }
}

/// Checks that the server offers the same mechanisms under the security layer as before. If they
/// differ, an attacker may have removed the stronger mechanisms (`backend_login` in
/// `imap/backend.c`). imapd sends the list again under the layer; sync_server has no command that
/// requests it.
pub(super) fn same_mechanisms(before: &ServerCapabilities, now: &ServerCapabilities) -> Result<()> {
    if now.mechanisms.is_empty() || now.mechanisms == before.mechanisms {
        return Ok(());
    }
    let list = |offer: &ServerCapabilities| offer.mechanisms.join(" ");
    let detail = format!(
        "it offered the mechanisms {} before the login and {} after it",
        list(before),
        list(now)
    );
    Err(Error::new(Kind::Auth, "trust the login to", "the replica", detail).with_hint(
        "this may be an attack on the connection: name a mechanism by force_sasl_client_mech, or \
         use TLS",
    ))
}
