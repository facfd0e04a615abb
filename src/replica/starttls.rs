//! Encrypts a connection, and decides whether it may stay in clear text. Clear text is refused if
//! the configuration requires TLS, or if an earlier connection has used TLS. Such a reason is
//! called a promise. An attacker between client and replica can remove the offer of TLS, but not a
//! promise.

use std::net::IpAddr;

use super::connect::{Connect, Greeted};
use super::dialect::{Answer, Dialect};
use super::greet::{capabilities, greeting};
use super::link::Link;
use super::responses::Ending;
use super::stage::Stage;
use super::tls::Setup;
use super::tls::verified::server;
use super::ways::Way;
use crate::error::{Error, Kind, Result, Subject};
use crate::events::ConnectionEvent;
use crate::settings::{Target, TlsMode};

/// The reason why clear text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Promise {
    /// `sync_tls: require` demands TLS.
    Required,
    /// `sync_tls_fingerprint` names the replica's certificate.
    Pinned,
    /// This process has already used TLS with the replica.
    Begun,
    /// An earlier connection used TLS with a verified certificate, on this port or on another port
    /// that is tried. Holds that port.
    Remembered(u16),
}

impl Promise {
    /// Returns the error text for a replica that does not offer STARTTLS.
    fn broken(self) -> &'static str {
        match self {
            Promise::Required => "it does not offer STARTTLS, but sync_tls requires it",
            Promise::Pinned => "it does not offer STARTTLS, but sync_tls_fingerprint requires TLS",
            Promise::Begun => "it offered STARTTLS before and no longer does",
            Promise::Remembered(_) => {
                "it does not offer STARTTLS, although an earlier connection used verified TLS"
            }
        }
    }
}

impl Connect<'_> {
    /// Returns the reason why clear text is refused on the ports of `ways`, or `None` if it is
    /// allowed.
    fn promise(&self, ways: &[Way]) -> Result<Option<Promise>> {
        let tls = &self.settings.tls;
        if tls.sync_tls == TlsMode::Off {
            return Ok(None);
        }
        if tls.sync_tls == TlsMode::Require {
            return Ok(Some(Promise::Required));
        }
        if !tls.sync_tls_fingerprint.is_empty() {
            return Ok(Some(Promise::Pinned));
        }
        if let Some(port) = self.remembered(ways)? {
            return Ok(Some(Promise::Remembered(port)));
        }
        Ok(self.memory.committed.get().then_some(Promise::Begun))
    }

    /// Returns the port of `ways` on which TLS with a verified certificate was used before. All
    /// ports count: an attacker who blocks the port with TLS must not get the password on the next
    /// one.
    fn remembered(&self, ways: &[Way]) -> Result<Option<u16>> {
        let (Some(known), Target::Tcp { host, .. }) = (&self.memory.verified, self.target) else {
            return Ok(None);
        };
        for way in ways {
            if known.contains(host, way.port)? {
                return Ok(Some(way.port));
            }
        }
        Ok(None)
    }

    /// Makes the error for a connection that would stay in clear text.
    fn refuse(&self, port: u16, what: impl Into<String>, promise: Option<Promise>) -> Error {
        // Other ports may be tried, because the same promise applies to them.
        self.refused_clear_text.set(promise.is_some());
        const SERVER_SIDE: &str = "set tls_server_cert and tls_server_key on the replica, and \
                                   allowstarttls: yes if its Cyrus is 3.8.6, 3.10.2, 3.12.1 or later";
        let (known, host) = (&self.memory.verified, self.target.host());
        let hint = match (promise, known) {
            (Some(Promise::Remembered(at)), Some(known)) => format!(
                "this may be an attack on the connection; if the replica has lost its TLS \
                 configuration, {SERVER_SIDE}; to connect without TLS from now on, run: {}",
                known.how_to_forget(&host, at)
            ),
            (Some(Promise::Pinned), _) => format!(
                "this may be an attack on the connection; if not, {SERVER_SIDE}; to connect \
                 without encryption, remove sync_tls_fingerprint from imapd.conf"
            ),
            (Some(Promise::Begun), _) => format!(
                "{SERVER_SIDE}; to connect without TLS from now on, start this program again (send \
                 SIGHUP if it runs with -r or -R)"
            ),
            _ => format!("{SERVER_SIDE}; or set sync_tls: off to connect without encryption"),
        };
        let server = Subject::host(server(&host, port));
        Error::new(Kind::Tls, "encrypt the connection to", server, what).with_hint(hint)
    }

    fn setup(&self, alpn: bool) -> Result<Setup> {
        Setup::new(&self.settings.tls, &self.target.host(), alpn)
    }

    /// Starts TLS without STARTTLS, if the configured name of the server requests it (`/tls`).
    pub(super) fn encrypt_at_once(&self, link: &mut Link, way: Way) -> Result<()> {
        match self.target {
            Target::Tcp { tls: true, .. } => self.encrypt(link, self.setup(way.may_be_imap)?, way),
            _ => Ok(()),
        }
    }

    fn encrypt(&self, link: &mut Link, setup: Setup, way: Way) -> Result<()> {
        self.memory.committed.set();
        let watch = setup.watch();
        let begun = link.start_tls(setup);
        if let Some(shown) = watch.shown() {
            self.reached(|| Stage::Certificate(shown));
        }
        begun?;
        let Some(tls) = link.coding().tls() else { return Ok(()) };
        let (known, host) = (&self.memory.verified, self.target.host());
        let how = tls.describe();
        self.reached(|| Stage::Encrypted { how: how.clone(), trust: watch.trust() });
        self.observer.event(&ConnectionEvent::Encrypted { how, host: host.clone() }.into());
        if let Some(why) = tls.setup().warning() {
            self.observer.event(&ConnectionEvent::CertificateWarning { why }.into());
        }
        if let (Some(known), Some(certificate)) = (known, tls.setup().verified())
            && let Err(error) = known.remember(&host, way.port, Some(certificate))
        {
            self.observer.event(&ConnectionEvent::TlsNotRemembered { host, error }.into());
        }
        Ok(())
    }

    /// Starts TLS with STARTTLS, if the configuration and the replica allow it. `ways` are all
    /// ports that are tried, `way` is the current one.
    pub(super) fn start_tls(&self, greeted: &mut Greeted, way: Way, ways: &[Way]) -> Result<()> {
        let is_unix = matches!(self.target, Target::Unix(_));
        if greeted.link.coding().tls().is_some() {
            return Ok(());
        }
        if is_unix {
            self.reached(|| Stage::Clear { refused: None });
            return Ok(());
        }
        if self.settings.tls.sync_tls == TlsMode::Off {
            self.note_clear_text(ways);
            self.reached(|| Stage::Clear { refused: None });
            return Ok(());
        }
        let promise = self.promise(ways)?;
        if !greeted.offer.starttls || greeted.preauth {
            let Some(promise) = promise else {
                self.reached(|| Stage::Clear { refused: None });
                return Ok(());
            };
            let what = if greeted.preauth {
                "it greets with PREAUTH, after which STARTTLS is not possible"
            } else {
                promise.broken()
            };
            return Err(self.refuse(way.port, what, Some(promise)));
        }
        // Read the certificate files first: if one is unreadable, fail before STARTTLS is sent.
        let setup = self.setup(greeted.tagger.dialect() == Dialect::Imap)?;
        let tag = greeted.tagger.send(&mut greeted.link, "STARTTLS")?;
        match greeted.tagger.answer(&mut greeted.link, tag, &mut |_| ())? {
            Answer::End(Ending::Ok(_)) => {}
            Answer::End(Ending::No(text) | Ending::Bad(text)) if promise.is_none() => {
                let refused = Some(text.clone());
                self.reached(|| Stage::Clear { refused });
                self.observer.event(&ConnectionEvent::StartTlsRefused { text }.into());
                return Ok(());
            }
            other => {
                let text = match other {
                    Answer::End(Ending::No(text) | Ending::Bad(text) | Ending::Bye(text)) => text,
                    _ => "the reply is not complete".to_owned(),
                };
                return Err(self.refuse(way.port, format!("STARTTLS refused: {text}"), promise));
            }
        }
        self.encrypt(&mut greeted.link, setup, way)?;
        self.offered_again(greeted, way)
    }

    /// Reads the capabilities again under TLS, because an attacker could have changed those sent in
    /// clear text.
    fn offered_again(&self, greeted: &mut Greeted, way: Way) -> Result<()> {
        let offered = std::mem::take(&mut greeted.offer);
        greeted.offer = match greeted.tagger.dialect() {
            Dialect::Imap => capabilities(&mut greeted.link, &mut greeted.tagger, greeted.version)?,
            Dialect::Csync => {
                let again = greeting(&mut greeted.link)?;
                greeted.link.reply_ended();
                let offer = again.offer.filter(|_| again.dialect == Dialect::Csync);
                let silent =
                    || self.refuse(way.port, "it sent no greeting after TLS was started", None);
                offer.ok_or_else(silent)?
            }
        };
        // sync_server only offers compression before TLS, but also accepts it under TLS
        // (`dobanner`, `cmd_compress`).
        greeted.offer.deflate |= offered.deflate && greeted.tagger.dialect() == Dialect::Csync;
        Ok(())
    }

    /// Reports that the connection stays in clear text although the server used TLS before. It is
    /// allowed because `sync_tls: off` is an explicit decision of the administrator.
    fn note_clear_text(&self, ways: &[Way]) {
        if let Ok(Some(port)) = self.remembered(ways) {
            let server = server(&self.target.host(), port);
            self.observer.event(&ConnectionEvent::NotEncrypted { server }.into());
        }
    }

    /// Returns whether others on the network can read the bytes that are sent.
    pub(super) fn crosses_in_clear(&self, link: &Link) -> bool {
        let stays_here = link.socket.peer().is_some_and(is_loopback);
        let is_unix = matches!(self.target, Target::Unix(_));
        link.coding().tls().is_none() && !is_unix && !stays_here
    }

    /// Warns that the password crosses the network unprotected.
    pub(super) fn warn_of_clear_password(&self, link: &Link, mechanism: &str) {
        let peer = link.socket.peer();
        let host = self.target.host();
        let address = peer.map(|peer| peer.to_string()).filter(|peer| *peer != host);
        let mechanism = mechanism.to_owned();
        self.observer.event(&ConnectionEvent::ClearPassword { host, address, mechanism }.into());
    }
}

/// Returns whether an address is on this machine. Also recognises IPv4 addresses written as IPv6.
fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_has_several_addresses() {
        for (address, here) in [
            ("127.0.0.1", true),
            ("127.255.0.9", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("192.0.2.1", false),
            ("10.0.0.1", false),
            ("0.0.0.0", false),
            ("::2", false),
            ("fe80::1", false),
            ("::ffff:192.0.2.1", false),
        ] {
            assert_eq!(is_loopback(address.parse().unwrap()), here, "{address}");
        }
    }
}
