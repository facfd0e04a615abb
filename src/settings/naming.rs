//! Settings of the form of mailbox and user names.

use super::resolver::Resolver;
use crate::config::opt;

/// The form of mailbox and user names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// Whether external names have `/` between their levels. Otherwise they have `.`.
    pub unixhierarchysep: bool,
    /// Whether user names may have a domain.
    pub virtdomains: bool,
    /// The domain that is left out of user names.
    pub defaultdomain: String,
    /// The first level of the names of deleted mailboxes.
    pub deletedprefix: String,
    /// The name of the folder of a user's Sieve scripts.
    pub sieve_folder: String,
}

impl Naming {
    pub(super) fn resolve(resolver: &mut Resolver<'_>) -> Naming {
        Naming {
            unixhierarchysep: resolver.switch(opt::UNIXHIERARCHYSEP),
            virtdomains: resolver.choice(opt::VIRTDOMAINS, &[("off", false)], true),
            defaultdomain: resolver.text(opt::DEFAULTDOMAIN),
            deletedprefix: resolver.text(opt::DELETEDPREFIX),
            sieve_folder: resolver.text(opt::SIEVE_FOLDER),
        }
    }
}
