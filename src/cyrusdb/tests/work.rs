//! Measures how many bytes a lookup reads.

use std::fs;

use super::*;

/// Returns the number of bytes that this thread has read so far.
fn bytes_read() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/io").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.unwrap().parse().unwrap()
}

/// Returns the number of bytes that this thread reads in `work`.
fn cost(work: impl FnOnce()) -> u64 {
    let empty = bytes_read();
    let own = bytes_read() - empty;
    let before = bytes_read();
    work();
    bytes_read() - before - own
}

#[test]
fn a_second_lookup_in_an_unchanged_file_reads_almost_nothing() {
    for name in ["plain.twoskip", "plain.skiplist", "killed.twoskip", "killed.skiplist"] {
        let db = open_as(&fixture(name), backend(name), KeyOrder::Raw);
        let expected = export(name);
        assert_eq!(scan(&*db, b"").unwrap(), expected);
        let read = cost(|| {
            for (key, value) in &expected {
                assert_eq!(db.get(key).unwrap().as_ref(), Some(value));
            }
        });
        // Each lookup reads only the first 64 bytes of the file, to check that the file has not
        // changed.
        assert_eq!(read, 64 * expected.len() as u64, "{name}");
    }
}
