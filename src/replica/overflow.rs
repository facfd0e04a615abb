//! What is too long for the memory: a message or an item of a reply goes to a file while it comes.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use super::link::Link;
use super::spool_file::{self, SpoolFile, without_literal};
use crate::dlist::Framer;
use crate::error::{Error, Kind, Result, reason};
use crate::limits::{FETCH_MEMORY_BYTES, ITEM_MEMORY_BYTES};
use crate::protocol::reply::LongItem;
use crate::protocol::{Command, Item, TempLiteral};
use crate::sys;

/// What an item begins with that may go to a file.
const LONG: &[u8] = b"* MAILBOX ";
/// The part of that which is no item.
const UNTAGGED: usize = 2;

/// The longest beginning of a line with a long message; `MESSAGE %{partition GUID size}` is less.
const CUT_BYTES: usize = 4096;

/// Where what is long in the reply to a command shall go.
#[derive(Debug)]
pub(super) enum Place {
    Message(spool_file::Place),
    /// An item, in a file in this directory.
    Item(PathBuf),
}

impl Place {
    /// That of a command, if its reply may be long.
    pub fn of(command: &Command<'_>) -> Option<Place> {
        match command {
            Command::Fetch(fetch) => fetch.place.map(|place| Place::Message(place.into())),
            Command::GetFullMailbox(full) => full.temp_path.map(|dir| Place::Item(dir.to_owned())),
            _ => None,
        }
    }

    /// How long a literal may be for its sake, in bytes.
    pub fn longest(&self) -> u64 {
        match self {
            Place::Message(place) => place.size,
            Place::Item(_) => 0,
        }
    }
}

/// Takes what is shown of the wire.
type Show<'s> = dyn Fn(&[u8]) + 's;

/// What of the reply that comes is on its way into a file.
#[derive(Default)]
pub(super) struct Overflow {
    message: Option<SpoolFile>,
    /// The beginning of the line of that message.
    cut: Option<Vec<u8>>,
    item: Option<ItemFile>,
    /// Why an item that came to its end could not be stored.
    failed: Option<Error>,
}

impl Overflow {
    /// Takes what was received of a message. Says whether what follows is something else.
    pub fn take_message(&mut self, link: &mut Link, show: &Show<'_>) -> bool {
        let Some(message) = self.message.as_mut().filter(|message| message.left() > 0) else {
            return true;
        };
        let received = link.received();
        let count = message.take(received);
        show(received.get(..count).unwrap_or_default());
        let all = message.left() == 0;
        link.consume(count);
        all
    }

    /// Has what was received go to a file if it is the beginning of something long for which
    /// `place` is meant. Says whether `framer` has another beginning of a line before it.
    pub fn begin(
        &mut self,
        place: &mut Option<Place>,
        framer: &mut Framer,
        link: &mut Link,
        show: &Show<'_>,
    ) -> bool {
        match place {
            Some(Place::Message(_)) if self.cut.is_none() => {
                let Some((start, size)) = framer.open_literal(link.received()) else {
                    return false;
                };
                if size as u64 <= FETCH_MEMORY_BYTES || start > CUT_BYTES {
                    return false;
                }
                let Some(Place::Message(place)) = place.take() else { return false };
                let start = link.take(start);
                show(&start);
                *framer = Framer::default();
                self.cut = Some(without_literal(start));
                self.message = Some(SpoolFile::begin(place, size as u64));
                true
            }
            Some(Place::Item(_)) => {
                let received = link.received();
                if received.len() > ITEM_MEMORY_BYTES
                    && received.starts_with(LONG)
                    && let Some(Place::Item(dir)) = place.take()
                {
                    self.item = Some(ItemFile::begin(dir));
                }
                false
            }
            _ => false,
        }
    }

    /// Takes what was received of an item whose end did not come, but for what `framer` needs.
    pub fn take_item(&mut self, framer: &mut Framer, link: &mut Link, show: &Show<'_>) {
        let Some(item) = &mut self.item else { return };
        let received = link.received();
        let count = framer.looked_at(received.len()).saturating_sub(CUT_BYTES);
        if count > 0 {
            let bytes = received.get(..count).unwrap_or_default();
            item.take(bytes);
            show(bytes);
            framer.forget(count);
            link.consume(count);
        }
    }

    /// Bytes of an item that are in a file.
    pub fn stored(&self) -> usize {
        self.item.as_ref().map_or(0, |item| usize::try_from(item.size).unwrap_or(usize::MAX))
    }

    /// Takes the end of a line. Gives back the line, if it is in memory, or its item.
    pub fn end_line(&mut self, mut line: Vec<u8>) -> Ended {
        if let Some(mut item) = self.item.take() {
            item.take(&line);
            return match item.end() {
                Ok(item) => Ended::Item(Item::Long(item)),
                Err(error) => {
                    self.failed = Some(error);
                    Ended::Nothing
                }
            };
        }
        if let Some(mut start) = self.cut.take() {
            start.append(&mut line);
            line = start;
        }
        Ended::Line(line)
    }

    /// The reply came to its end: its message, if that went to a file.
    ///
    /// # Errors
    /// Why something could not be stored.
    pub fn end_reply(&mut self) -> Result<Option<TempLiteral>> {
        let Overflow { message, failed, .. } = std::mem::take(self);
        match failed {
            Some(error) => Err(error),
            None => message.map(SpoolFile::end).transpose(),
        }
    }
}

/// What came to its end.
pub(super) enum Ended {
    Line(Vec<u8>),
    Item(Item),
    /// What could not be stored: the end of the reply says why.
    Nothing,
}

/// An item on its way into a file. Whatever fails is reported at its end: it is read past.
struct ItemFile {
    dir: PathBuf,
    file: io::Result<File>,
    /// Bytes that came, without what is no part of the item.
    size: u64,
    /// What is still to come that is no part of it.
    before: usize,
}

impl ItemFile {
    fn begin(dir: PathBuf) -> ItemFile {
        ItemFile { file: sys::file::temporary(&dir), dir, size: 0, before: UNTAGGED }
    }

    fn take(&mut self, bytes: &[u8]) {
        let skipped = self.before.min(bytes.len());
        self.before -= skipped;
        let bytes = bytes.get(skipped..).unwrap_or_default();
        self.size += bytes.len() as u64;
        if let Ok(file) = &mut self.file
            && let Err(error) = file.write_all(bytes)
        {
            // What was written is given back to the disk at once.
            self.file = Err(error);
        }
    }

    fn end(self) -> Result<LongItem> {
        let ItemFile { dir, file, size, .. } = self;
        file.map(|file| LongItem::new(file, size)).map_err(|error| {
            let detail = format!("cannot write a temporary file for a reply: {}", reason(&error));
            Error::new(Kind::Io, "store reply in", dir, detail)
                .hint(
                    "see permissions and free space there, or name another directory by temp_path",
                )
                .caused_by(error)
        })
    }
}
