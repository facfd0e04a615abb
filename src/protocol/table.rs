//! The table of commands: their words, their keys, and whether they change data (`sync_get` and
//! `sync_apply` in `imap/sync_support.c`).

/// The first word of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `GET`: a query.
    Get,
    /// `APPLY`: a change of data, or the preparation of a change.
    Apply,
    /// `RESTART`, which has no second word.
    Restart,
}

impl Verb {
    /// Returns the word as csync writes it.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Apply => "APPLY",
            Verb::Restart => "RESTART",
        }
    }
}

/// The form of the arguments of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// No arguments.
    None,
    /// One text.
    Text,
    /// A list of texts.
    Texts,
    /// A list of message files.
    Files,
    /// A key-value list.
    Keys {
        /// Keys that are always present.
        required: &'static [&'static str],
        /// Keys that may be missing.
        optional: &'static [&'static str],
    },
}

/// A row of the table: one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// First word.
    pub verb: Verb,
    /// Second word; empty for `RESTART`.
    pub name: &'static str,
    /// The form of the arguments.
    pub body: Body,
    /// Whether the command changes stored data of the receiver. Staged files and enabled
    /// capabilities do not count as stored data.
    pub changes: bool,
}

const fn get(name: &'static str, body: Body) -> Spec {
    Spec { verb: Verb::Get, name, body, changes: false }
}

const fn apply(name: &'static str, body: Body) -> Spec {
    Spec { verb: Verb::Apply, name, body, changes: true }
}

const fn prepare(name: &'static str, body: Body) -> Spec {
    Spec { verb: Verb::Apply, name, body, changes: false }
}

const fn keys(required: &'static [&'static str]) -> Body {
    Body::Keys { required, optional: &[] }
}

const UPDATE: Body = Body::Keys {
    required: &["UNIQUEID", "MBOXNAME", "HIGHESTMODSEQ"],
    optional: &[
        // Servers ignore keys that they do not support. Cyrus 3.12 added USERGROUPS; Cyrus 3.13
        // added JMAPID, COMPACT_EMAILIDS, VERSION and DELETEDMODSEQ.
        "JMAPID",
        "MBOXTYPE",
        "SYNC_CRC",
        "SYNC_CRC_ANNOT",
        "LAST_UID",
        "RECENTUID",
        "RECENTTIME",
        "LAST_APPENDDATE",
        "POP3_LAST_LOGIN",
        "POP3_SHOW_AFTER",
        "XCONVMODSEQ",
        "COMPACT_EMAILIDS",
        "RACLMODSEQ",
        "USERGROUPS",
        "VERSION",
        "UIDVALIDITY",
        "PARTITION",
        "ACL",
        "OPTIONS",
        "QUOTAROOT",
        "CREATEDMODSEQ",
        "FOLDERMODSEQ",
        "DELETEDMODSEQ",
        "ANNOTATIONS",
        // Cyrus 3.10 and later read this key.
        "USERFLAGS",
        "SINCE_MODSEQ",
        "SINCE_CRC",
        "SINCE_CRC_ANNOT",
        "RECORD",
    ],
};
const RENAMES: Body = keys(&["OLDMBOXNAME", "NEWMBOXNAME", "PARTITION", "UIDVALIDITY"]);
const SCRIPT: Body = keys(&["USERID", "FILENAME"]);
const LIMITS: Body =
    Body::Keys { required: &["ROOT", "LIMIT", "MODSEQ"], optional: &crate::types::QUOTA_RESOURCES };

macro_rules! table {
    ($($(#[$doc:meta])* $name:ident = $spec:expr;)*) => {
        $($(#[$doc])* pub static $name: Spec = $spec;)*

        /// All commands.
        #[cfg(test)]
        pub static ALL: &[&Spec] = &[$(&$name),*];
    };
}

#[allow(missing_docs, reason = "each is the line of the command of its name")]
mod lines {
    use super::*;

    table! {
        GET_USER = get("USER", Body::Text);
        GET_META = get("META", Body::Text);
        GET_MAILBOXES = get("MAILBOXES", Body::Texts);
        GET_UNIQUEIDS = get("UNIQUEIDS", Body::Texts);
        GET_FULLMAILBOX = get("FULLMAILBOX", Body::Text);
        GET_QUOTA = get("QUOTA", Body::Text);
        GET_ANNOTATION = get("ANNOTATION", Body::Text);
        FETCH = get("FETCH", keys(&["MBOXNAME", "PARTITION", "UNIQUEID", "GUID", "UID"]));
        CAPABILITIES = prepare("CAPABILITIES", Body::Texts);
        FORCE = prepare("FORCE", keys(&[]));
        RESERVE = prepare("RESERVE", keys(&["PARTITION", "MBOXNAME", "GUID"]));
        MESSAGE = prepare("MESSAGE", Body::Files);
        MAILBOX = apply("MAILBOX", UPDATE);
        LOCAL_MAILBOX = apply("LOCAL_MAILBOX", UPDATE);
        UNMAILBOX = apply("UNMAILBOX", Body::Text);
        LOCAL_UNMAILBOX = apply("LOCAL_UNMAILBOX", Body::Text);
        RENAME = apply("RENAME", RENAMES);
        LOCAL_RENAME = apply("LOCAL_RENAME", RENAMES);
        ANNOTATION = apply("ANNOTATION", keys(&["MBOXNAME", "ENTRY", "USERID", "VALUE"]));
        UNANNOTATION = apply("UNANNOTATION", keys(&["MBOXNAME", "ENTRY", "USERID"]));
        SUB = apply("SUB", keys(&["USERID", "MBOXNAME"]));
        UNSUB = apply("UNSUB", keys(&["USERID", "MBOXNAME"]));
        SEEN = apply("SEEN", keys(&["USERID", "UNIQUEID", "LASTREAD", "LASTUID", "LASTCHANGE", "SEENUIDS"]));
        SIEVE = apply("SIEVE", keys(&["USERID", "FILENAME", "LAST_UPDATE", "CONTENT"]));
        UNSIEVE = apply("UNSIEVE", SCRIPT);
        ACTIVATE_SIEVE = apply("ACTIVATE_SIEVE", SCRIPT);
        UNACTIVATE_SIEVE = apply("UNACTIVATE_SIEVE", keys(&["USERID"]));
        QUOTA = apply("QUOTA", LIMITS);
        UNQUOTA = apply("UNQUOTA", Body::Text);
        UNUSER = apply("UNUSER", Body::Text);
        RESTART = Spec { verb: Verb::Restart, name: "", body: Body::None, changes: false };
    }
}
pub use lines::*;
