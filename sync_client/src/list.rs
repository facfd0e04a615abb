//! Reads lists of users or mailboxes from files (`-f`): one name on each line. A line that begins
//! with `#` is a comment.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use crate::sys::syslog;
use cyrsync::Level;

use crate::terminal::complain;

/// Longest accepted line, in bytes. All real names are much shorter.
const LINE_BYTES: u64 = 64 * 1024;

/// The error that a list cannot be read. The reason was already reported to stderr and syslog.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable;

impl Unreadable {
    fn tell(verb: &str, path: &OsStr, error: &io::Error) -> Self {
        let line = format!("Unable to {verb} {}: {}", path.display(), reason(error));
        complain(&line);
        syslog::send(Level::Notice, &line);
        Unreadable
    }
}

/// An iterator over the names of a list. It reads them one by one, so a long list needs little
/// memory.
pub struct List<R> {
    path: OsString,
    lines: R,
}

/// Opens a list.
pub fn open(path: &OsStr) -> Result<List<BufReader<File>>, Unreadable> {
    match File::open(path) {
        Ok(file) => Ok(List { path: path.to_owned(), lines: BufReader::new(file) }),
        Err(error) => Err(Unreadable::tell("open", path, &error)),
    }
}

/// Returns the system's text for an error, like `strerror`: without the error number.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

impl<R: BufRead> List<R> {
    /// Reads a line, including its newline. Returns no bytes at the end of the file.
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        let read = self.lines.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)?;
        if read as u64 == LINE_BYTES && !line.ends_with(b"\n") {
            let what = format!("a line is longer than {LINE_BYTES} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(line)
    }
}

/// Callers must not continue after an error.
impl<R: BufRead> Iterator for List<R> {
    type Item = Result<Vec<u8>, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut line = match self.line() {
                Ok(line) if line.is_empty() => return None,
                Ok(line) => line,
                Err(error) => return Some(Err(Unreadable::tell("read", &self.path, &error))),
            };
            if line.pop_if(|last| *last == b'\n').is_some() {
                line.pop_if(|last| *last == b'\r');
            }
            if !line.is_empty() && !line.starts_with(b"#") {
                return Some(Ok(line));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(lines: &[u8]) -> List<&[u8]> {
        List { path: "list".into(), lines }
    }

    fn names(text: &[u8]) -> Vec<Vec<u8>> {
        list(text).map(Result::unwrap).collect()
    }

    #[test]
    fn comments_and_empty_lines_are_skipped() {
        assert_eq!(
            names(b"# who\nfred\n\nann#1\n#\n  x\n"),
            [b"fred".as_slice(), b"ann#1", b"  x"]
        );
    }

    #[test]
    fn the_last_line_needs_no_end_and_any_may_end_in_cr_lf() {
        assert_eq!(names(b"fred\r\n\r\nann"), [b"fred".as_slice(), b"ann"]);
        assert!(names(b"").is_empty());
    }

    #[test]
    fn a_name_longer_than_cyrus_buffer_stays_one_name() {
        let long = vec![b'a'; 2000];
        assert_eq!(names(&[&long, b"\nfred\n".as_slice()].concat()), [long, b"fred".to_vec()]);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let text = vec![b'a'; 1 << 17];
        assert_eq!(list(&text).next(), Some(Err(Unreadable)));
    }

    #[test]
    fn system_errors_are_printed_without_their_number() {
        assert_eq!(reason(&io::Error::from_raw_os_error(2)), "No such file or directory");
    }
}
