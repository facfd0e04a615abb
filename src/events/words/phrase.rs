//! Cyrus's texts for failures (`imap/imap_err.et`, `imap/backend.c`). People and programs search
//! logs for these texts.

use std::fmt;

use crate::error::{BriefError, Error, Kind};

/// Formats an error as Cyrus's text for it, followed by the details.
pub(super) struct Phrased<'e>(pub &'e Error);

impl fmt::Display for Phrased<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Phrased(error) = self;
        if let Some(phrase) = phrase(error.kind()) {
            write!(f, "{phrase}: ")?;
        }
        BriefError(error).fmt(f)
    }
}

/// Returns the text that Cyrus's own client logs for the same failure (`error_message`). Returns
/// `None` if Cyrus has no such failure.
fn phrase(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Io => "System I/O error",
        Kind::Locked | Kind::ReplicaLocked => "Mailbox is locked",
        Kind::NotFound | Kind::ReplicaNoMailbox => "Mailbox does not exist",
        Kind::Moved | Kind::ReplicaMoved => "Mailbox has been moved to another server",
        Kind::Changed | Kind::ReplicaChanged => "Mailbox has changed since last sync",
        Kind::ReplicaNoUser => "Invalid user",
        Kind::ReplicaNotSupported => "Operation is not supported on mailbox",
        Kind::ReplicaChecksum | Kind::NeedsFullSync => "Replication inconsistency detected",
        Kind::ReplicaBadSieve => "Sieve script compilation failure",
        Kind::ReplicaProtocol | Kind::Protocol | Kind::Closed | Kind::Timeout => "Bad protocol",
        Kind::ReplicaBadParameters => "Syntax error in parameters",
        Kind::ReplicaDenied => "The remote Server(s) denied the operation",
        Kind::Bye => "LOGOUT received",
        _ => return None,
    })
}

/// Formats a failed connection with the wording of Cyrus's client, followed by the details.
pub(super) struct Unreached<'e> {
    /// The name of the replica's server.
    pub server: &'e str,
    /// The reason for the failure.
    pub error: &'e Error,
}

impl fmt::Display for Unreached<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unreached { server, error } = self;
        // The last part of the detail is the reason without the address. (If several attempts
        // failed, it is the reason of the last one.)
        let detail = error.detail();
        let reason = detail.rsplit_once(": ").map_or(detail, |(_, reason)| reason);
        match error.kind() {
            Kind::Connect if error.op() == "look up address of" => {
                write!(f, "getaddrinfo({server}) failed: {reason}: ")?;
            }
            Kind::Connect => write!(f, "connect({server}) failed: {reason}: ")?,
            Kind::Auth => {
                write!(f, "couldn't authenticate to backend server: authentication failure: ")?;
            }
            _ => {}
        }
        error.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unreached(error: &Error) -> String {
        Unreached { server: "mx2", error }.to_string()
    }

    #[test]
    fn cyruss_words_about_a_connection_come_first() {
        let error = Error::new(Kind::Connect, "connect to", "mx2:2005", "1.2.3.4:2005: refused");
        let line = unreached(&error);
        assert!(line.starts_with("connect(mx2) failed: refused: connect to mx2:2005: "), "{line}");
        let error = Error::new(Kind::Connect, "look up address of", "mx2", "lookup: not known");
        assert!(unreached(&error).starts_with("getaddrinfo(mx2) failed: not known: "));
        let error = Error::new(Kind::Auth, "log in to the replica as", "rep", "no");
        let start = "couldn't authenticate to backend server: authentication failure: ";
        assert!(unreached(&error).starts_with(start));
        let error = Error::new(Kind::Tls, "verify", "mx2", "no");
        assert_eq!(unreached(&error), error.to_string());
    }

    #[test]
    fn cyruss_phrase_comes_before_ours() {
        let error =
            Error::new(Kind::ReplicaChecksum, "replica refused", "it", "IMAP_SYNC_CHECKSUM");
        let reported = Phrased(&error).to_string();
        assert_eq!(
            reported,
            "Replication inconsistency detected: replica refused it: IMAP_SYNC_CHECKSUM"
        );
        let error = Error::new(Kind::Corrupt, "read", "it", "bad");
        assert_eq!(Phrased(&error).to_string(), "read it: bad");
    }
}
