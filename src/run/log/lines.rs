//! Reads the entries of a sync log line by line.

use std::io::{self, BufRead, Read};

use super::entry::{self, LogEntry};
use crate::limits::LOG_LINE_BYTES;

/// A line of a log.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A valid entry.
    Entry(LogEntry),
    /// The number of an invalid line, counted from 1, and what is wrong with it.
    Garbage(u64, String),
}

/// Reads a log line by line. Invalid lines are skipped and returned as [`Line::Garbage`].
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Makes a parser for the lines of `reader`.
    pub fn new(reader: R) -> Self {
        Lines { reader, number: 0 }
    }

    /// Returns the next line that is not blank, or `None` at the end.
    ///
    /// # Errors
    /// Errors of the reader.
    pub fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            let mut line = Vec::new();
            self.number += 1;
            let number = self.number;
            if !self.read_to_end_of_line(&mut line)? {
                return Ok(None);
            }
            while let Some(len) = entry::continues(&line).filter(|_| line.len() < LOG_LINE_BYTES) {
                let len = len.min(LOG_LINE_BYTES) as u64;
                self.reader.by_ref().take(len).read_to_end(&mut line)?;
                self.read_to_end_of_line(&mut line)?;
            }
            if line.len() > LOG_LINE_BYTES {
                self.skip_line(&line)?;
                let what = format!("it is longer than {LOG_LINE_BYTES} bytes");
                return Ok(Some(Line::Garbage(number, what)));
            }
            let cut_off = line.pop_if(|byte| *byte == b'\n').is_none();
            match LogEntry::parse(&line) {
                Ok(Some(item)) => return Ok(Some(Line::Entry(item))),
                Ok(None) => {}
                Err(what) => {
                    let cut_off = if cut_off { ", and the file ends within the line" } else { "" };
                    let start: Vec<u8> = line.into_iter().take(200).collect();
                    let what = format!("{what}{cut_off}: {}", start.escape_ascii());
                    return Ok(Some(Line::Garbage(number, what)));
                }
            }
        }
    }

    /// Reads up to the end of the line, but at most one byte more than the limit of a line. Returns
    /// `false` at the end of the file.
    fn read_to_end_of_line(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        let room = (LOG_LINE_BYTES + 1).saturating_sub(line.len()) as u64;
        Ok(self.reader.by_ref().take(room).read_until(b'\n', line)? > 0)
    }

    fn skip_line(&mut self, read: &[u8]) -> io::Result<()> {
        if read.last() != Some(&b'\n') {
            self.reader.skip_until(b'\n')?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(log: &[u8]) -> Vec<String> {
        let mut lines = Lines::new(log);
        let mut found = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            found.push(match line {
                Line::Entry(item) => item.to_string(),
                Line::Garbage(number, what) => format!("{number}: {what}"),
            });
        }
        found
    }

    #[test]
    fn entries_come_in_order_and_blank_lines_do_not_count() {
        let log = b"MAILBOX user.a\n\r\n\nMAILBOX \"user.b c\"\r\nUSER fred\n";
        assert_eq!(all(log), ["MAILBOX user.a", "MAILBOX \"user.b c\"", "USER fred"]);
    }

    #[test]
    fn invalid_lines_are_reported_with_their_number_and_skipped() {
        let log = b"MAILBOX user.a\nwhat is this\n\nMAILBOX\nUSER fred\n";
        assert_eq!(
            all(log),
            [
                "MAILBOX user.a",
                "2: Unknown action type: WHAT: what is this",
                "4: no name follows: MAILBOX",
                "USER fred"
            ]
        );
    }

    #[test]
    fn literals_may_hold_line_breaks() {
        let log = b"SUB fred {6+}\r\nuser\nx\nMAILBOX {6}\nuser.a\r\nUSER fred\n";
        let found = all(log);
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[1..], ["MAILBOX user.a", "USER fred"]);
    }

    #[test]
    fn a_line_without_end_is_still_one() {
        assert_eq!(all(b"MAILBOX user.a\nMAILBOX user.b"), ["MAILBOX user.a", "MAILBOX user.b"]);
        assert_eq!(
            all(b"MAILBOX user.a\nMAIL"),
            ["MAILBOX user.a", "2: no name follows, and the file ends within the line: MAIL"]
        );
    }

    #[test]
    fn an_endless_line_is_skipped() {
        let mut log = b"MAILBOX ".to_vec();
        log.resize(5 * LOG_LINE_BYTES, b'x');
        log.extend_from_slice(b"\nUSER fred\nMAILBOX {99999999999}\n");
        log.resize(12 * LOG_LINE_BYTES, b'y');
        log.extend_from_slice(b"\nUSER anna\n");
        let found = all(&log);
        assert_eq!(found[1], "USER fred");
        assert_eq!(found.last().unwrap(), "USER anna");
        assert!(found[0].starts_with("1: it is longer than"), "{found:?}");
        assert!(found[2].starts_with("3: "), "{found:?}");
    }
}
