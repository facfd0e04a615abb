//! Lists the master's users and mailboxes, for patterns on a command line.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::names::Namespace;
use crate::store::Store;
use crate::types::{MailboxEntry, MboxName, Pattern, UserId};

/// Looks up users and mailboxes of a master. Each call reads mailboxes.db. A catalog may be used
/// while the client works.
///
/// ```
/// use cyrsync::Pattern;
/// # let recorded_master = || include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/master/example.rs"));
/// # let (_spool, config) = recorded_master();
/// # let settings = cyrsync::Settings::resolve(&config, None, &Default::default())?;
/// # let mut client = cyrsync::Client::builder(settings).build()?;
/// let catalog = client.catalog();
/// assert!(catalog.has_user(&"fred".into())?);
/// assert_eq!(catalog.users(&Pattern::new(b"*r*")?).found, ["bert", "fred"]);
/// # Ok::<(), cyrsync::Error>(())
/// ```
#[derive(Clone)]
pub struct Catalog {
    store: Arc<dyn Store>,
    names: Namespace,
}

/// The names that match a pattern.
///
/// ```
/// use cyrsync::{Matches, Pattern};
/// # let recorded_master = || include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/master/example.rs"));
/// # let (_spool, config) = recorded_master();
/// # let settings = cyrsync::Settings::resolve(&config, None, &Default::default())?;
/// # let mut client = cyrsync::Client::builder(settings).build()?;
/// let Matches { found, unread, .. } = client.catalog().mailboxes(&Pattern::new(b"shared*")?);
/// assert_eq!(found, ["shared", "shared.lists"]);
/// assert!(unread.is_none(), "all of mailboxes.db was read");
/// # Ok::<(), cyrsync::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Matches<T> {
    /// The matching names without duplicates, in the order of mailboxes.db.
    pub found: Vec<T>,
    /// The error if a part of mailboxes.db could not be read. `found` is incomplete then.
    pub unread: Option<Error>,
}

impl Catalog {
    pub(super) fn new(store: Arc<dyn Store>, names: Namespace) -> Catalog {
        Catalog { store, names }
    }

    /// Returns the internal name of a mailbox. `external` is the form used on the command line.
    ///
    /// # Errors
    /// [`Kind::InvalidArgument`](crate::Kind::InvalidArgument) for a name that no mailbox can have.
    pub fn internal_name(&self, external: &[u8]) -> Result<MboxName> {
        self.names.read_external(external)
    }

    /// Returns whether a user has an INBOX.
    ///
    /// # Errors
    /// Errors of reading mailboxes.db.
    pub fn has_user(&self, user: &UserId) -> Result<bool> {
        self.has_mailbox(&self.names.inbox(user))
    }

    /// Returns whether there is a mailbox with this internal name.
    ///
    /// # Errors
    /// Errors of reading mailboxes.db.
    pub fn has_mailbox(&self, name: &MboxName) -> Result<bool> {
        Ok(self.store.lookup(name)?.is_some_and(|entry| is_there(&entry)))
    }

    /// Returns the users who have an INBOX and whose userids match the pattern.
    pub fn users(&self, pattern: &Pattern) -> Matches<UserId> {
        self.matching(|name| {
            let owner = self.names.owner(name).filter(|_| self.names.is_inbox(name))?;
            pattern.matches(owner.as_bytes()).then_some(owner)
        })
    }

    /// Returns the mailboxes whose external names match the pattern. Deleted mailboxes that wait
    /// for expiry are included: their names begin with `DELETED/`.
    pub fn mailboxes(&self, pattern: &Pattern) -> Matches<MboxName> {
        self.matching(|name| {
            let external = self.names.to_external(name)?;
            pattern.matches(external.as_bytes()).then(|| name.clone())
        })
    }

    fn matching<T>(&self, chosen: impl Fn(&MboxName) -> Option<T>) -> Matches<T> {
        let mut found = Vec::new();
        let listed = self.store.each_mailbox(b"", &mut |entry| {
            if is_there(&entry) {
                found.extend(chosen(&entry.name));
            }
            Ok(ControlFlow::Continue(()))
        });
        Matches { found, unread: listed.err() }
    }
}

/// Returns whether an entry is a mailbox. Deleted mailboxes and intermediate names are not.
fn is_there(entry: &MailboxEntry) -> bool {
    !entry.mbtype.is_deleted() && !entry.mbtype.is_intermediate()
}
