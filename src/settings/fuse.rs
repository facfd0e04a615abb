//! Actions that need a person's consent: some changes of the master by a repair, and deletions on
//! the replica of data that is merely missing here.

use crate::error::{Error, Kind, Result};
use crate::limits::REPAIR_MAX_EXPUNGE;

/// The actions for which consent was given: on the master, by a repair, and on the replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AllowRepair {
    /// Expunge many messages of a mailbox, or mark many `\Deleted`.
    pub expunge: bool,
    /// Change annotations that delete, redirect or archive mail.
    pub annotations: bool,
    /// Change data that acts by itself: sieve scripts, mail to be submitted, push subscriptions.
    pub scripts: bool,
    /// Raise the last UID by very much.
    pub uids: bool,
    /// Delete on the replica the subscriptions or the scripts of a user whose file or directory for
    /// them is missing here.
    pub missing: bool,
}

impl AllowRepair {
    /// Everything.
    pub const ALL: AllowRepair =
        AllowRepair { expunge: true, annotations: true, scripts: true, uids: true, missing: true };

    /// Parses words with commas between them: `expunge`, `annotations`, `scripts`, `uids`,
    /// `missing`, `all`.
    ///
    /// # Errors
    /// [`Kind::InvalidArgument`] if there is another word, or none.
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
                    let detail = format!("a repair cannot be allowed \"{other}\"");
                    return Err(Error::new(Kind::InvalidArgument, "allow", "repair", detail).hint(
                        "write expunge, annotations, scripts, uids, missing or all, with commas \
                         between",
                    ));
                }
            }
        }
        Ok(allowed)
    }

    /// Returns the words that [`AllowRepair::from_words`] parses; `None` if nothing is allowed.
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
    /// Number of messages that may be expunged in a mailbox if they are more than a tenth of it;
    /// `None` for no limit.
    pub max_expunge: Option<u64>,
    /// What is allowed.
    pub allowed: AllowRepair,
}

impl Default for Fuse {
    fn default() -> Self {
        Fuse { max_expunge: Some(REPAIR_MAX_EXPUNGE), allowed: AllowRepair::default() }
    }
}
