//! Reads greetings and capabilities, to find out which server this is and what it supports. A
//! sync_server sends its capabilities first, one per line, and then `* OK`. An imapd starts with `*
//! OK` or `* PREAUTH` (`dobanner` in `imap/sync_server.c`, `cmdloop` in `imap/imapd.c`). So a
//! single connection is enough to tell them apart.

use super::dialect::{Answer, Dialect, Tagger};
use super::lines::read_line;
use super::link::Link;
use super::responses::{Ending, ending};
use super::server_capabilities::ServerCapabilities;
use crate::error::{Error, Kind, Result};

/// Maximum number of lines of a greeting. Real greetings have about six.
const GREETING_LINES: usize = 64;
/// Maximum number of SASL mechanisms that are stored. A Cyrus with all plugins has about 15.
const MECHANISMS: usize = 64;
/// Maximum length of a version string that is stored.
const RELEASE: usize = 64;

/// The contents of a greeting.
#[derive(Debug)]
pub(super) struct Greeting {
    pub dialect: Dialect,
    /// The capabilities; `None` if the greeting of an imapd does not contain them.
    pub offer: Option<ServerCapabilities>,
    /// Whether the imapd requires no login (`PREAUTH`).
    pub preauth: bool,
    /// Major and minor version of the server, if it sends a version.
    pub version: Option<(u32, u32)>,
    /// The version as the server writes it.
    pub release: Option<String>,
}

/// Reads the greeting of a server.
///
/// # Errors
/// [`Kind::Connect`] if the server refuses the connection; [`Kind::Protocol`] if it is not a Cyrus
/// server.
pub(super) fn greeting(link: &mut Link) -> Result<Greeting> {
    let mut offer =
        ServerCapabilities { sasl_ir: true, replication: true, ..ServerCapabilities::default() };
    for number in 0..GREETING_LINES {
        let line = read_line(link).map_err(|e| silent(e, link))?;
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        let Some(rest) = line.strip_prefix("* ") else { return Err(not_cyrus(line)) };
        let preauth = rest.starts_with("PREAUTH");
        match ending(rest.as_bytes()) {
            Some(Ending::No(text) | Ending::Bad(text) | Ending::Bye(text)) => {
                return Err(Error::new(Kind::Connect, "connect to", "the replica", text)
                    .with_hint("the replica refused the connection; see its log"));
            }
            Some(Ending::Ok(_)) if number > 0 || rest.contains(" Cyrus sync server ") => {
                let version = version(rest);
                offer.version = version;
                let (dialect, offer, release) = (Dialect::Csync, Some(offer), release(rest));
                return Ok(Greeting { dialect, offer, preauth: false, version, release });
            }
            ended if ended.is_some() || (preauth && number == 0) => {
                let (dialect, version) = (Dialect::Imap, version(rest));
                let offer = capability_code(rest).map(|text| imap_offer(text, version));
                let release = release(rest);
                return Ok(Greeting { dialect, offer, preauth, version, release });
            }
            _ => csync_capability(&mut offer, rest),
        }
    }
    Err(not_cyrus("the greeting does not end"))
}

/// Requests the capabilities of an imapd.
pub(super) fn capabilities(
    link: &mut Link,
    tagger: &mut Tagger,
    version: Option<(u32, u32)>,
) -> Result<ServerCapabilities> {
    let tag = tagger.send(link, "CAPABILITY")?;
    let mut offer = None;
    let mut take = |line: &[u8]| {
        let line = String::from_utf8_lossy(line);
        if let Some(text) = line.trim_end().strip_prefix("CAPABILITY ") {
            offer = Some(imap_offer(text, version));
        }
    };
    match tagger.answer(link, tag, &mut take)? {
        Answer::End(Ending::Ok(_)) => {}
        _ => return Err(not_cyrus("it did not report its capabilities")),
    }
    offer.ok_or_else(|| not_cyrus("it did not report its capabilities"))
}

fn csync_capability(offer: &mut ServerCapabilities, line: &str) {
    let mut words = line.split_whitespace();
    match words.next() {
        Some("SASL") => add_mechanisms(offer, words),
        Some("STARTTLS") => offer.starttls = true,
        Some("COMPRESS") => offer.deflate = words.any(|w| w == "DEFLATE"),
        Some("SIEVE-MAILBOX") => offer.sieve_mailbox = true,
        Some("REPLICATION-ARCHIVE") => offer.archive = true,
        _ => {}
    }
}

fn add_mechanisms<'w>(offer: &mut ServerCapabilities, words: impl Iterator<Item = &'w str>) {
    let room = MECHANISMS.saturating_sub(offer.mechanisms.len());
    offer.mechanisms.extend(words.take(room).map(str::to_ascii_uppercase));
}

/// Parses a list like `IMAP4rev1 AUTH=PLAIN SASL-IR ...` (`capa_response` in `imap/imapd.c`).
fn imap_offer(text: &str, version: Option<(u32, u32)>) -> ServerCapabilities {
    let mut offer = ServerCapabilities { version, ..ServerCapabilities::default() };
    let (mut in_progress, mut batches) = (false, false);
    for word in text.split_whitespace().map(str::to_ascii_uppercase) {
        match word.as_str() {
            "STARTTLS" => offer.starttls = true,
            "SASL-IR" => offer.sasl_ir = true,
            "COMPRESS=DEFLATE" => offer.deflate = true,
            "X-REPLICATION" => offer.replication = true,
            "X-SIEVE-MAILBOX" => offer.sieve_mailbox = true,
            "X-REPLICATION-ARCHIVE" => offer.archive = true,
            "INPROGRESS" => in_progress = true,
            "UIDBATCHES" => batches = true,
            other => {
                if let Some(mechanism) = other.strip_prefix("AUTH=") {
                    add_mechanisms(&mut offer, std::iter::once(mechanism));
                }
            }
        }
    }
    // With `serverinfo: min` or `off` imapd sends no version. These capabilities show the least
    // possible version: Cyrus 3.13.1, 3.12 and 3.8 added them.
    let at_least = [(batches, (3, 13)), (in_progress, (3, 12)), (offer.archive, (3, 8))]
        .into_iter()
        .find_map(|(has, version)| has.then_some(version));
    offer.version = offer.version.or(at_least);
    offer
}

/// Returns the text between `[CAPABILITY ` and `]`.
fn capability_code(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("[CAPABILITY ")?;
    rest.split_once(']').map(|(text, _)| text)
}

/// Parses major and minor version from `OK host Cyrus sync server 3.6.1-4` or `OK [...] host Cyrus
/// IMAP 3.6.1-4 server ready` (with `serverinfo: on`, the default).
fn version(line: &str) -> Option<(u32, u32)> {
    let version = release(line)?;
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Returns the version as the server writes it, for example `3.6.1-4`.
fn release(line: &str) -> Option<String> {
    let known = [" Cyrus sync server ", " Cyrus IMAP "];
    let (_, version) = known.iter().find_map(|words| line.split_once(words))?;
    let word = version.split_whitespace().next()?;
    Some(word.chars().filter(|c| !c.is_control()).take(RELEASE).collect())
}

/// Returns whether a server of this release empties a Sieve script that it receives a second time
/// (`sync_sieve_upload`). Cyrus 3.6.0 to 3.8.3 does, but not Debian's 3.6.1.
pub(super) fn empties_scripts(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|n| n.parse().ok());
    let mut number = || numbers.next().unwrap_or(0_u32);
    let version = (number(), number(), number());
    ((3, 6, 0)..(3, 8, 4)).contains(&version) && !release.contains("-Debian-")
}

/// Adds a hint to a timeout: a server that waits for a TLS handshake sends no greeting.
fn silent(error: Error, link: &Link) -> Error {
    if error.kind() != Kind::Timeout || link.coding().tls().is_some() {
        return error;
    }
    Error::new(Kind::Timeout, "read greeting of", "the replica", error.detail()).with_hint(
        "if this port expects TLS at once, write host:port/tls; if the replica is slow, raise \
         client_timeout",
    )
}

fn not_cyrus(line: &str) -> Error {
    let line: String = line.chars().filter(|c| !c.is_control()).take(80).collect();
    Error::new(
        Kind::Protocol,
        "read greeting of",
        "the replica",
        format!("this is neither a Cyrus sync server nor an IMAP server: {line}"),
    )
    .with_hint("check sync_host and sync_port")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Peer;
    use crate::replica::socket::Socket;
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;
    use std::time::Duration;

    fn greet(text: &str) -> Result<Greeting> {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let text = text.to_owned();
        // Ignore errors: the client may stop reading before everything is written.
        let writer = std::thread::spawn(move || drop(theirs.write_all(text.as_bytes())));
        let limit = Duration::from_secs(20);
        let mut link =
            Link::new(Socket::Unix(ours), Peer::replica(""), limit, Arc::default()).unwrap();
        let greeting = greeting(&mut link);
        drop(link);
        writer.join().unwrap();
        greeting
    }

    #[test]
    fn greetings_of_sync_server_and_imapd_are_distinguished() {
        let csync = greet(
            "* SASL PLAIN LOGIN\r\n* STARTTLS\r\n* COMPRESS DEFLATE\r\n* SIEVE-MAILBOX\r\n\
             * OK a.b Cyrus sync server 3.6.1-4+deb12u3\r\n",
        )
        .unwrap();
        assert_eq!((csync.dialect, csync.version), (Dialect::Csync, Some((3, 6))));
        assert_eq!(csync.release.as_deref(), Some("3.6.1-4+deb12u3"));
        let offer = csync.offer.unwrap();
        assert_eq!(offer.mechanisms, ["PLAIN", "LOGIN"]);
        assert!(offer.starttls && offer.deflate && offer.sieve_mailbox && !offer.archive);

        let authorised = greet("* OK a.b Cyrus sync server 2.4.17\r\n").unwrap();
        assert_eq!(authorised.dialect, Dialect::Csync);

        let imap = greet(
            "* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN AUTH=LOGIN SASL-IR] a.b Cyrus IMAP \
             3.12.3 server ready\r\n",
        )
        .unwrap();
        assert_eq!((imap.dialect, imap.version), (Dialect::Imap, Some((3, 12))));
        assert_eq!(imap.release.as_deref(), Some("3.12.3"));
        let offer = imap.offer.unwrap();
        assert_eq!(offer.mechanisms, ["PLAIN", "LOGIN"]);
        assert!(offer.starttls && offer.sasl_ir && !offer.replication && !offer.deflate);

        let other = greet("* OK IMAP ready\r\n").unwrap();
        assert_eq!((other.dialect, other.offer, other.version), (Dialect::Imap, None, None));
        assert!(greet("* PREAUTH welcome\r\n").unwrap().preauth);
    }

    #[test]
    fn others_are_refused() {
        for (text, kind) in [
            ("* BYE no room\r\n", Kind::Connect),
            ("* SASL PLAIN\r\n* BYE no room\r\n", Kind::Connect),
            ("220 mail ESMTP\r\n", Kind::Protocol),
            ("HTTP/1.1 400 Bad Request\r\n", Kind::Protocol),
            ("* SASL PLAIN\r\n", Kind::Closed),
            ("", Kind::Closed),
            (&"* X\r\n".repeat(100), Kind::Protocol),
            (&"* X".repeat(100_000), Kind::Protocol),
        ] {
            let short: String = text.chars().take(40).collect();
            assert_eq!(greet(text).unwrap_err().kind(), kind, "{short}");
        }
    }

    #[test]
    fn servers_that_empty_scripts_are_known_by_their_release() {
        for release in ["3.6.0", "3.6.1", "3.8.0-rc1", "3.8.3-12-gabcdef"] {
            assert!(empties_scripts(release), "{release}");
        }
        for release in ["3.4.9", "3.6.1-Debian-3.6.1-4+deb12u5", "3.8.4", "3.10.2", "4.0", "x"] {
            assert!(!empties_scripts(release), "{release}");
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("OK hello"), None);
        assert!(version("OK a Cyrus sync server x") < Some((3, 8)));
        assert!(version("OK a Cyrus IMAP 3.12.3 server ready") > Some((3, 8)));
    }

    #[test]
    fn an_unreported_version_is_derived_from_capabilities() {
        let version = |text| imap_offer(text, None).version;
        assert_eq!(version("IMAP4rev1 X-REPLICATION"), None);
        assert_eq!(version("IMAP4rev1 X-REPLICATION-ARCHIVE"), Some((3, 8)));
        assert_eq!(version("IMAP4rev1 INPROGRESS X-REPLICATION-ARCHIVE"), Some((3, 12)));
        assert_eq!(version("INPROGRESS UIDBATCHES"), Some((3, 13)));
        assert_eq!(imap_offer("INPROGRESS", Some((3, 13))).version, Some((3, 13)));
    }
}
