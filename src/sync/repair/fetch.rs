//! Messages that the replica alone has: fetched from it, verified, and handed to the master. None
//! of them is in memory as a whole if it is long.

use std::path::Path;

use sha1::{Digest, Sha1};

use super::plan::Fetch;
use crate::dlist::Value;
use crate::error::{Error, Kind, Result, reason};
use crate::replica::{Fetched, Replica, Reply, Ticket, Verb, Wanted};
use crate::sync::commands;
use crate::sync::remote::RemoteFolder;
use crate::types::{Guid, Text};

/// Bytes of fetched messages that are held at a time; one message may go beyond.
const FETCHED_BYTES: u64 = 4 << 20;
/// Messages that are asked for at a time.
const FETCHES_AHEAD: usize = 64;

/// A message's bytes.
pub(super) enum Content {
    Memory(Box<[u8]>),
    File(Fetched),
}

/// Fetches the next messages from the replica, as many as may be held, and takes them off `rest`.
/// Each is verified. Long ones wait in `scratch`.
pub(super) fn fetch(
    replica: &mut dyn Replica,
    remote: &RemoteFolder,
    scratch: &Path,
    rest: &mut &[Fetch],
) -> Result<Vec<(Fetch, Content)>> {
    let mut asked: Vec<(Fetch, Ticket)> = Vec::new();
    let mut bytes = 0;
    while let Some((next, later)) = rest.split_first() {
        if !asked.is_empty() && (bytes >= FETCHED_BYTES || asked.len() >= FETCHES_AHEAD) {
            break;
        }
        let wanted = Wanted { size: next.size.into(), dir: scratch };
        let ticket = replica
            .submit_fetch(&wanted, &mut |w| commands::fetch(w, remote, next.uid, next.guid))?;
        asked.push((*next, ticket));
        bytes += u64::from(next.size);
        *rest = later;
    }
    let mut fetched = Vec::with_capacity(asked.len());
    for (wanted, ticket) in asked {
        let content = replica.wait(ticket).and_then(|reply| verified(&wanted, reply));
        let content = content.map_err(|error| of_message(&wanted, remote, error))?;
        fetched.push((wanted, content));
    }
    Ok(fetched)
}

/// Which message could not be had.
fn of_message(wanted: &Fetch, remote: &RemoteFolder, error: Error) -> Error {
    if error.is_connection() || error.kind() == Kind::Cancelled {
        return error;
    }
    let subject = format!("uid {} of {} on the replica", wanted.uid, remote.name);
    Error::new(error.kind(), "fetch message", subject, error.detail().to_owned())
        .hint(error.hint_text().to_owned())
        .caused_by(error)
}

/// The message of a reply, if it is the one that was asked for.
fn verified(wanted: &Fetch, reply: Reply) -> Result<Content> {
    let wrong = |detail: &str| {
        Error::new(Kind::Corrupt, "fetch message from", "the replica", detail)
            .hint("reconstruct the mailbox on the replica")
    };
    let content = content(reply).ok_or_else(|| wrong("the reply is not one message"))?;
    let (size, guid) = match &content {
        Content::Memory(bytes) => (bytes.len() as u64, Guid(Sha1::digest(bytes).into())),
        Content::File(file) => (file.size(), file.guid()),
    };
    match size == u64::from(wanted.size) && guid == wanted.guid {
        true => Ok(content),
        false => Err(wrong("its file is not the message that the replica's cyrus.index names")),
    }
}

/// The one message of a reply.
fn content(reply: Reply) -> Option<Content> {
    let Reply { mut items, file } = reply;
    let item = items.pop().filter(|_| items.is_empty())?;
    match (item.parse(), file) {
        (Ok((_, Value::File { bytes, .. })), None) => Some(Content::Memory(bytes)),
        (Ok((_, Value::File { bytes, .. })), Some(file)) if bytes.is_empty() => {
            Some(Content::File(file))
        }
        _ => None,
    }
}

/// Gives messages to the master's server.
pub(super) fn upload(
    server: &mut dyn Replica,
    partition: &Text,
    fetched: Vec<(Fetch, Content)>,
) -> Result<()> {
    let ticket = server.submit(Verb::Apply, &mut |w| {
        w.name("MESSAGE")?.open_list()?;
        for (message, content) in &fetched {
            let (guid, size) = (message.guid, u64::from(message.size));
            match content {
                Content::Memory(bytes) => {
                    w.file(partition.as_bytes(), guid, size, &mut &bytes[..])?;
                }
                Content::File(file) => {
                    let reader = file.reader();
                    let mut reader = reader.map_err(|error| {
                        let subject = format!("fetched message {guid}");
                        Error::new(Kind::Io, "read", subject, reason(&error)).caused_by(error)
                    })?;
                    w.file(partition.as_bytes(), guid, size, &mut reader)?;
                }
            }
        }
        w.close()
    })?;
    server.wait(ticket).map(drop)
}
