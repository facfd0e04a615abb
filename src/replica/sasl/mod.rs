//! Logs in with SASL (RFC 4422): chooses a mechanism and runs the exchange (`imap/saslclient.c`,
//! `backend_authenticate` in `imap/backend.c`).
//!
//! No part of an exchange is logged or shown as traffic.

mod choose;
mod mechanism;
mod password;
#[cfg(feature = "libsasl2")]
mod plugin;
mod scram;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zeroize::Zeroizing;

use super::dialect::{Answer, Tagger};
use super::layer::Layer;
use super::lines::send;
use super::link::Link;
use super::responses::Ending;
use super::server_capabilities::ServerCapabilities;
use crate::error::{Error, Kind, Mark, Result};
use crate::limits::SASL_STEPS;
use crate::settings::Credentials;
pub(super) use choose::choose;
use mechanism::Mechanism;

/// Logs in with the [chosen](choose) mechanism. Returns the security layer of the mechanism, if it
/// has one. The layer starts with the next byte in both directions.
///
/// # Errors
/// [`Kind::Auth`] if the replica refuses the login, or if it does not prove that it knows the
/// password although the mechanism requires that proof.
pub(super) fn login(
    link: &mut Link,
    tagger: &mut Tagger,
    offer: &ServerCapabilities,
    mut mechanism: Box<dyn Mechanism>,
    credentials: &Credentials,
) -> Result<Option<Box<dyn Layer>>> {
    let name = mechanism.name().to_owned();
    let mut initial = mechanism.initial().map_err(|why| refused_by_us(&name, &why))?;
    let mut command = Zeroizing::new(format!("AUTHENTICATE {name}"));
    if let Some(response) = initial.take_if(|_| offer.sasl_ir) {
        command.push(' ');
        // An empty response is sent as `=`, to distinguish it from no response.
        command.push_str(if response.is_empty() { "=" } else { "" });
        BASE64.encode_string(&response, &mut command);
    }
    let tag = tagger.send(link, &command)?;
    for _ in 0..SASL_STEPS {
        let challenge = match tagger.answer(link, tag, &mut |_| ())? {
            Answer::Continue(text) => text,
            Answer::End(ending) => return finish(ending, mechanism, credentials),
        };
        let response = match initial.take() {
            Some(response) => Ok(response),
            None => BASE64
                .decode(&challenge)
                .map_err(|_| "its challenge is not base64".to_owned())
                .and_then(|challenge| mechanism.step(&challenge)),
        };
        match response {
            Ok(response) => send(link, &Zeroizing::new(BASE64.encode(response)))?,
            Err(why) => {
                // Cancel the exchange. The text of the reply does not matter.
                send(link, "*")?;
                // If the client is cancelled, the wait for the reply ends at once with that error.
                match tagger.answer(link, tag, &mut |_| ()) {
                    Err(error) if error.kind() == Kind::Cancelled => return Err(error),
                    _ if mechanism.waited_in_vain() => return Err(late(&name, &why)),
                    _ => return Err(refused_by_us(&name, &why)),
                }
            }
        }
    }
    Err(refused_by_us(&name, "the exchange does not end"))
}

fn finish(
    ending: Ending,
    mechanism: Box<dyn Mechanism>,
    credentials: &Credentials,
) -> Result<Option<Box<dyn Layer>>> {
    let name = mechanism.name().to_owned();
    let text = match ending {
        Ending::Ok(_) if mechanism.is_done() => {
            return mechanism.layer().map_err(|why| refused_by_us(&name, &why));
        }
        Ending::Ok(_) => {
            return Err(refused_by_us(&name, "it did not prove that it knows the password"));
        }
        Ending::No(text) | Ending::Bad(text) | Ending::Bye(text) => text,
    };
    let who = credentials.sync_authname.as_deref().unwrap_or("the certificate's user");
    let hint = match name.as_str() {
        "EXTERNAL" => {
            "check that the user of the certificate is among the replica's admins; \
             force_sasl_client_mech chooses another mechanism"
        }
        name if name.starts_with("GS") => {
            "check that the ticket's principal (klist) is among the replica's admins, and see the \
             replica's log; force_sasl_client_mech chooses another mechanism"
        }
        "DIGEST-MD5" => {
            "check sync_authname, sync_password and sync_realm (by default the realm that the \
             replica offers), and that the user is among the replica's admins"
        }
        _ => {
            "check sync_authname and sync_password, and that the user is among the replica's admins"
        }
    };
    let detail = format!("{text} (by {name})");
    let error = Error::new(Kind::Auth, "log in to the replica as", who, detail);
    // imapd writes this text if it has too many connections already.
    if text.contains("Too many open connections") {
        let hint = "see maxlogins_per_user and maxlogins_per_host in the replica's imapd.conf; the \
                    client opens up to sync_jobs connections";
        return Err(error.with_hint(hint).marked(Mark::Passing));
    }
    // libsasl2 writes these texts if the server cannot reach its password database.
    let passing = ["generic failure", "transient failure", "unavailable", "try again"];
    if passing.iter().any(|words| text.contains(words)) {
        let hint = "the replica cannot check passwords at the moment: check that saslauthd, or \
                    what it uses in its place, runs there";
        return Err(error.with_hint(hint).marked(Mark::Passing));
    }
    Err(error.with_hint(hint))
}

/// Makes the error for an exchange that this client ends. The other end may not be the right
/// replica.
fn refused_by_us(mechanism: &str, why: &str) -> Error {
    Error::new(Kind::Auth, "log in with", mechanism, why.to_owned()).with_hint(
        "check sync_host, sync_port and sync_password: this may not be the right replica",
    )
}

/// Makes the error for a mechanism that got no answer in time from other servers, such as Kerberos
/// servers.
fn late(mechanism: &str, why: &str) -> Error {
    Error::new(Kind::Timeout, "log in with", mechanism, why.to_owned()).with_hint(
        "check that the Kerberos servers in krb5.conf can be reached; client_timeout sets how long \
         to wait",
    )
}

/// Passes the lines of `data` to every mechanism as challenges, for fuzzing.
#[cfg(any(test, fuzzing))]
pub(super) fn challenges(data: &[u8]) {
    use scram::{Binding, Hash, Scram};

    // Skip high iteration counts, because a million iterations take a second and reveal no further
    // errors.
    let long = |at: &[u8]| at.iter().take_while(|b| b.is_ascii_digit()).count() > 3;
    if data.windows(8).any(|w| w.strip_prefix(b"i=").is_some_and(long)) {
        return;
    }
    let login = || password::Login {
        authname: "user".into(),
        password: Zeroizing::new("pencil".into()),
        authzid: String::new(),
    };
    let scram =
        |hash| Scram::new("SCRAM", hash, login(), Binding::None, "fyko+d2lbbFgONRv9qkxdawL".into());
    let mut mechanisms: [Box<dyn Mechanism>; 5] = [
        Box::new(scram(Hash::Sha1)),
        Box::new(scram(Hash::Sha512)),
        Box::new(password::CramMd5::new(login())),
        Box::new(password::LoginMechanism::new(login())),
        Box::new(password::Plain(login())),
    ];
    for mechanism in &mut mechanisms {
        let _ = mechanism.initial();
        let mut lines = data.split(|byte| *byte == b'\n');
        while lines.next().is_some_and(|line| mechanism.step(line).is_ok()) {}
    }
}
