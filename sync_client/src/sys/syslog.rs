//! Writes to the system log with libc's `openlog` and `syslog`, like Cyrus.

use std::ffi::{CString, c_int};

use cyrsync::Level;

/// The facility of log lines: `LOG_MAIL`, `LOG_LOCAL6` and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facility(c_int);

/// The names that imapd.conf accepts (`get_facility` in `imap/global.c`).
const FACILITIES: &[(&str, c_int)] = &[
    ("DAEMON", libc::LOG_DAEMON),
    ("MAIL", libc::LOG_MAIL),
    ("NEWS", libc::LOG_NEWS),
    ("USER", libc::LOG_USER),
    ("LOCAL0", libc::LOG_LOCAL0),
    ("LOCAL1", libc::LOG_LOCAL1),
    ("LOCAL2", libc::LOG_LOCAL2),
    ("LOCAL3", libc::LOG_LOCAL3),
    ("LOCAL4", libc::LOG_LOCAL4),
    ("LOCAL5", libc::LOG_LOCAL5),
    ("LOCAL6", libc::LOG_LOCAL6),
    ("LOCAL7", libc::LOG_LOCAL7),
];

impl Facility {
    /// Cyrus's default facility.
    pub const LOCAL6: Facility = Facility(libc::LOG_LOCAL6);

    /// Returns the facility with this name in imapd.conf, in upper or lower case.
    pub fn from_name(name: &str) -> Option<Facility> {
        let found = FACILITIES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, number)| Facility(*number))
    }
}

/// Opens the log under a name, with the process id in every line. With `echo`, the lines are also
/// written to stderr. May be called again to change the name.
pub fn open(ident: &str, facility: Facility, echo: bool) {
    let options = libc::LOG_PID | if echo { libc::LOG_PERROR } else { 0 };
    // libc keeps the pointer until the process ends.
    let ident = Box::leak(c_text(ident.as_bytes()).into_boxed_c_str());
    // SAFETY: `ident` is a C string that is never freed.
    unsafe { libc::openlog(ident.as_ptr(), options, facility.0) };
}

/// Sets whether lines of [`Level::Debug`] are written.
pub fn show_debug(is_shown: bool) {
    let debug = 1 << libc::LOG_DEBUG;
    // The mask has a bit for each of the eight levels.
    let mask = if is_shown { 0xff } else { 0xff & !debug };
    // SAFETY: the only argument is a number.
    unsafe { libc::setlogmask(mask) };
}

/// Writes a line. Control characters are escaped, so that a name with a newline cannot look like a
/// separate line.
pub fn send(level: Level, line: impl AsRef<[u8]>) {
    let priority = match level {
        Level::Error => libc::LOG_ERR,
        Level::Warning => libc::LOG_WARNING,
        Level::Notice => libc::LOG_NOTICE,
        Level::Info => libc::LOG_INFO,
        Level::Debug => libc::LOG_DEBUG,
    };
    let line = c_text(line.as_ref());
    // SAFETY: the format needs one string, and `line` is a C string that outlives the call.
    unsafe { libc::syslog(priority, c"%s".as_ptr(), line.as_ptr()) };
}

/// Returns a C string with control characters as `\x0a`. Bytes above 0x7f are kept, whether or not
/// they are UTF-8.
fn c_text(text: &[u8]) -> CString {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'\t' => out.push(b' '),
            0..=0x1f | 0x7f => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    CString::new(out).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facilities_are_known_by_name_in_any_case() {
        assert_eq!(Facility::from_name("local6"), Some(Facility::LOCAL6));
        assert_eq!(Facility::from_name("Mail"), Some(Facility(libc::LOG_MAIL)));
        assert_eq!(Facility::from_name("AUTH"), None);
        assert_eq!(Facility::from_name(""), None);
    }

    #[test]
    fn lines_for_debugging_can_be_turned_off_and_on_again() {
        let is_shown = || {
            // SAFETY: the only argument is a number. 0 changes nothing and returns the mask.
            let mask = unsafe { libc::setlogmask(0) };
            mask & (1 << libc::LOG_DEBUG) != 0
        };
        for shown in [false, true, false] {
            show_debug(shown);
            assert_eq!(is_shown(), shown);
        }
        show_debug(true);
    }

    #[test]
    fn control_characters_become_visible() {
        assert_eq!(
            c_text(b"user.a\nroot: \0x\t\x7f\xc3\xa4%s").as_bytes(),
            b"user.a\\x0aroot: \\x00x \\x7f\xc3\xa4%s"
        );
    }
}
