//! Micro-benchmarks of the most expensive parts of a run: `make bench-micro`.
//!
//! They are unit tests because they measure private functions. A normal run of the tests checks
//! that each of them works.

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::cyrusdb::{self, Backend, Db, Options};
use crate::dlist::{self, Writer};
use crate::format::index::Header;
use crate::replica::fuzz;
use crate::types::crc::FlagCrcs;
use crate::types::{CrcSum, Guid, Record, Text};

/// Number of records in an index, and in a reply.
const RECORDS: u32 = 10_000;
/// Total time of each benchmark (`TIME`), which is divided into `PARTS`. The result is that of the
/// fastest part.
const TIME: Duration = Duration::from_millis(500);
const PARTS: u32 = 5;

/// A benchmark.
struct Micro {
    name: &'static str,
    /// Bytes that one repetition processes.
    bytes: usize,
    /// Records or keys that one repetition processes.
    pieces: usize,
    run: Box<dyn FnMut()>,
}

fn micro(name: &'static str, bytes: usize, pieces: usize, run: impl FnMut() + 'static) -> Micro {
    Micro { name, bytes, pieces, run: Box::new(run) }
}

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)
}

fn all() -> Vec<Micro> {
    [dlists(), indexes(), databases(), crcs(), deflates()].into_iter().flatten().collect()
}

/// Returns the reply that a replica sends for a mailbox with its records.
fn reply() -> Vec<u8> {
    let mut text = String::from("MAILBOX %(UNIQUEID abcdefgh MBOXNAME user.fred RECORD (");
    for n in 0..RECORDS {
        let space = if n > 0 { " " } else { "" };
        let _ = write!(
            text,
            "{space}%(UID {n} MODSEQ {n} LAST_UPDATED 1704067200 FLAGS (\\Seen $Label1) \
             INTERNALDATE 1704067200 SIZE 4711 GUID {n:040x})"
        );
    }
    text.push_str("))");
    text.into_bytes()
}

fn dlists() -> Vec<Micro> {
    let (bytes, pieces) = (reply(), RECORDS as usize);
    let size = bytes.len();
    let again = bytes.clone();
    let write = || {
        let mut out = Vec::with_capacity(1 << 20);
        for n in 0..RECORDS {
            write_record(&mut Writer::new(&mut out), n).expect("memory takes all");
        }
        out
    };
    let written = write().len();
    vec![
        micro("dlist: build a reply", size, pieces, move || {
            black_box(dlist::parse_named(&bytes).expect("a good reply"));
        }),
        micro("dlist: records one by one", size, pieces, move || {
            let mut each = |value| {
                black_box(value);
                Ok(())
            };
            dlist::parse_each(&again, "RECORD", &mut each).expect("a good reply");
        }),
        micro("dlist: write records", written, pieces, move || {
            black_box(write());
        }),
    ]
}

fn write_record(writer: &mut Writer<'_>, n: u32) -> crate::Result<()> {
    writer.open_kv()?;
    writer.key("UID")?.num(n.into())?;
    writer.key("MODSEQ")?.num(n.into())?;
    writer.key("LAST_UPDATED")?.date(1_704_067_200)?;
    writer.key("FLAGS")?.open_list()?;
    writer.flag(b"\\Seen")?;
    writer.close()?;
    writer.key("GUID")?.atom(Guid::default().to_hex().as_slice())?;
    writer.close()
}

/// Returns the header of a fixture's index, and its first record repeated many times.
fn index() -> (Header, Vec<u8>) {
    let file = fs::read(fixture("index/v17/cyrus.index")).expect("own file");
    let header = Header::parse(&file, file.len() as u64).expect("a good file");
    let start = header.offset_of(0) as usize;
    let record = file.get(start..header.offset_of(1) as usize).expect("it has a record");
    let records = record.repeat(RECORDS as usize);
    (header, records)
}

fn indexes() -> Vec<Micro> {
    let (header, records) = index();
    let size = header.record_size as usize;
    vec![micro("index: scan records", records.len(), RECORDS as usize, move || {
        for record in records.chunks(size) {
            black_box(header.record(record).expect("a good record"));
        }
    })]
}

fn databases() -> Vec<Micro> {
    let path = fixture("cyrusdb/plain.twoskip");
    let size = fs::metadata(&path).expect("own file").len() as usize;
    let open = move || -> Box<dyn Db> {
        let db = cyrusdb::open(&path, Some(Backend::Twoskip), &Options::default());
        db.expect("a good file").expect("it is there")
    };
    let mut keys = Vec::new();
    let mut visit = |key: &[u8], _: &[u8]| {
        keys.push(key.to_vec());
        Ok(ControlFlow::Continue(()))
    };
    open().scan(b"", &mut visit).expect("a good file");
    let (pieces, kept) = (keys.len(), open());
    vec![
        micro("twoskip: open and scan", size, pieces, move || {
            let mut visit = |key: &[u8], value: &[u8]| {
                black_box((key, value));
                Ok(ControlFlow::Continue(()))
            };
            open().scan(b"", &mut visit).expect("a good file");
        }),
        micro("twoskip: look up keys", size, pieces, move || {
            for key in &keys {
                black_box(kept.get(key).expect("a good file"));
            }
        }),
    ]
}

fn crcs() -> Vec<Micro> {
    let (header, records) = index();
    let record = header.record(&records).expect("a good record");
    let flags = FlagCrcs::new(&[Some(Text::from("$Label1"))]);
    let version = header.minor_version();
    let block = bytes(1 << 20);
    let size = records.len();
    vec![
        micro("CRC: sync CRCs of records", size, RECORDS as usize, move || {
            for uid in 1..=RECORDS {
                let record = Record { uid, ..record };
                let mut sum = CrcSum::EMPTY;
                sum.record(&record, &flags, version);
                black_box(sum);
            }
        }),
        micro("CRC: a megabyte", block.len(), 1, move || {
            black_box(crc32fast::hash(&block));
        }),
    ]
}

fn deflates() -> Vec<Micro> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol.md");
    let text = fs::read(page).expect("own page").repeat(4);
    let noise = base64_lines(1 << 20);
    let levels = [
        ("deflate: level 1, text", 1),
        ("deflate: level 3, text", 3),
        ("deflate: level 6, text", 6),
    ];
    let mut found: Vec<Micro> = levels
        .into_iter()
        .map(|(name, level)| {
            let text = text.clone();
            micro(name, text.len(), 1, move || {
                black_box(fuzz::compressed(level, &text));
            })
        })
        .collect();
    found.push(micro("deflate: level 6, base64", noise.len(), 1, move || {
        black_box(fuzz::compressed(6, &noise));
    }));
    found
}

/// Returns pseudo-random bytes, the same in every run.
fn bytes(count: usize) -> Vec<u8> {
    let mut state = 1u32;
    let next = |_| {
        // xorshift32
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..count).map(next).collect()
}

/// Returns lines of base64 that do not compress, like an attachment of a compressed file.
fn base64_lines(count: usize) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters = bytes(count).into_iter().map(|byte| LETTERS[usize::from(byte) % 64]);
    let letters: Vec<u8> = letters.collect();
    letters.chunks(76).flat_map(|line| [line, b"\r\n"].concat()).collect()
}

/// Measures a benchmark. Returns the shortest time of one repetition.
fn best(micro: &mut Micro) -> Duration {
    (micro.run)();
    let mut best = Duration::MAX;
    for _ in 0..PARTS {
        let (started, mut times) = (Instant::now(), 0);
        while started.elapsed() < TIME / PARTS {
            (micro.run)();
            times += 1;
        }
        best = best.min(started.elapsed() / times.max(1));
    }
    best
}

#[test]
fn each_benchmark_works() {
    for mut micro in all() {
        assert!(micro.bytes > 0 && micro.pieces > 0, "{}", micro.name);
        (micro.run)();
    }
}

#[test]
#[ignore = "for people: make bench-micro"]
fn table() {
    println!("{:28} {:>10} {:>12}", "", "MB/s", "ns a piece");
    for mut micro in all() {
        let seconds = best(&mut micro).as_secs_f64();
        let (rate, each) =
            (micro.bytes as f64 / 1e6 / seconds, seconds * 1e9 / micro.pieces as f64);
        println!("{:28} {rate:>10.0} {each:>12.0}", micro.name);
    }
}
