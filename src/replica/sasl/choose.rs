//! Chooses the SASL mechanism: the strongest one that the replica offers and that the credentials
//! and the configuration allow. The order of strength is that of libsasl.

use std::sync::atomic::Ordering;

use super::mechanism::Mechanism;
use super::password::{CramMd5, External, Login, LoginMechanism, Plain};
use super::scram::{Binding, Hash, Scram};
use crate::error::{Error, Kind, Result};
use crate::replica::server_capabilities::{ServerCapabilities, Surroundings};
use crate::settings::Credentials;

/// The implementation of a mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    External,
    /// SCRAM with this hash. The flag tells whether it uses channel binding.
    Scram(Hash, bool),
    CramMd5,
    Plain,
    Login,
    /// A plugin of libsasl2.
    #[cfg(feature = "libsasl2")]
    Plugin,
}

/// The mechanisms, strongest first.
const MECHANISMS: [(&str, Way); 13] = [
    ("EXTERNAL", Way::External),
    ("SCRAM-SHA-512-PLUS", Way::Scram(Hash::Sha512, true)),
    ("SCRAM-SHA-384-PLUS", Way::Scram(Hash::Sha384, true)),
    ("SCRAM-SHA-256-PLUS", Way::Scram(Hash::Sha256, true)),
    ("SCRAM-SHA-1-PLUS", Way::Scram(Hash::Sha1, true)),
    ("SCRAM-SHA-512", Way::Scram(Hash::Sha512, false)),
    ("SCRAM-SHA-384", Way::Scram(Hash::Sha384, false)),
    ("SCRAM-SHA-256", Way::Scram(Hash::Sha256, false)),
    ("SCRAM-SHA-224", Way::Scram(Hash::Sha224, false)),
    ("SCRAM-SHA-1", Way::Scram(Hash::Sha1, false)),
    ("CRAM-MD5", Way::CramMd5),
    // The mechanisms from here on send the password itself.
    ("PLAIN", Way::Plain),
    ("LOGIN", Way::Login),
];

/// Plugin mechanisms that rank above all mechanisms implemented here. All other plugins rank below
/// SCRAM and above CRAM-MD5. libsasl ranks its own mechanisms in the same way (`sasl_client_start`
/// in `lib/client.c` of Cyrus SASL).
const STRONG_PLUGINS: [&str; 5] = ["GSSAPI", "GS2-KRB5", "GS2-IAKERB", "GSS-SPNEGO", "SRP"];

/// Returns the offered mechanisms that are implemented here or may be in a plugin, strongest first.
fn candidates(offer: &ServerCapabilities) -> Vec<(&str, Way)> {
    let place = |name: &str| MECHANISMS.iter().position(|(known, _)| *known == name);
    // The second number orders the plugins behind one of the mechanisms of the table.
    let rank = |name: &str| match place(name) {
        Some(at) => (at, 0),
        None => match STRONG_PLUGINS.iter().position(|strong| *strong == name) {
            Some(at) => (place("EXTERNAL").unwrap_or_default(), at + 1),
            None => (place("SCRAM-SHA-1").unwrap_or_default(), 1),
        },
    };
    let mut known: Vec<(&str, Way)> = offer
        .mechanisms
        .iter()
        .filter_map(|name| {
            let own = MECHANISMS.iter().find(|(known, _)| known == name).map(|(_, way)| *way);
            Some((name.as_str(), own.or_else(plugin)?))
        })
        .collect();
    known.sort_by_key(|(name, _)| rank(name));
    known
}

#[cfg(feature = "libsasl2")]
fn plugin() -> Option<Way> {
    Some(Way::Plugin)
}

#[cfg(not(feature = "libsasl2"))]
fn plugin() -> Option<Way> {
    None
}

/// Returns the mechanism to log in with, ready to start.
///
/// # Errors
/// [`Kind::Auth`] if no mechanism can be used. The error gives the reason for each offered
/// mechanism.
pub fn choose(
    offer: &ServerCapabilities,
    surroundings: &Surroundings,
    credentials: &Credentials,
) -> Result<Box<dyn Mechanism>> {
    let mut obstacles: Vec<String> = Vec::new();
    for (name, way) in candidates(offer) {
        if !allowed(name, credentials.mechanisms.as_deref()) {
            continue;
        }
        match prepare(name, way, offer, surroundings, credentials) {
            Ok(mechanism) => return Ok(mechanism),
            Err(_) if surroundings.cancel.load(Ordering::Relaxed) => return Err(cancelled()),
            Err(why) if obstacles.contains(&why) => {}
            Err(why) => obstacles.push(why),
        }
    }
    Err(none_usable(offer, surroundings, credentials, &obstacles))
}

/// Returns whether the configuration allows a mechanism: without a list it allows all. The words of
/// the list consist of letters, digits, `-` and `_` (`intersect_mechlists`).
fn allowed(name: &str, list: Option<&str>) -> bool {
    let is_separator = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
    list.is_none_or(|list| list.split(is_separator).any(|word| word.eq_ignore_ascii_case(name)))
}

/// Prepares a mechanism, or returns the reason why it cannot be used.
fn prepare(
    name: &str,
    way: Way,
    offer: &ServerCapabilities,
    surroundings: &Surroundings,
    credentials: &Credentials,
) -> std::result::Result<Box<dyn Mechanism>, String> {
    let authzid = credentials.sync_authzid.clone().unwrap_or_default();
    if way == Way::External {
        return if surroundings.client_certificate || surroundings.trusted_socket {
            Ok(Box::new(External { authzid }))
        } else {
            Err("EXTERNAL needs a client certificate (tls_client_cert)".into())
        };
    }
    let safe =
        surroundings.encrypted || surroundings.trusted_socket || credentials.sync_allowplaintext;
    #[cfg(feature = "libsasl2")]
    if way == Way::Plugin {
        let plugin = super::plugin::Plugin::begin(name, surroundings, credentials, safe);
        return Ok(Box::new(plugin.map_err(|why| format!("{name} cannot be used: {why}"))?));
    }
    let login = Login {
        authname: credentials.sync_authname.clone().ok_or("sync_authname is not set")?,
        password: credentials.sync_password.clone().ok_or("sync_password is not set")?,
        authzid,
    };
    match way {
        Way::Plain | Way::Login if !safe => {
            Err(format!("{name} would send the password over a connection that is not encrypted"))
        }
        Way::Plain => Ok(Box::new(Plain(login))),
        _ if !login.authzid.is_empty() && matches!(way, Way::Login | Way::CramMd5) => {
            Err(format!("{name} cannot act as another user (sync_authzid)"))
        }
        Way::Login => Ok(Box::new(LoginMechanism::new(login))),
        Way::CramMd5 => Ok(Box::new(CramMd5::new(login))),
        Way::Scram(hash, bound) => {
            let binding = match (channel(surroundings, credentials), bound) {
                (Some((kind, data)), true) => Binding::To(kind, data),
                (None, true) => {
                    return Err(format!(
                        "{name} needs channel binding, which is not possible on this connection"
                    ));
                }
                // `NotOffered` tells the server that the client saw no `-PLUS` mechanism in its
                // list. If the list has one that the configuration excludes, this would be wrong.
                (Some(_), false) if !offers_binding(offer) => Binding::NotOffered,
                _ => Binding::None,
            };
            Ok(Box::new(Scram::new(name, hash, login, binding, Scram::nonce()?)))
        }
        _ => Err(format!("{name} cannot be prepared here")),
    }
}

/// Returns the channel binding data for the exchange. The type of binding is not negotiated, and
/// Cyrus only supports `tls-unique` (`tls_start_servertls` in `imap/tls.c`). With any other type
/// the login fails, so another type is used only if the configuration names a `-PLUS` mechanism.
fn channel(
    surroundings: &Surroundings,
    credentials: &Credentials,
) -> Option<(&'static str, Vec<u8>)> {
    let end_point = || Some(("tls-server-end-point", surroundings.tls_server_end_point.clone()?));
    let asked = credentials.mechanisms.as_deref().is_some_and(|list| list.contains("-PLUS"));
    let found = surroundings.tls_unique_or_exporter.clone().or_else(end_point);
    found.filter(|(kind, _)| asked || *kind == "tls-unique")
}

fn cancelled() -> Error {
    Error::new(Kind::Cancelled, "log in to", "the replica", "asked to stop")
}

fn offers_binding(offer: &ServerCapabilities) -> bool {
    offer.mechanisms.iter().any(|name| name.ends_with("-PLUS"))
}

fn none_usable(
    offer: &ServerCapabilities,
    surroundings: &Surroundings,
    credentials: &Credentials,
    obstacles: &[String],
) -> Error {
    let offered =
        if offer.mechanisms.is_empty() { "none".into() } else { offer.mechanisms.join(" ") };
    let (detail, hint) = match (obstacles, credentials.mechanisms.as_deref()) {
        ([], Some(list)) => (
            format!("the configuration allows only {list}, but the replica offers: {offered}"),
            "change force_sasl_client_mech or <host>_mechs here, or sasl_mech_list on the replica"
                .into(),
        ),
        ([], None) => {
            let known: Vec<&str> = MECHANISMS.iter().map(|(name, _)| *name).collect();
            let hint = if offer.starttls && !surroundings.encrypted {
                "the replica may offer PLAIN only after STARTTLS: see sync_tls here and \
                 allowplaintext on the replica"
                    .to_owned()
            } else {
                format!(
                    "see sasl_mech_list on the replica; this program knows: {}{}",
                    known.join(" "),
                    if cfg!(feature = "libsasl2") {
                        " and the plugins of libsasl2"
                    } else {
                        "; for others build this program with the feature libsasl2"
                    }
                )
            };
            (format!("no mechanism in common, the replica offers: {offered}"), hint)
        }
        (obstacles, _) => (
            format!(
                "no mechanism can be used: {}; the replica offers: {offered}",
                obstacles.join(", ")
            ),
            "set sync_authname and sync_password in imapd.conf, or what else is missing".into(),
        ),
    };
    Error::new(Kind::Auth, "log in to", "the replica", detail).with_hint(hint)
}
