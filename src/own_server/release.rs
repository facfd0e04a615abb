//! Checks that the version of a `sync_server` is compatible with a spool. A server of another
//! version might not find the mailboxes, or might write data that the running Cyrus cannot read.

/// Major and minor version of Cyrus.
pub type Version = (u32, u32);

/// Properties of a spool that depend on the version of its Cyrus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traces {
    /// Whether mailboxes.db has a single record for each mailbox, keyed by its name.
    pub keyed_by_name: bool,
    /// Minor version of the cyrus.index that the repair will write.
    pub index: u32,
}

/// The first version in which mailboxes.db is keyed by name and by uniqueid.
const KEYED_BY_ID: Version = (3, 6);

/// The newest minor version of cyrus.index (`MAILBOX_MINOR_VERSION`) that Cyrus supports from each
/// of these versions on.
const INDEXES: [(Version, u32); 5] =
    [((3, 10), 19), ((3, 4), 17), ((3, 2), 16), ((3, 0), 13), ((0, 0), 12)];

/// Returns the reason why a program of this version must not write to the spool, or `None` if it
/// may.
pub fn objection(version: Version, traces: Traces) -> Option<String> {
    let (major, minor) = version;
    let program = format!("its version is {major}.{minor}");
    if traces.keyed_by_name && version >= KEYED_BY_ID {
        return Some(format!("{program}, but mailboxes.db was written by Cyrus 3.4 or older"));
    }
    if !traces.keyed_by_name && version < KEYED_BY_ID {
        return Some(format!("{program}, but mailboxes.db was written by Cyrus 3.6 or newer"));
    }
    let newest =
        INDEXES.iter().find(|(since, _)| version >= *since).map_or(0, |(_, newest)| *newest);
    // Later versions than those in [`INDEXES`] may support newer indexes.
    let is_known = version < (3, 13);
    if is_known && traces.index > newest {
        let index = traces.index;
        return Some(format!(
            "{program}, which supports cyrus.index up to version {newest}, but the mailbox has \
             version {index}"
        ));
    }
    None
}

/// Parses the version from the greeting of a server: `OK host Cyrus sync server 3.6.1-4`.
pub(super) fn greeted(line: &str) -> Option<Version> {
    let (_, version) = line.split_once(" Cyrus sync server ")?;
    let mut numbers = version.trim_start_matches('v').split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(version: Version, keyed_by_name: bool, index: u32) -> bool {
        objection(version, Traces { keyed_by_name, index }).is_none()
    }

    #[test]
    fn another_version_than_the_spools_is_refused() {
        assert!(allowed((3, 6), false, 17) && allowed((3, 6), false, 13));
        assert!(allowed((3, 12), false, 19) && allowed((3, 10), false, 17));
        assert!(allowed((3, 4), true, 17) && allowed((3, 2), true, 16));
        // Each of these versions would damage the spool or not find its mailboxes.
        assert!(!allowed((3, 6), true, 16) && !allowed((3, 12), true, 16));
        assert!(!allowed((3, 4), false, 17) && !allowed((2, 5), false, 12));
        assert!(!allowed((3, 6), false, 19) && !allowed((3, 8), false, 20));
        assert!(!allowed((3, 2), true, 17));
        // Nothing is known about later versions, so they are allowed.
        assert!(allowed((4, 0), false, 25));
    }

    #[test]
    fn a_greeting_tells_the_version() {
        let debian = "OK mail.example.org Cyrus sync server 3.6.1-Debian-3.6.1-4+deb12u3";
        assert_eq!(greeted(debian), Some((3, 6)));
        assert_eq!(greeted("OK h Cyrus sync server v3.12.0-beta1"), Some((3, 12)));
        assert_eq!(greeted("OK h Cyrus sync server"), None);
        assert_eq!(greeted("OK ready"), None);
    }
}
