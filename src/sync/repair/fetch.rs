//! Fetches messages that only the replica has, checks them, and sends them to the master's server.
//! Long messages are never completely in memory.

use std::io::Read;
use std::path::Path;

use sha1::{Digest, Sha1};

use super::plan::Fetch;
use crate::error::{Error, Kind, Result, reason};
use crate::protocol::command::FetchPlace;
use crate::protocol::decode::FetchedMessage;
use crate::protocol::{Command, MessageFiles, OutgoingFile, RemoteFolder, Reply, Ticket};
use crate::replica::Replica;
use crate::types::{Guid, Text};

/// Maximum number of bytes of messages that are fetched at a time. A single message may exceed
/// this.
const FETCHED_BYTES: u64 = 4 << 20;
/// Maximum number of messages that are fetched at a time.
const FETCHES_AHEAD: usize = 64;

/// Fetches and checks the first messages in `rest`, up to the limits above, and removes them from
/// `rest`. Long messages are stored in files in the directory `scratch`.
pub(crate) fn fetch(
    replica: &mut dyn Replica,
    remote: &RemoteFolder,
    scratch: &Path,
    rest: &mut &[Fetch],
) -> Result<Vec<(Fetch, FetchedMessage)>> {
    let mut asked: Vec<(Fetch, Ticket)> = Vec::new();
    let mut bytes = 0;
    while let Some((next, later)) = rest.split_first() {
        if !asked.is_empty() && (bytes >= FETCHED_BYTES || asked.len() >= FETCHES_AHEAD) {
            break;
        }
        let place = FetchPlace { size: next.size, temp_path: scratch };
        let fetch = remote.fetch(next.uid, next.guid, Some(place));
        let ticket = replica.submit(Command::Fetch(fetch))?;
        asked.push((*next, ticket));
        bytes += next.size;
        *rest = later;
    }
    let mut fetched = Vec::with_capacity(asked.len());
    let mut asked = asked.into_iter();
    while let Some((wanted, ticket)) = asked.next() {
        match replica.wait(ticket).and_then(|reply| verified(&wanted, reply)) {
            Ok(content) => fetched.push((wanted, content)),
            Err(error) => {
                // Replies that are never read would keep their memory and their temporary files.
                asked.for_each(|(_, ticket)| replica.discard(ticket));
                return Err(of_message(&wanted, remote, error));
            }
        }
    }
    Ok(fetched)
}

/// Adds the message's UID and mailbox to an error.
fn of_message(wanted: &Fetch, remote: &RemoteFolder, error: Error) -> Error {
    if error.is_connection() || error.kind() == Kind::Cancelled {
        return error;
    }
    let subject = format!("uid {} of {} on the replica", wanted.uid, remote.name);
    Error::new(error.kind(), "fetch message", subject, error.detail().to_owned())
        .with_hint(error.hint().to_owned())
        .with_source(error)
}

/// Returns the message in a reply. Fails if its size or SHA-1 is not the requested one.
fn verified(wanted: &Fetch, reply: Reply) -> Result<FetchedMessage> {
    let wrong = |detail: &str| {
        Error::new(Kind::Corrupt, "fetch message from", "the replica", detail)
            .with_hint("run reconstruct on the mailbox on the replica")
    };
    let content = reply.into_message().ok_or_else(|| wrong("the reply is not one message"))?;
    let (size, guid) = match &content {
        FetchedMessage::Memory(bytes) => (bytes.len() as u64, Guid(Sha1::digest(bytes).into())),
        FetchedMessage::Temp(file) => (file.size(), file.guid()),
    };
    if size == wanted.size && guid == wanted.guid {
        Ok(content)
    } else {
        Err(wrong("its file does not match the replica's cyrus.index"))
    }
}

/// Sends messages to the master's server.
pub(crate) fn upload(
    server: &mut dyn Replica,
    partition: &Text,
    fetched: Vec<(Fetch, FetchedMessage)>,
) -> Result<()> {
    let mut files = Fetched { partition, rest: fetched.iter() };
    let ticket = server.submit(Command::Messages(&mut files))?;
    server.wait(ticket).map(drop)
}

/// Fetched messages as the files of one `APPLY MESSAGE` command.
struct Fetched<'f> {
    partition: &'f Text,
    rest: std::slice::Iter<'f, (Fetch, FetchedMessage)>,
}

impl MessageFiles for Fetched<'_> {
    fn partition(&self) -> &Text {
        self.partition
    }

    fn next_file(&mut self) -> Result<Option<OutgoingFile<'_>>> {
        let Some((message, content)) = self.rest.next() else { return Ok(None) };
        let (guid, size) = (message.guid, message.size);
        let content: Box<dyn Read> = match content {
            FetchedMessage::Memory(bytes) => Box::new(&bytes[..]),
            FetchedMessage::Temp(file) => {
                let reader = file.reader().map_err(|error| {
                    let subject = format!("fetched message {guid}");
                    Error::new(Kind::Io, "read", subject, reason(&error)).with_source(error)
                })?;
                Box::new(reader)
            }
        };
        Ok(Some(OutgoingFile { partition: self.partition, guid, size, content }))
    }
}
