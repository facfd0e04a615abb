//! Interprets the last line of a reply (`sync_parse_response`, `sync_response` in
//! `imap/sync_support.c`).

use crate::error::{Error, Kind, Malformed, Mark};
use crate::protocol::Label;

/// Texts after NO that have an error kind of their own: text, kind, hint.
const MEANINGS: [(&str, Kind, &str); 10] = [
    ("IMAP_INVALID_USER", Kind::ReplicaNoUser, ""),
    ("IMAP_MAILBOX_NONEXISTENT", Kind::ReplicaNoMailbox, ""),
    ("IMAP_MAILBOX_LOCKED", Kind::ReplicaLocked, "try again later"),
    (
        "IMAP_MAILBOX_MOVED",
        Kind::ReplicaMoved,
        "the replica has another mailbox of this name or uniqueid: find its name in the replica's \
         log, and check whether the user of that mailbox was replicated",
    ),
    (
        "IMAP_MAILBOX_NOTSUPPORTED",
        Kind::ReplicaNotSupported,
        "if a user was renamed, set allowusermoves in the replica's imapd.conf; otherwise run \
         reconstruct -V max on the replica's mailbox",
    ),
    ("IMAP_SYNC_CHECKSUM", Kind::ReplicaChecksum, ""),
    ("IMAP_SYNC_CHANGED", Kind::ReplicaChanged, ""),
    ("IMAP_SYNC_BADSIEVE", Kind::ReplicaBadSieve, "the replica's sieve cannot compile the script"),
    ("IMAP_PROTOCOL_ERROR", Kind::ReplicaProtocol, "see the replica's log"),
    ("IMAP_PROTOCOL_BAD_PARAMETERS", Kind::ReplicaBadParameters, "see the replica's log"),
];

/// The last line of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// `OK` and its text.
    Ok(String),
    /// `NO` and its text.
    No(String),
    /// `BAD` and its text: the server could not parse the command.
    Bad(String),
    /// `BYE`: the server closes the connection.
    Bye(String),
}

/// Parses the last line of a reply. Returns `None` for other lines.
pub fn ending(line: &[u8]) -> Option<Ending> {
    let line = String::from_utf8_lossy(line);
    let line = line.trim_end_matches(['\r', '\n']);
    let (word, text) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "OK" => Some(Ending::Ok(text.to_owned())),
        "NO" => Some(Ending::No(text.to_owned())),
        "BAD" => Some(Ending::Bad(text.to_owned())),
        "BYE" => Some(Ending::Bye(text.to_owned())),
        _ => None,
    }
}

/// Makes the error for a command that the replica refused with NO.
pub fn refusal(label: &Label, text: &str) -> Error {
    let word = text.split(' ').next().unwrap_or_default();
    let error =
        |kind| Error::new(kind, "replica refused", label.to_string(), text).marked(Mark::Refusal);
    if let Some((_, kind, hint)) = MEANINGS.iter().find(|(name, ..)| *name == word) {
        return error(*kind).with_hint(*hint);
    }
    match (text, label.partition_name()) {
        // sync_server refuses every command of users who are not administrators.
        ("Permission denied", _) => error(Kind::Auth).with_hint(NO_ADMIN),
        // imapd of Cyrus 3.12 refuses them with this text, which also names the command. Older ones
        // do not know the command then: see `unreadable`.
        _ if text.starts_with("only administrators may use") => {
            error(Kind::Auth).with_hint(NO_ADMIN)
        }
        // Cyrus sends this text for a missing partition, but also for disk and database errors.
        ("Unknown error", Some(partition)) => {
            error(Kind::ReplicaDenied).with_hint(no_partition(partition))
        }
        _ => error(Kind::ReplicaDenied).with_hint("see the replica's log"),
    }
}

const NO_ADMIN: &str = "the login succeeded, but the user is not an administrator: add the user to \
                        admins in the replica's imapd.conf";

fn no_partition(partition: &str) -> String {
    format!(
        "check that partition-{partition} is in the replica's imapd.conf; if it is, see the \
         replica's log"
    )
}

/// Makes the error for a BAD. The server gave up in the middle of the command (its disk may be
/// full: `reservefile` in `imap/dlist.c`), and parses the rest of the command as new commands. So
/// the session cannot tell to which command a later reply belongs.
pub fn unreadable(peer: &str, text: &str, label: &Label) -> Error {
    if text.contains("Unrecognized command") {
        return Error::new(Kind::Auth, "talk to", peer, format!("BAD {text}")).with_hint(
            "imapd accepts these commands only from administrators: add the user to admins in the \
             replica's imapd.conf",
        );
    }
    let hint = match label.name() {
        "MESSAGE" => {
            "the replica could not store the messages that it received: check its free disk space \
             and its log"
        }
        _ => "the replica could not read a command: check its free disk space and its log",
    };
    Error::new(Kind::Protocol, "talk to", peer, format!("BAD {text}")).with_hint(hint)
}

/// Makes the error for the line that a server sends before it exits (`fatal` in
/// `imap/sync_server.c`).
pub fn given_up(peer: &str, text: &str, label: &Label) -> Error {
    let hint = if text.contains("[TOOBIG]") {
        "the replica does not accept a text of this size; see maxliteral, maxword and maxquoted in \
         imapd.conf(5) there"
            .to_owned()
    } else if text.contains("base != NULL")
        && let Some(partition) = label.partition_name()
    {
        // This text comes from `dlist_reserve_path` in `imap/dlist.c`.
        no_partition(partition)
    } else {
        format!("the replica's Cyrus ended while it worked on {label}: see its log")
    };
    Error::new(Kind::Closed, "talk to", peer, format!("it gave up: {text}")).with_hint(hint)
}

/// Makes the error for a line that is not part of a reply.
pub fn nonsense(peer: &str, error: &Malformed) -> Error {
    Error::new(Kind::Protocol, "understand", peer, error.to_string())
        .with_hint("check that this is a Cyrus sync server; -v -v shows the traffic")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::table;

    #[test]
    fn every_text_of_no_has_its_kind() {
        for (word, kind, _) in MEANINGS {
            let line = format!("NO {word} Some text\r\n");
            let Some(Ending::No(text)) = ending(line.as_bytes()) else { panic!("{line}") };
            let error = refusal(&Label::of(&table::MAILBOX), &text);
            assert_eq!(error.kind(), kind);
            assert!(error.to_string().contains(word), "{error}");
        }
        assert_eq!(
            refusal(&Label::of(&table::GET_USER), "Unknown error").kind(),
            Kind::ReplicaDenied
        );
        assert_eq!(
            refusal(&Label::of(&table::GET_USER), "IMAP_SYNC_CHECKSUMS x").kind(),
            Kind::ReplicaDenied
        );
    }

    #[test]
    fn a_refusal_without_a_reason_names_what_it_is_about_and_the_usual_cause() {
        let label = Label::of(&table::RENAME).about("a").to("b").partition("far");
        let error = refusal(&label, "Unknown error").to_string();
        let start =
            "replica refused APPLY RENAME a -> b, partition far: Unknown error; hint: check";
        assert!(error.starts_with(start) && error.contains("partition-far"), "{error}");
        let gone = given_up("the replica", "assertion failed: base != NULL", &label).to_string();
        assert!(gone.contains("partition-far"), "{gone}");
        for text in ["Permission denied", "only administrators may use Syncapply command"] {
            let error = refusal(&label, text);
            assert_eq!(error.kind(), Kind::Auth);
            assert!(error.hint().contains("admins in the replica's imapd.conf"), "{error}");
        }
    }

    #[test]
    fn other_lines_are_no_ending() {
        assert_eq!(ending(b"OK success\r\n"), Some(Ending::Ok("success".into())));
        assert_eq!(ending(b"OK\r\n"), Some(Ending::Ok(String::new())));
        assert_eq!(ending(b"BAD what?\r\n"), Some(Ending::Bad("what?".into())));
        assert_eq!(ending(b"BYE shutting down\r\n"), Some(Ending::Bye("shutting down".into())));
        assert_eq!(ending(b"+ go ahead\r\n"), None);
        assert_eq!(ending(b"\xff\xfe\r\n"), None);
    }
}
