//! Writes long messages and long items of replies to files while they arrive, so that they do not
//! have to fit into memory. An item is one untagged line of a reply: `* NAME value`.

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

/// The start of the items that may be written to a file.
const LONG: &[u8] = b"* MAILBOX ";
/// The length of the `* ` in [`LONG`], which is not part of the item.
const UNTAGGED: usize = 2;

/// Maximum length of the part of a line before the literal of a long message. The real part,
/// `MESSAGE %{partition GUID size}`, is shorter.
const CUT_BYTES: usize = 4096;

/// Where to store the long parts of a reply.
#[derive(Debug)]
pub(super) enum Place {
    Message(spool_file::Place),
    /// A long item is written to a file in this directory.
    Item(PathBuf),
}

impl Place {
    /// Returns where to store the reply to a command, or `None` if the reply is never long.
    pub fn of(command: &Command<'_>) -> Option<Place> {
        match command {
            Command::Fetch(fetch) => fetch.place.map(|place| Place::Message(place.into())),
            Command::GetFullMailbox(full) => full.temp_path.map(|dir| Place::Item(dir.to_owned())),
            _ => None,
        }
    }

    /// Returns the maximum length in bytes of a literal that is stored in this place.
    pub fn longest(&self) -> u64 {
        match self {
            Place::Message(place) => place.size,
            Place::Item(_) => 0,
        }
    }
}

/// A callback that shows received bytes as traffic.
type Show<'s> = dyn Fn(&[u8]) + 's;

/// The parts of the current reply that are being written to files.
#[derive(Default)]
pub(super) struct Overflow {
    message: Option<SpoolFile>,
    /// The part of the message's line before the message.
    cut: Option<Vec<u8>>,
    item: Option<ItemFile>,
    /// Why a complete item could not be stored.
    failed: Option<Error>,
}

impl Overflow {
    /// Takes received bytes of a message. Returns `true` if the message is complete, or if no
    /// message is arriving.
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

    /// Starts a file if a long message or item is arriving and `place` is meant for it. Returns
    /// whether it consumed the start of the line. The caller must then search for the end of the
    /// line again.
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

    /// Takes received bytes of an incomplete item, except the last ones, which `framer` still
    /// needs.
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

    /// Returns how many bytes of an item are in a file.
    pub fn stored(&self) -> usize {
        self.item.as_ref().map_or(0, |item| usize::try_from(item.size).unwrap_or(usize::MAX))
    }

    /// Takes the last part of a line. Returns the whole line if it is in memory, or the item if it
    /// is in a file.
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

    /// Ends the reply. Returns its message, if the message is in a file.
    ///
    /// # Errors
    /// The reason why a message or an item could not be stored.
    pub fn end_reply(&mut self) -> Result<Option<TempLiteral>> {
        let Overflow { message, failed, .. } = std::mem::take(self);
        match failed {
            Some(error) => Err(error),
            None => message.map(SpoolFile::end).transpose(),
        }
    }
}

/// A line of a reply that is complete.
pub(super) enum Ended {
    Line(Vec<u8>),
    Item(Item),
    /// An item that could not be stored. [`Overflow::end_reply`] returns the error.
    Nothing,
}

/// An item that is being written to a file. If writing fails, the rest of the item is still read,
/// and [`ItemFile::end`] returns the error.
struct ItemFile {
    dir: PathBuf,
    file: io::Result<File>,
    /// Number of bytes of the item that have arrived.
    size: u64,
    /// Number of bytes to skip first: the `* ` before the item.
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
            // Close the file, so that its disk space is free at once.
            self.file = Err(error);
        }
    }

    fn end(self) -> Result<LongItem> {
        let ItemFile { dir, file, size, .. } = self;
        file.map(|file| LongItem::new(file, size)).map_err(|error| {
            let detail = format!("cannot write a temporary file for a reply: {}", reason(&error));
            Error::new(Kind::Io, "store reply in", dir, detail)
                .with_hint(
                    "check permissions and free space there, or set temp_path to another directory",
                )
                .with_source(error)
        })
    }
}
