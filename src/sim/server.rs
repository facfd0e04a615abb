//! Cyrus's replication server on a spool in memory: takes the bytes of a command, gives those of
//! the reply, checks what 3.6.1 checks and aborts where that aborts (the server half of
//! `imap/sync_support.c`).
//!
//! Both the replica and the master's own server are one of these. That it answers as the real one
//! does is shown by `tests/replication/model.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::get;
use super::spool::Spool;
use super::update;
use crate::dlist::{Kv, Value, parse_named};
use crate::error::Malformed;
use crate::types::{Guid, Text};

/// Why a command was refused; the words of `sync_response`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum No {
    Nonexistent,
    Moved,
    Checksum,
    Changed,
    Protocol,
    BadParameters,
    Unknown,
    Locked,
    NotSupported,
}

impl No {
    pub fn line(self) -> &'static str {
        match self {
            No::Nonexistent => "NO IMAP_MAILBOX_NONEXISTENT No Such Mailbox",
            No::Moved => "NO IMAP_MAILBOX_MOVED Mailbox exists with another name or uniqueid",
            No::Checksum => "NO IMAP_SYNC_CHECKSUM Checksum Failure",
            No::Changed => "NO IMAP_SYNC_CHANGED Changed since last sync",
            No::Protocol => "NO IMAP_PROTOCOL_ERROR Protocol error",
            No::BadParameters => "NO IMAP_PROTOCOL_BAD_PARAMETERS",
            No::Unknown => "NO Unknown error",
            No::NotSupported => {
                "NO IMAP_MAILBOX_NOTSUPPORTED Operation is not supported on mailbox"
            }
            No::Locked => "NO IMAP_MAILBOX_LOCKED Mailbox locked",
        }
    }
}

/// How a command ends that is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failed {
    No(No),
    /// The process is gone, and why.
    Abort(String),
}

impl From<No> for Failed {
    fn from(no: No) -> Failed {
        Failed::No(no)
    }
}

impl From<Malformed> for Failed {
    fn from(_: Malformed) -> Failed {
        Failed::No(No::BadParameters)
    }
}

impl From<crate::Error> for Failed {
    fn from(error: crate::Error) -> Failed {
        // Writing to memory does not fail.
        Failed::Abort(error.to_string())
    }
}

pub(super) type Done<T = ()> = std::result::Result<T, Failed>;

/// Message files that wait for their mailbox, by partition.
pub(super) type Staged = BTreeMap<Text, BTreeMap<Guid, Arc<[u8]>>>;

/// One session of a server.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub staged: Staged,
    /// `APPLY FORCE` came.
    pub force: bool,
    /// Why it aborted.
    pub aborted: Option<String>,
}

impl Server {
    /// Carries out one command: `GET USER fred\r\n`. `None` if the process is gone.
    pub fn command(&mut self, spool: &mut Spool, line: &[u8]) -> Option<Vec<u8>> {
        if self.aborted.is_some() {
            return None;
        }
        let mut reply = Vec::new();
        let end = match self.run(spool, line, &mut reply) {
            Ok(()) if line.starts_with(b"RESTART") => "OK Restarting",
            Ok(()) => "OK success",
            Err(Failed::No(no)) => no.line(),
            Err(Failed::Abort(why)) => {
                self.aborted = Some(why);
                return None;
            }
        };
        reply.extend_from_slice(end.as_bytes());
        reply.extend_from_slice(b"\r\n");
        Some(reply)
    }

    fn run(&mut self, spool: &mut Spool, line: &[u8], out: &mut Vec<u8>) -> Done {
        if line.starts_with(b"RESTART") {
            self.staged.clear();
            return Ok(());
        }
        if let Some(rest) = line.strip_prefix(b"GET ") {
            let (name, value, _) = parse_named(rest)?;
            return get::run(spool, &name, &value, out);
        }
        let rest = line.strip_prefix(b"APPLY ").ok_or(No::Protocol)?;
        let (name, value, _) = parse_named(rest)?;
        self.apply(spool, &name, &value, out)
    }

    fn apply(&mut self, spool: &mut Spool, name: &[u8], value: &Value, out: &mut Vec<u8>) -> Done {
        let name = name.strip_prefix(b"LOCAL_").unwrap_or(name);
        match name {
            b"RESERVE" => get::reserve(spool, &mut self.staged, &value.kv()?, out),
            b"MESSAGE" => self.stage(value),
            b"MAILBOX" => update::mailbox(spool, &self.staged, self.force, &value.kv()?),
            b"FORCE" => {
                self.force = true;
                Ok(())
            }
            _ => super::apply::run(spool, name, value),
        }
    }

    fn stage(&mut self, value: &Value) -> Done {
        for file in value.list()? {
            let Value::File { partition, guid, bytes } = file else { continue };
            let guid = Guid::from_hex(guid).ok_or(No::BadParameters)?;
            let staged = self.staged.entry(Text::new(partition)).or_default();
            staged.entry(guid).or_insert_with(|| Arc::from(&**bytes));
        }
        Ok(())
    }
}

/// Text behind a key that must be there.
pub(super) fn text(kv: &Kv<'_>, key: &str) -> Done<Text> {
    Ok(Text::new(kv.atom(key)?))
}
