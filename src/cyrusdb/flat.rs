//! The flat backend (`lib/cyrusdb_flat.c`). Each line holds one record: key, TAB, value. Lines are
//! sorted in mailbox order.
//!
//! The bytes NUL, TAB, CR and LF are escaped: 0xff, then the byte with its highest bit set. 0xff is
//! escaped as 0xff 0xff (`encode`). A writer creates a new file and renames it over the old one.
//! Readers need no lock, because an open file never changes.

use std::cmp::Ordering;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::database::{DATABASE, Db, Visit};
use super::order;
use crate::error::{Error, Malformed, Result};
use crate::limits::{DB_KEY_BYTES, DB_VALUE_BYTES};
use crate::sys::file::open_regular;

const OP: &str = "read flat database";
const HINT: &str = "each line must be key, TAB, value, and the lines must be sorted as Cyrus sorts \
                    them: try `cvt_cyrusdb FILE flat NEW twoskip`, which copies what Cyrus can \
                    read";
const ESCAPE: u8 = 0xff;
/// Maximum length of a line: escaping can double the length of key and value; then TAB and LF.
const LINE_BYTES: u64 = 2 * (DB_KEY_BYTES + DB_VALUE_BYTES) + 2;
const SCAN_BUFFER: usize = 64 << 10;
/// Buffer of a binary search. It is small, because the search reads single lines far apart.
const SEARCH_BUFFER: usize = 512;
/// Buffer for reading one record. Most records fit.
const GET_BUFFER: usize = 4 << 10;

/// A flat database.
#[derive(Debug)]
pub(super) struct Flat {
    path: PathBuf,
    /// The content of the file, if it was read as a whole. If `None`, each operation opens the file
    /// again, so that it reads the newest state.
    bytes: Option<Vec<u8>>,
}

/// The input of a read: a file, or bytes in memory.
trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// One line, split into key and value, without its LF.
struct Line<'a> {
    offset: u64,
    key: &'a [u8],
    value: &'a [u8],
}

impl Flat {
    pub(super) fn new(path: &Path) -> Self {
        Flat { path: path.to_owned(), bytes: None }
    }

    /// Creates a database from bytes that were already read.
    pub(super) fn of_bytes(bytes: Vec<u8>, path: &Path) -> Self {
        Flat { path: path.to_owned(), bytes: Some(bytes) }
    }

    fn open(&self) -> Result<(Box<dyn Source + '_>, u64)> {
        if let Some(bytes) = &self.bytes {
            return Ok((Box::new(Cursor::new(bytes)), bytes.len() as u64));
        }
        match open_regular(&self.path) {
            Ok((file, len)) => Ok((Box::new(file), len)),
            Err(error) => Err(Error::io("open database", &self.path, error).or_hint(DATABASE)),
        }
    }

    fn io(&self, error: io::Error) -> Error {
        Error::io(OP, &self.path, error).or_hint(DATABASE)
    }

    fn wrap(&self, malformed: Malformed) -> Error {
        malformed.in_file(OP, &self.path, HINT)
    }

    /// Returns the offset of the first line whose key is not below `key`, or the file's size if
    /// there is no such line. `key` is encoded (escaped), as in the file.
    ///
    /// This is a binary search over byte offsets. Each offset stands for the first line that begins
    /// there or later.
    fn seek(&self, file: &mut dyn Source, size: u64, key: &[u8]) -> Result<u64> {
        let mut reader = BufReader::with_capacity(SEARCH_BUFFER, file);
        let (mut low, mut high) = (0, size);
        let mut found = size;
        while low < high {
            let middle = low + (high - low) / 2;
            let start = self.line_start(&mut reader, middle)?;
            let below = start < size && {
                let line_key = self.key_at(&mut reader, start)?;
                order::mailbox(&line_key, key) == Ordering::Less
            };
            if below {
                low = start.saturating_add(1);
            } else {
                high = middle;
                found = start;
            }
        }
        Ok(found)
    }

    /// Moves the reader to the first line that begins at `offset` or later. Returns the offset of
    /// that line.
    fn line_start(&self, reader: &mut BufReader<&mut dyn Source>, offset: u64) -> Result<u64> {
        let before = offset.saturating_sub(1);
        reader.seek(SeekFrom::Start(before)).map_err(|error| self.io(error))?;
        if offset == 0 {
            return Ok(0);
        }
        let skipped = reader.take(LINE_BYTES).skip_until(b'\n').map_err(|error| self.io(error))?;
        if skipped as u64 == LINE_BYTES {
            return Err(self.wrap(Malformed::new(before, "line is too long")));
        }
        Ok(before.saturating_add(skipped as u64))
    }

    /// Returns the key of the line at `offset`, which must be the reader's position.
    fn key_at(&self, reader: &mut BufReader<&mut dyn Source>, offset: u64) -> Result<Vec<u8>> {
        let mut key = Vec::new();
        reader
            .take(2 * DB_KEY_BYTES + 1)
            .read_until(b'\t', &mut key)
            .map_err(|error| self.io(error))?;
        if key.pop() != Some(b'\t') || key.contains(&b'\n') {
            return Err(self.wrap(Malformed::new(offset, "line has no TAB")));
        }
        Ok(key)
    }

    /// Passes each line from `offset` on to `each`, until `each` returns a break.
    fn lines(
        &self,
        file: &mut dyn Source,
        offset: u64,
        buffer: usize,
        each: &mut dyn FnMut(Line<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let mut reader = BufReader::with_capacity(buffer, file);
        reader.seek(SeekFrom::Start(offset)).map_err(|error| self.io(error))?;
        let mut offset = offset;
        let mut text = Vec::new();
        loop {
            text.clear();
            // If no TAB follows within the length of the longest key, this is not a line. Do not
            // read the rest.
            let mut read = (&mut reader)
                .take(2 * DB_KEY_BYTES + 1)
                .read_until(b'\t', &mut text)
                .map_err(|error| self.io(error))?;
            if text.last() == Some(&b'\t') {
                read += (&mut reader)
                    .take(LINE_BYTES)
                    .read_until(b'\n', &mut text)
                    .map_err(|error| self.io(error))?;
            }
            if read == 0 {
                return Ok(());
            }
            let line = parse_line(&text, offset).map_err(|malformed| self.wrap(malformed))?;
            if let ControlFlow::Break(()) = each(line)? {
                return Ok(());
            }
            offset = offset.saturating_add(read as u64);
        }
    }
}

impl Db for Flat {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let (mut file, size) = self.open()?;
        let key = encode(key);
        let offset = self.seek(&mut *file, size, &key)?;
        let mut value = None;
        self.lines(&mut *file, offset, GET_BUFFER, &mut |line| {
            if line.key == key {
                value = Some(decode(line.value));
            }
            Ok(ControlFlow::Break(()))
        })?;
        Ok(value)
    }

    fn scan(&self, prefix: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let (mut file, size) = self.open()?;
        let offset = self.seek(&mut *file, size, &encode(prefix))?;
        let mut before: Option<Vec<u8>> = None;
        self.lines(&mut *file, offset, SCAN_BUFFER, &mut |line| {
            if let Some(before) = &before
                && order::mailbox(before, line.key) != Ordering::Less
            {
                return Err(self.wrap(Malformed::new(line.offset, "keys are out of order")));
            }
            let key = decode(line.key);
            if !key.starts_with(prefix) {
                return Ok(ControlFlow::Break(()));
            }
            before.get_or_insert_default().clear();
            before.get_or_insert_default().extend_from_slice(line.key);
            visit(&key, &decode(line.value))
        })
    }
}

fn parse_line(text: &[u8], offset: u64) -> Result<Line<'_>, Malformed> {
    let Some((b'\n', line)) = text.split_last() else {
        return Err(Malformed::new(offset, "line has no end, or is too long"));
    };
    let tab = line.iter().position(|&b| b == b'\t');
    let Some((key, [_, value @ ..])) = tab.and_then(|at| line.split_at_checked(at)) else {
        return Err(Malformed::new(offset, "line has no TAB"));
    };
    if key.contains(&b'\n') {
        return Err(Malformed::new(offset, "line has no TAB"));
    }
    Ok(Line { offset, key, value })
}

fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\0' | b'\t' | b'\r' | b'\n' => out.extend([ESCAPE, 0x80 | byte]),
            ESCAPE => out.extend([ESCAPE, ESCAPE]),
            _ => out.push(byte),
        }
    }
    out
}

/// Decodes an escaped key or value. An escape byte without a following byte is dropped, as in
/// Cyrus.
fn decode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut bytes = bytes.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            ESCAPE => match bytes.next() {
                Some(ESCAPE) => out.push(ESCAPE),
                Some(escaped) => out.push(escaped & 0x7f),
                None => {}
            },
            _ => out.push(byte),
        }
    }
    out
}
