//! Checks the steps of a connection, from looking up the replica's name to the login.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use super::attempt::{Attempt, Greeted, Mechanism};
use super::value::{Check, Topic, reported};
use crate::error::{Error, Kind, Result};
use crate::replica::{Shown, Trust};
use crate::settings::{Connection, Target, TlsMode};

/// A certificate that expires in fewer days than this leads to a warning.
const FEW_DAYS: i64 = 30;
const DAY: i64 = 24 * 60 * 60;

/// The steps of a connection, in order.
pub(super) const STEPS: [Topic; 5] =
    [Topic::Connection, Topic::Tls, Topic::Certificate, Topic::Mechanism, Topic::Login];

/// Checks whether the replica's name has an address.
pub(super) fn name(target: &Target, found: Result<Vec<IpAddr>>) -> Check {
    let topic = Topic::Name;
    let Target::Tcp { host, .. } = target else {
        return Check::ok(topic, format!("{} is a socket on this machine", target.host()));
    };
    match found {
        Ok(_) if host.parse::<IpAddr>().is_ok() => {
            Check::ok(topic, format!("{host} is an address"))
        }
        Ok(addresses) => {
            let list: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
            Check::ok(topic, format!("{host} is {}", list.join(", ")))
        }
        Err(error) => Check::failed(topic, &error),
    }
}

/// Returns the step at which an attempt failed, or `None` if it did not fail.
pub(super) fn failed_at(attempt: &Attempt) -> Option<Topic> {
    let error = attempt.error.as_ref()?;
    let in_clear = attempt.encrypted.is_none();
    let is_tls = matches!(error.kind(), Kind::Tls | Kind::Config);
    let is_certificate = attempt.certificate.is_some() && error.op().starts_with("verify");
    Some(if attempt.connected.is_none() {
        Topic::Connection
    } else if is_tls && in_clear && is_certificate {
        Topic::Certificate
    } else if is_tls && in_clear {
        Topic::Tls
    } else if attempt.greeted.is_none() {
        Topic::Connection
    } else if in_clear && attempt.clear.is_none() {
        Topic::Tls
    } else if attempt.mechanism.is_none() {
        Topic::Mechanism
    } else if !attempt.logged_in {
        Topic::Login
    } else if error.kind() == Kind::Unsupported {
        Topic::Admin
    } else if attempt.offered.is_none() {
        Topic::Login
    } else {
        Topic::Compression
    })
}

/// Returns the result for one of [`STEPS`]. `others` are the failed attempts on other ports. The
/// result is `Skipped` if the attempt did not reach this step.
pub(super) fn step(
    topic: Topic,
    settings: &Connection,
    (attempt, others): (&Attempt, &[Attempt]),
) -> Check {
    let failed_at = failed_at(attempt);
    if let (true, Some(error)) = (failed_at == Some(topic), &attempt.error) {
        return match topic {
            Topic::Connection => not_connected(error, others),
            _ => Check::failed(topic, error),
        };
    }
    let reached = match topic {
        Topic::Connection => connected(attempt, others),
        Topic::Tls => tls(attempt, settings),
        Topic::Certificate => certificate(attempt),
        Topic::Mechanism => attempt.mechanism.as_ref().map(mechanism),
        _ => login(attempt, settings),
    };
    reached.unwrap_or_else(|| {
        let why = match failed_at {
            Some(Topic::Certificate) => "the certificate was refused".to_owned(),
            Some(at) => format!("not reached, because an earlier check failed: {}", at.name()),
            None => "not reached".to_owned(),
        };
        Check::skipped(topic, why)
    })
}

fn not_connected(error: &Error, others: &[Attempt]) -> Check {
    let others = others.iter().filter_map(|other| other.error.as_ref());
    let all: Vec<String> = std::iter::once(error).chain(others).map(reported).collect();
    Check::fail(Topic::Connection, all.join(", "), error.hint())
}

fn connected(attempt: &Attempt, others: &[Attempt]) -> Option<Check> {
    let to = attempt.connected.as_ref()?;
    let place = if attempt.port == 0 { to.clone() } else { format!("{to} port {}", attempt.port) };
    // There is no greeting yet if the connection begins with TLS and the certificate was refused.
    let who = match &attempt.greeted {
        Some(Greeted { protocol: "imap", .. }) => "imapd",
        Some(_) => "sync_server",
        None => "a server that answers",
    };
    let mut detail = format!("{place}, {who}");
    for other in others {
        if let Some(error) = &other.error {
            detail.push_str(&format!(
                "; port {} could not be used: {}",
                other.port,
                error.detail()
            ));
        }
    }
    Some(Check::ok(Topic::Connection, detail))
}

fn tls(attempt: &Attempt, settings: &Connection) -> Option<Check> {
    let topic = Topic::Tls;
    if let Some((how, _)) = &attempt.encrypted {
        return Some(Check::ok(topic, how.as_str()));
    }
    let refused = attempt.clear.as_ref()?;
    let (why, hint) = match (settings.tls.sync_tls, refused) {
        (TlsMode::Off, _) => {
            ("sync_tls is off".to_owned(), "set sync_tls: try, or require, in imapd.conf")
        }
        (_, Some(text)) => (
            format!("the replica refused STARTTLS: {text}"),
            "see the replica's log; set sync_tls: require to send no mail without TLS",
        ),
        (_, None) => (
            "the replica does not offer STARTTLS".to_owned(),
            "set tls_server_cert and tls_server_key on the replica, and allowstarttls: yes if its \
             Cyrus is 3.8.6, 3.10.2, 3.12.1 or later",
        ),
    };
    Some(if attempt.port == 0 {
        Check::ok(topic, "not needed on a UNIX socket")
    } else if stays_here(attempt) {
        Check::ok(topic, format!("no TLS, but no mail leaves this machine: {why}"))
    } else {
        Check::warn(topic, format!("no TLS, all mail crosses the network in clear: {why}"), hint)
    })
}

fn stays_here(attempt: &Attempt) -> bool {
    let address = attempt.connected.as_ref().and_then(|to| to.parse::<IpAddr>().ok());
    address.is_some_and(|address| address.to_canonical().is_loopback())
}

fn certificate(attempt: &Attempt) -> Option<Check> {
    let topic = Topic::Certificate;
    if attempt.encrypted.is_none() && attempt.clear.is_some() {
        return Some(Check::skipped(topic, "the connection is not encrypted"));
    }
    let ((_, trust), shown) = (attempt.encrypted.as_ref()?, attempt.certificate?);
    Some(trusted(*trust, shown, now()))
}

fn trusted(trust: Trust, shown: Shown, now: i64) -> Check {
    let topic = Topic::Certificate;
    let left = shown.until.map(|until| until.saturating_sub(now).div_euclid(DAY));
    let until = match left {
        None => "its expiry date cannot be read".to_owned(),
        Some(1) => "1 day left".to_owned(),
        Some(days @ 0..) => format!("{days} days left"),
        Some(-2) => "it expired 1 day ago".to_owned(),
        Some(days) => format!("it expired {} days ago", -days - 1),
    };
    let unverified = |why: &str| {
        let hint = format!(
            "set tls_server_ca_file or tls_server_ca_dir; or, to accept only this certificate, set \
             sync_tls_fingerprint: {}",
            shown.fingerprint
        );
        Check::warn(topic, format!("not verified, {why}; {until}"), hint)
    };
    match trust {
        Trust::Verified if left.is_some_and(|days| days < FEW_DAYS) => Check::warn(
            topic,
            format!("verified; {until}"),
            "renew it on the replica: after it expires, no connection can be made",
        ),
        Trust::Verified => Check::ok(topic, format!("verified; {until}")),
        Trust::Pinned => {
            let detail = "its fingerprint is in sync_tls_fingerprint, so nothing else is checked; ";
            Check::ok(topic, detail.to_owned() + &until)
        }
        Trust::Off => unverified("sync_tls_verify is off"),
        Trust::Nothing => {
            unverified("imapd.conf names no authorities to verify the certificate with")
        }
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(since).unwrap_or(i64::MAX)
}

fn mechanism(found: &Mechanism) -> Check {
    let topic = Topic::Mechanism;
    let Some(chosen) = &found.chosen else {
        return Check::ok(topic, "not needed: the replica trusts this connection");
    };
    let detail = format!("{chosen}, of {}", found.offered.join(" "));
    if found.clear_password {
        Check::warn(
            topic,
            format!("{detail}; the password crosses the network in clear"),
            "set sync_tls: require; or set sync_allowplaintext: no if the replica offers SCRAM",
        )
    } else {
        Check::ok(topic, detail)
    }
}

fn login(attempt: &Attempt, settings: &Connection) -> Option<Check> {
    let mechanism = attempt.mechanism.as_ref().filter(|_| attempt.logged_in)?;
    let credentials = &settings.credentials;
    let who = match (&mechanism.chosen, &credentials.sync_authname) {
        (None, _) => "not needed".to_owned(),
        (Some(_), Some(name)) => format!("accepted as {name}"),
        (Some(_), None) => "accepted".to_owned(),
    };
    let acting = credentials.sync_authzid.as_ref().map(|name| format!(", acting as {name}"));
    Some(Check::ok(Topic::Login, who + &acting.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::value::Grade;
    use crate::settings::Fingerprint;

    #[test]
    fn certificates_are_measured_in_days() {
        let shown = |until| Shown { fingerprint: Fingerprint::of(b"it"), until };
        for (trust, until, verdict, words) in [
            (Trust::Verified, Some(31 * DAY), Grade::Ok, "verified; 31 days left"),
            (Trust::Verified, Some(30 * DAY), Grade::Ok, "30 days left"),
            (Trust::Verified, Some(30 * DAY - 1), Grade::Warn, "29 days left"),
            (Trust::Verified, None, Grade::Ok, "cannot be read"),
            (Trust::Pinned, Some(-DAY), Grade::Ok, "it expired 0 days ago"),
            (Trust::Off, Some(DAY), Grade::Warn, "sync_tls_verify is off; 1 day left"),
            (Trust::Nothing, Some(-3 * DAY), Grade::Warn, "names no authorities"),
        ] {
            let check = trusted(trust, shown(until), 0);
            assert_eq!(check.verdict, verdict, "{check}");
            assert!(check.detail.contains(words), "{check}");
        }
    }

    #[test]
    fn clear_text_on_a_network_is_a_warning() {
        let mut settings = crate::settings::tests::of("").connection;
        let clear = |refused| Attempt {
            port: 2005,
            connected: Some("192.0.2.1".to_owned()),
            clear: Some(refused),
            ..Attempt::default()
        };
        let check = |attempt: Attempt, settings: &Connection| tls(&attempt, settings).unwrap();
        for (refused, words) in [(None, "does not offer"), (Some("later".to_owned()), "later")] {
            let check = check(clear(refused), &settings);
            assert_eq!(check.verdict, Grade::Warn, "{check}");
            assert!(check.detail.contains(words) && !check.hint.is_empty(), "{check}");
        }
        settings.tls.sync_tls = TlsMode::Off;
        assert_eq!(check(clear(None), &settings).verdict, Grade::Warn);
        let here = Attempt { connected: Some("::1".to_owned()), ..clear(None) };
        assert_eq!(check(here, &settings).verdict, Grade::Ok);

        let chosen = |clear_password| Mechanism {
            offered: vec!["PLAIN".to_owned()],
            chosen: Some("PLAIN".to_owned()),
            clear_password,
        };
        assert_eq!(mechanism(&chosen(true)).verdict, Grade::Warn);
        assert_eq!(mechanism(&chosen(false)).verdict, Grade::Ok);
    }

    #[test]
    fn the_failed_step_is_derived_from_the_completed_ones() {
        let error = |kind, op: &'static str| Some(Error::new(kind, op, "a", "b"));
        let mut attempt =
            Attempt { error: error(Kind::Connect, "connect to"), ..Attempt::default() };
        assert_eq!(failed_at(&attempt), Some(Topic::Connection));
        attempt.connected = Some("192.0.2.1".to_owned());
        attempt.error = error(Kind::Timeout, "read greeting of");
        assert_eq!(failed_at(&attempt), Some(Topic::Connection));
        attempt.greeted = Some(Greeted { protocol: "csync", release: None, version: None });
        attempt.error = error(Kind::Tls, "encrypt the connection to");
        assert_eq!(failed_at(&attempt), Some(Topic::Tls));
        attempt.certificate = Some(Shown { fingerprint: Fingerprint::of(b"it"), until: None });
        attempt.error = error(Kind::Tls, "verify the certificate of");
        assert_eq!(failed_at(&attempt), Some(Topic::Certificate));
        attempt.encrypted = Some(("TLSv1.3".to_owned(), Trust::Verified));
        attempt.error = error(Kind::Auth, "log in to");
        assert_eq!(failed_at(&attempt), Some(Topic::Mechanism));
        attempt.mechanism =
            Some(Mechanism { offered: Vec::new(), chosen: None, clear_password: false });
        assert_eq!(failed_at(&attempt), Some(Topic::Login));
        attempt.logged_in = true;
        attempt.error = error(Kind::Unsupported, "replicate to");
        assert_eq!(failed_at(&attempt), Some(Topic::Admin));
        attempt.error = None;
        assert_eq!(failed_at(&attempt), None);
    }
}
