//! The form of names.

use super::resolver::Resolver;
use crate::config::opt;

/// The form of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// Whether external names have `/` between their levels, otherwise `.`.
    pub unixhierarchysep: bool,
    /// Whether names may have a domain.
    pub virtdomains: bool,
    /// The domain that is left out of names.
    pub defaultdomain: String,
    /// The first level of deleted mailboxes.
    pub deletedprefix: String,
    /// The folder of a user's Sieve scripts.
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
