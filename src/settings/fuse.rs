//! Actions that a person must allow: some changes of the master by a repair, and deletions on the
//! replica of data that is only missing on the master.

use crate::error::{Error, Kind, Result};
use crate::limits::REPAIR_MAX_EXPUNGE;

/// The actions that are allowed: unusual changes of the master by a repair, and, with `missing`,
/// deletions on the replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AllowRepair {
    /// Expunge many messages of a mailbox, or mark many `\Deleted`.
    pub expunge: bool,
    /// Change annotations with which Cyrus deletes, redirects or archives mail.
    pub annotations: bool,
    /// Change data that causes actions: Sieve scripts, messages that wait to be sent, push
    /// subscriptions.
    pub scripts: bool,
    /// Raise the last UID of a mailbox by a large number.
    pub uids: bool,
    /// Delete the subscriptions or the scripts of a user on the replica, if their file or directory
    /// is missing on the master.
    pub missing: bool,
}

impl AllowRepair {
    /// Allows all actions.
    pub const ALL: AllowRepair =
        AllowRepair { expunge: true, annotations: true, scripts: true, uids: true, missing: true };

    /// Parses words that are separated by commas: `expunge`, `annotations`, `scripts`, `uids`,
    /// `missing`, `all`.
    ///
    /// # Errors
    /// [`Kind::InvalidArgument`] if there is any other word, or an empty text.
    pub fn from_words(words: &str) -> Result<AllowRepair> {
        let mut allowed = AllowRepair::default();
        for word in words.split(',') {
            match word.trim() {
                "expunge" => allowed.expunge = true,
                "annotations" => allowed.annotations = true,
                "scripts" => allowed.scripts = true,
                "uids" => allowed.uids = true,
                "missing" => allowed.missing = true,
                "all" => allowed = AllowRepair::ALL,
                other => {
                    let detail = format!("\"{other}\" is not a kind of repair that can be allowed");
                    return Err(Error::new(Kind::InvalidArgument, "allow", "repair", detail).with_hint(
                        "write expunge, annotations, scripts, uids, missing or all, with commas \
                         between",
                    ));
                }
            }
        }
        Ok(allowed)
    }

    /// Returns the words that [`AllowRepair::from_words`] parses. Returns `None` if no action is
    /// allowed.
    pub fn words(self) -> Option<String> {
        if self == AllowRepair::ALL {
            return Some("all".to_owned());
        }
        let words = [
            ("expunge", self.expunge),
            ("annotations", self.annotations),
            ("scripts", self.scripts),
            ("uids", self.uids),
            ("missing", self.missing),
        ];
        let words: Vec<&str> =
            words.iter().filter(|(_, allowed)| *allowed).map(|(word, _)| *word).collect();
        (!words.is_empty()).then(|| words.join(","))
    }
}

/// The conditions under which a repair is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fuse {
    /// Maximum number of messages that a repair may expunge in a mailbox. Only applies if they are
    /// more than a tenth of the mailbox. `None` means no limit.
    pub max_expunge: Option<u64>,
    /// The actions that are allowed.
    pub allowed: AllowRepair,
}

impl Default for Fuse {
    fn default() -> Self {
        Fuse { max_expunge: Some(REPAIR_MAX_EXPUNGE), allowed: AllowRepair::default() }
    }
}
