//! Measures how many bytes of a large database are read.

use std::fs;
use std::io::Write;

use crate::cyrusdb::Backend;

use super::tool::{Tool, contents, open};

const USERS: usize = 2000;
const FOLDERS: usize = 50;

fn name(user: usize, folder: usize) -> String {
    format!("Nuser\x1fu{user:04}\x1ff{folder:02}")
}

fn entry(user: usize) -> String {
    let id = format!("{:024}", user * 7919);
    format!("%(A %(u{user:04} lrswipkxtecdan) I {id} P default V 1704067200 F 3 M 1704067200 T e)")
}

/// Creates a database with a hundred thousand mailboxes.
fn fill(tool: &Tool, backend: Backend) {
    let all = || (0..USERS).flat_map(|user| (0..FOLDERS).map(move |folder| (user, folder)));
    if backend == Backend::Flat {
        // Write a flat file directly, because Cyrus would copy the whole file for each record.
        let lines =
            all().map(|(user, folder)| format!("{}\t{}\n", name(user, folder), entry(user)));
        fs::write(tool.path(backend), lines.collect::<String>()).unwrap();
        return;
    }
    let mut writer = tool.batch(backend);
    writeln!(writer.input, "BEGIN").unwrap();
    for (user, folder) in all() {
        // Insert the users in an order that is not the order of their names.
        writer.set(&name(user * 1237 % USERS, folder), &entry(user)).unwrap();
    }
    writeln!(writer.input, "COMMIT").unwrap();
    writer.finish();
}

/// Returns the number of bytes that this thread has read so far.
fn bytes_read() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/io").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.unwrap().parse().unwrap()
}

#[test]
fn a_users_mailboxes_cost_little_of_a_hundred_thousand() {
    let Some(tool) = Tool::find() else { return };
    for backend in [Backend::Twoskip, Backend::Skiplist, Backend::Flat] {
        fill(&tool, backend);
        let size = fs::metadata(tool.path(backend)).unwrap().len();
        let db = open(&tool.path(backend), backend);
        let mut reads = [0; 4];
        for (user, read) in [700, 701, 3, 1999].into_iter().zip(&mut reads) {
            let before = bytes_read();
            let records = contents(&*db, format!("Nuser\x1fu{user:04}\x1f").as_bytes());
            *read = bytes_read() - before;
            assert_eq!(records.len(), FOLDERS, "{backend}");
        }
        assert!(size > 10 << 20);
        assert!(reads.iter().all(|&read| read < 512 << 10), "{backend}: {reads:?} of {size} bytes");
        let before = bytes_read();
        for folder in 0..FOLDERS {
            assert!(db.get(name(1999, folder).as_bytes()).unwrap().is_some(), "{backend}");
        }
        let each = (bytes_read() - before) / FOLDERS as u64;
        let limit = if backend == Backend::Flat { 32 << 10 } else { 1 << 10 };
        assert!(each < limit, "{backend}: {each} bytes for each lookup");
    }
}
