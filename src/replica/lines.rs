//! Reads and sends lines during the login, before a session exists.

use super::link::{Fill, Link};
use crate::error::{Error, Kind, Result};
use crate::limits::LOGIN_LINE_BYTES;

/// Reads one line, including its line feed. Lines of a login have no literals.
///
/// # Errors
/// Errors of the connection; [`Kind::Protocol`] if the line is longer than [`LOGIN_LINE_BYTES`].
pub(super) fn read_line(link: &mut Link) -> Result<Vec<u8>> {
    let mut searched = 0;
    loop {
        let received = link.received();
        let fresh = received.get(searched..).unwrap_or_default();
        if let Some(feed) = fresh.iter().position(|b| *b == b'\n') {
            let line = received.get(..=searched + feed).unwrap_or_default().to_vec();
            link.consume(line.len());
            return Ok(line);
        }
        searched = received.len();
        if searched > LOGIN_LINE_BYTES {
            return Err(Error::new(
                Kind::Protocol,
                "read greeting or login reply of",
                link.name(),
                format!("a line is longer than {LOGIN_LINE_BYTES} bytes"),
            )
            .with_hint("check sync_host and sync_port: this may not be a Cyrus server"));
        }
        link.fill(Fill::Wait)?;
    }
}

/// Sends one line.
pub(super) fn send(link: &mut Link, line: &str) -> Result<()> {
    link.write(line.as_bytes())?;
    link.write(b"\r\n")?;
    link.flush()
}
