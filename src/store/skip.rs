//! Skips users for whom an administrator created a file `skipuser-USER` beside the sync log
//! (`sync_skipuser` in `imap/sync_support.c` of Cyrus 3.12).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::traits::Lock;
use crate::error::{Error, Kind, Result};
use crate::types::UserId;

/// Finds skip files: while a file `skipuser-USERID` exists beside the sync log, the user USERID is
/// not replicated. Also lists the users who are being replicated now, because a task ends early if
/// a skip file for its user appears.
#[derive(Debug, Default)]
pub struct SkipFiles {
    prefix: PathBuf,
    working: Arc<Mutex<Vec<UserId>>>,
}

/// A user's lock. While the lock is held, the user is in the list of users being replicated.
struct Working {
    user: UserId,
    all: Arc<Mutex<Vec<UserId>>>,
    _lock: Box<dyn Lock>,
}

impl Lock for Working {}

impl SkipFiles {
    /// Uses skip files with the path `prefix` followed by the userid.
    pub fn new(prefix: impl Into<PathBuf>) -> SkipFiles {
        SkipFiles { prefix: prefix.into(), working: Arc::default() }
    }

    /// Returns an error if a skip file exists for this user.
    ///
    /// # Errors
    /// [`Kind::Locked`] if the user is to be skipped.
    pub fn check(&self, user: &UserId) -> Result<()> {
        let mut path = self.prefix.as_os_str().to_owned();
        path.push(OsStr::from_bytes(user.as_bytes()));
        if Path::new(&path).exists() && !user.as_bytes().contains(&b'/') {
            Err(Error::new(
                Kind::Locked,
                "replicate",
                user,
                format!("{} says to skip this user", path.display()),
            )
            .with_hint("remove that file to have the user replicated again"))
        } else {
            Ok(())
        }
    }

    /// Takes the lock of a user with `take`, unless a skip file exists for the user. The user
    /// counts as being replicated until the returned lock is dropped.
    pub fn lock(
        &self,
        user: Option<&UserId>,
        take: impl FnOnce() -> Result<Box<dyn Lock>>,
    ) -> Result<Box<dyn Lock>> {
        // Shared mailboxes belong to no user, so there is no skip file for them.
        let Some(user) = user else { return take() };
        self.check(user)?;
        let lock = take()?;
        self.working.lock().unwrap_or_else(PoisonError::into_inner).push(user.clone());
        Ok(Box::new(Working { user: user.clone(), all: self.working.clone(), _lock: lock }))
    }

    /// Returns an error if a skip file has appeared for a user who is being replicated.
    pub fn since(&self) -> Option<Error> {
        let working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        working.iter().find_map(|user| self.check(user).err())
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = all.iter().position(|user| *user == self.user) {
            all.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Held;

    impl Lock for Held {}

    #[test]
    fn a_file_counts_for_those_that_are_being_replicated() {
        let dir = tempfile::tempdir().unwrap();
        let files = SkipFiles::new(dir.path().join("skipuser-"));
        let fred = UserId::new("fred");
        let take = || Ok(Box::new(Held) as Box<dyn Lock>);
        let lock = files.lock(Some(&fred), take).unwrap();
        assert!(files.since().is_none() && files.check(&fred).is_ok());
        std::fs::write(dir.path().join("skipuser-fred"), "").unwrap();
        assert_eq!(files.since().unwrap().kind(), Kind::Locked);
        drop(lock);
        assert!(files.since().is_none(), "nobody works on him");
        assert!(files.check(&fred).is_err());
        assert_eq!(files.lock(Some(&fred), take).err().unwrap().kind(), Kind::Locked);
        assert!(files.lock(None, take).is_ok());
        assert!(files.check(&UserId::new("x/../fred")).is_ok());
    }
}
