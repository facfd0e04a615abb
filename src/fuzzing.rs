//! Passes bytes to each parser of untrusted input, with one function for each parser: a target.
//! cargo-fuzz (`fuzz/`) runs the targets. The tests below run them too: with real files that are
//! cut at every byte and have every bit flipped, and with the inputs that once caused failures
//! (`fuzz/crashes`).
//!
//! If a CRC protects the bytes, a target parses them twice: unchanged and with a correct CRC, so
//! that the code after the CRC check is tested as well.

use std::cell::OnceCell;
use std::fs::{self, File};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use twox_hash::XxHash3_64;

use crate::config::Config;
use crate::cyrusdb::{self, Backend, KeyOrder, Options};
use crate::dlist::{self, Framer};
use crate::format::{
    annot, conv, counters, dbname, dl, header, index, mbentry, quota, script, seen,
};
use crate::protocol::{Item, Reply};
use crate::replica::fuzz;

/// A function that passes bytes to one parser.
pub type Target = fn(&[u8]);

/// All targets, by name.
pub const TARGETS: [(&str, Target); 22] = [
    ("annot", annotation),
    ("config", configuration),
    ("conv", conversations),
    ("counters", counters_file),
    ("deflate", fuzz::deflate),
    ("dl", stored_dlist),
    ("dlist", wire_dlist),
    ("flat", flat),
    ("greeting", fuzz::greeting),
    ("header", mailbox_header),
    ("index", mailbox_index),
    ("login", fuzz::login),
    ("mbentry", mailboxes_entry),
    ("quota", quota_value),
    ("quotalegacy", quotalegacy),
    ("reply", reply),
    ("script", sieve_message),
    ("seen", seen_value),
    ("session", session),
    ("skiplist", skiplist),
    ("twom", twom),
    ("twoskip", twoskip),
];

/// Runs the target with this name.
///
/// # Panics
/// If there is no target with this name, or if the parser has a bug.
pub fn run(name: &str, data: &[u8]) {
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, target) = found.unwrap_or_else(|| panic!("there is no target {name}"));
    target(data);
}

/// Parses the data as key and as value of annotations.db. The first byte is the position at which
/// the data is split into the two; the whole data is also parsed as each of them.
fn annotation(data: &[u8]) {
    let at = data.first().map_or(0, |n| usize::from(*n));
    let (key, value) = data.split_at_checked(at).unwrap_or((data, data));
    for key in [key, data] {
        if let Some(parts) = annot::Key::split(key) {
            assert!(parts.scope.len() + parts.entry.len() + parts.userid.len() <= key.len());
        }
    }
    for value in [value, data] {
        if let Ok(parts) = annot::Value::split(value) {
            assert!(parts.value.len() <= value.len());
        }
    }
}

/// Parses the data as imapd.conf. Replaces `@` by `#`, because `@include` would open other files.
fn configuration(data: &[u8]) {
    let text: Vec<u8> = data.iter().map(|b| if *b == b'@' { b'#' } else { *b }).collect();
    let _ = Config::from_text(&text, "fuzz");
    let dir = b"\nconfigdirectory: /fuzz\n";
    let _ = Config::from_text(&[&text[..], dir].concat(), "fuzz");
}

fn conversations(data: &[u8]) {
    let _ = conv::status_modseq(data);
}

fn counters_file(data: &[u8]) {
    let _ = counters::parse(data);
    let mut sealed = data.to_vec();
    seal(&mut sealed, 0, data.len().saturating_sub(4));
    let _ = counters::parse(&sealed);
}

fn stored_dlist(data: &[u8]) {
    let _ = dl::parse(data);
}

fn wire_dlist(data: &[u8]) {
    for end in [data.len() / 2, data.len()] {
        let _ = Framer::default().find(data.get(..end).unwrap_or_default());
    }
    if let Ok((value, taken)) = dlist::parse(data) {
        assert!(taken <= data.len());
        let _ = value.kv().map(|kv| (kv.opt_num64("UID").ok(), kv.opt_date("X").ok()));
    }
    let measured = dlist::measure(data);
    if let Ok((name, _, taken)) = dlist::parse_named(data) {
        assert!(name.len() <= taken && taken <= data.len());
        assert_eq!(measured.map(|m| m.length), Ok(taken), "what is measured is what is parsed");
    }
    let mut elements = 0;
    let mut each = |_| {
        elements += 1;
        Ok(())
    };
    if dlist::parse_each(data, "RECORD", &mut each).is_ok() {
        assert!(elements <= data.len());
    }
}

/// Parses the data as the replies to several commands, and decodes each reply as that of
/// `GET USER`.
fn session(data: &[u8]) {
    for reply in fuzz::replies(data) {
        let _ = reply.into_user();
    }
}

/// Parses the data as lines of a reply to `GET USER`.
fn reply(data: &[u8]) {
    let mut items = Vec::new();
    for line in data.split(|byte| *byte == b'\n').take(64) {
        items.extend(Item::new(line.to_vec()));
    }
    let _ = Reply::of(items).into_user();
}

fn mailbox_header(data: &[u8]) {
    if let Ok(header) = header::parse(data) {
        assert!(header.flags.len() <= crate::limits::USER_FLAGS);
    }
}

fn mailbox_index(data: &[u8]) {
    read_index(data);
    let mut sealed = data.to_vec();
    let word =
        |at: usize| data.get(at..).and_then(<[u8]>::first_chunk).map(|b| u32::from_be_bytes(*b));
    let (Some(version), Some(start), Some(size)) = (word(8), word(12), word(16)) else { return };
    seal(&mut sealed, 0, if version < 14 { 124 } else { 156 });
    let (start, size) = (start as usize, size as usize);
    if size >= 96 {
        for at in (start..data.len()).step_by(size) {
            seal(&mut sealed, at, at.saturating_add(size - 4));
        }
    }
    read_index(&sealed);
}

fn read_index(data: &[u8]) {
    let Ok(header) = index::Header::parse(data, data.len() as u64) else { return };
    for n in 0..header.num_records {
        let at = usize::try_from(header.offset_of(n)).unwrap_or(usize::MAX);
        let Some(bytes) = data.get(at..) else { panic!("record {n} is not in the file") };
        let _ = header.uid(bytes);
        let _ = header.record(bytes);
    }
}

fn mailboxes_entry(data: &[u8]) {
    let _ = mbentry::parse_by_name("user.fred".into(), data);
    if let Ok(entry) = mbentry::parse_by_id("id".into(), data) {
        assert!(!entry.name.is_empty());
    }
    let name = dbname::internal_name(data);
    assert_eq!(name.as_bytes().len(), data.len());
    assert_eq!(dbname::dbname(name.as_bytes()).len(), data.len());
}

fn quota_value(data: &[u8]) {
    let _ = quota::parse("user.fred".into(), data);
}

fn sieve_message(data: &[u8]) {
    if let Ok(script) = script::parse(data) {
        assert!(script.content.len() <= data.len() && !script.id.is_empty());
    }
}

fn seen_value(data: &[u8]) {
    let _ = seen::parse("id".into(), data);
}

fn flat(data: &[u8]) {
    database(data, Backend::Flat);
}

fn skiplist(data: &[u8]) {
    let magic = b"\xa1\x02\x8b\x0dskiplist file\0\0\0";
    database(
        &[&magic[..], data.get(magic.len()..).unwrap_or_default()].concat(),
        Backend::Skiplist,
    );
}

fn twoskip(data: &[u8]) {
    let magic = b"\xa1\x02\x8b\x0dtwoskip file\0\0\0\0";
    let data = [&magic[..], data.get(magic.len()..).unwrap_or_default()].concat();
    database(&data, Backend::Twoskip);
    database(&seal_twoskip(data), Backend::Twoskip);
}

fn twom(data: &[u8]) {
    let magic = b"\xa1\x02\x8b\x0dtwomfile\0\0\0\0";
    let data = [&magic[..], data.get(magic.len()..).unwrap_or_default()].concat();
    database(&data, Backend::Twom);
    database(&seal_twom(data), Backend::Twom);
}

fn quotalegacy(data: &[u8]) {
    let root = scratch(|dir| dir.join("quota/f/user.fred"));
    write(&root, data);
    let options = Options::default();
    let path = scratch(|dir| dir.join("quotas.db"));
    let Ok(Some(db)) = cyrusdb::open(&path, Some(Backend::QuotaLegacy), &options) else { return };
    if let Ok(Some(value)) = db.get(b"user.fred") {
        let _ = quota::parse("user.fred".into(), &value);
    }
    let _ = db.scan(b"user.", &mut |_, _| Ok(ControlFlow::Continue(())));
}

/// Reads the data as a database, with all functions that read. Checks that each scan ends, and that
/// it returns no more bytes than the file has.
fn database(data: &[u8], backend: Backend) {
    let path = scratch(|dir| dir.join("db"));
    write(&path, data);
    for order in [KeyOrder::Raw, KeyOrder::Mailbox] {
        let options = Options { order, ..Options::default() };
        let Ok(Some(db)) = cyrusdb::open(&path, Some(backend), &options) else { return };
        let mut visited = 0;
        let mut visit = |key: &[u8], value: &[u8]| {
            assert!(key.len() + value.len() <= data.len(), "more than the file holds");
            visited += 1;
            assert!(visited <= data.len(), "the scan does not end");
            Ok(ControlFlow::Continue(()))
        };
        let _ = db.scan(b"", &mut visit);
        let _ = db.salvage(b"user", &mut |_, _| Ok(ControlFlow::Continue(())));
        let _ = db.get(b"user.fred");
    }
}

/// Corrects the CRC at position `crc`. It covers the bytes from `start` up to `crc`.
fn seal(data: &mut [u8], start: usize, crc: usize) {
    let Some(sum) = data.get(start..crc).map(crc32fast::hash) else { return };
    if let Some(place) = data.get_mut(crc..).and_then(<[u8]>::first_chunk_mut) {
        *place = sum.to_be_bytes();
    }
}

/// Corrects the CRCs of a twoskip database: that of the header, and those of all bytes that look
/// like records.
fn seal_twoskip(mut data: Vec<u8>) -> Vec<u8> {
    seal(&mut data, 0, 60);
    let mut at = 64;
    while let Some([kind, level, a, b, c, d, e, f]) = data.get(at..).and_then(<[u8]>::first_chunk) {
        let links = 8 * (usize::from(*level) + 1);
        let (known, head) = (b"=+-$".contains(kind), at + 8 + links);
        let key_len = usize::from(u16::from_be_bytes([*a, *b]));
        let value_len = u32::from_be_bytes([*c, *d, *e, *f]) as usize;
        let tail = (key_len.saturating_add(value_len)).next_multiple_of(8);
        if !known || *level > 31 {
            at += 8;
            continue;
        }
        seal(&mut data, at, head);
        let sum = data.get(head + 8..(head + 8).saturating_add(tail)).map(crc32fast::hash);
        if let (Some(sum), Some(place)) =
            (sum, data.get_mut(head + 4..).and_then(<[u8]>::first_chunk_mut))
        {
            *place = sum.to_be_bytes();
        }
        at = head + 8 + if sum.is_some() { tail } else { 0 };
    }
    data
}

/// Corrects the checksums of a twom database: that of the header, and those of all bytes that look
/// like records.
fn seal_twom(mut data: Vec<u8>) -> Vec<u8> {
    let number = |data: &[u8], at: usize| {
        data.get(at..).and_then(<[u8]>::first_chunk).map(|bytes| u32::from_le_bytes(*bytes))
    };
    let without = number(&data, 36).is_some_and(|flags| flags & 1 << 27 != 0);
    let seal = |data: &mut [u8], start: usize, len: usize, at: usize| {
        let end = start.saturating_add(len);
        let sum = data
            .get(start..end)
            .map(|bytes| if without { 0 } else { XxHash3_64::oneshot(bytes) as u32 });
        let place = data.get_mut(at..).and_then(<[u8]>::first_chunk_mut);
        if let (Some(sum), Some(place)) = (sum, place) {
            *place = sum.to_le_bytes();
        }
    };
    seal(&mut data, 0, 92, 92);
    let mut at = 96;
    while let Some(&[kind, level, a, b, c, d, e, f]) = data.get(at..).and_then(<[u8]>::first_chunk)
    {
        let before = match kind {
            1 | 2 => 8,
            3 => 24,
            4 => 16,
            5 => 32,
            6 | 7 => 0,
            _ => {
                at += 8;
                continue;
            }
        };
        let head = before + 8 * (usize::from(level) + if before == 0 { 2 } else { 1 });
        seal(&mut data, at, head, at + head);
        let tail = match kind {
            2 | 4 => usize::from(u16::from_le_bytes([a, b]))
                .saturating_add(u32::from_le_bytes([c, d, e, f]) as usize),
            _ => 0,
        };
        let tail = if tail == 0 { 0 } else { tail.saturating_add(2).next_multiple_of(8) };
        if tail > 0 {
            seal(&mut data, at + head + 8, tail, at + head + 4);
        }
        at = at.saturating_add(head + 8).saturating_add(tail);
    }
    data
}

thread_local! {
    static SCRATCH: OnceCell<Scratch> = const { OnceCell::new() };
}

/// A directory of this thread for temporary files, in memory if possible.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn scratch<T>(with: impl FnOnce(&Path) -> T) -> T {
    SCRATCH.with(|cell| {
        let scratch = cell.get_or_init(|| {
            let memory = Path::new("/dev/shm");
            let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
            let name =
                format!("cyrsync-fuzz-{}-{:?}", std::process::id(), std::thread::current().id());
            let dir = base.join(name);
            fs::create_dir_all(dir.join("quota/f")).expect("a temporary directory can be made");
            Scratch(dir)
        });
        with(&scratch.0)
    })
}

fn write(path: &Path, data: &[u8]) {
    let file = File::options().create(true).truncate(false).write(true).open(path);
    let file = file.expect("own file");
    file.set_len(data.len() as u64).expect("own file");
    file.write_all_at(data, 0).expect("own file");
}

#[cfg(test)]
mod tests;
