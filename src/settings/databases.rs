//! Settings of the formats of databases.

use super::resolver::Resolver;
use crate::config::opt::{self, ChoiceOpt};

/// A database format of Cyrus. Not all of them can be read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DbBackend {
    /// `lib/cyrusdb_twoskip.c`, the default of most databases.
    Twoskip,
    /// `lib/cyrusdb_skiplist.c`
    Skiplist,
    /// `lib/cyrusdb_flat.c`
    Flat,
    /// `lib/cyrusdb_quotalegacy.c`, the default of `quota_db`.
    QuotaLegacy,
    /// `lib/cyrusdb_sql.c`
    Sql,
    /// `lib/cyrusdb_zeroskip.c`
    Zeroskip,
    /// `lib/cyrusdb_twom.c`, after Cyrus 3.12.
    Twom,
}

impl DbBackend {
    /// All formats with their names in imapd.conf.
    const WORDS: [(&'static str, DbBackend); 7] = [
        ("twoskip", DbBackend::Twoskip),
        ("skiplist", DbBackend::Skiplist),
        ("flat", DbBackend::Flat),
        ("quotalegacy", DbBackend::QuotaLegacy),
        ("sql", DbBackend::Sql),
        ("zeroskip", DbBackend::Zeroskip),
        ("twom", DbBackend::Twom),
    ];

    /// Returns the name of the format in imapd.conf.
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, backend)| *backend == self).map_or("", |(word, _)| word)
    }
}

/// The format of a database, and the option that sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DbFormat {
    /// Name of the option.
    pub option: &'static str,
    /// The format.
    pub backend: DbBackend,
}

/// The formats of databases, and options that depend on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Databases {
    /// Format of mailboxes.db.
    pub mboxlist_db: DbFormat,
    /// Format of databases of annotations.
    pub annotation_db: DbFormat,
    /// Format of files of subscriptions.
    pub subscription_db: DbFormat,
    /// Format of databases of seen state.
    pub seenstate_db: DbFormat,
    /// Format of the quota database.
    pub quota_db: DbFormat,
    /// Format of databases of conversations.
    pub conversations_db: DbFormat,
    /// Whether Cyrus maintains conversations, and a modseq counter for each user.
    pub conversations: bool,
    /// The folder of messages that wait to be sent. They belong to no conversation.
    pub jmapsubmissionfolder: String,
    /// Whether mailboxes.db also lists, for each user, the mailboxes to which the user has rights.
    pub reverseacls: bool,
    /// Whether mailboxes.db has groups of users (`auth_mech: mboxgroups`).
    pub mboxgroups: bool,
    /// Whether a mailboxes.db of an early version is sorted like one of a later version.
    pub improved_mboxlist_sort: bool,
}

impl Databases {
    pub(super) fn resolve(resolver: &mut Resolver<'_>) -> Databases {
        let mut format = |option: ChoiceOpt| DbFormat {
            option: option.spec().name,
            backend: resolver.choice(option, &DbBackend::WORDS, DbBackend::Twoskip),
        };
        Databases {
            mboxlist_db: format(opt::MBOXLIST_DB),
            annotation_db: format(opt::ANNOTATION_DB),
            subscription_db: format(opt::SUBSCRIPTION_DB),
            seenstate_db: format(opt::SEENSTATE_DB),
            quota_db: format(opt::QUOTA_DB),
            conversations_db: format(opt::CONVERSATIONS_DB),
            conversations: resolver.switch(opt::CONVERSATIONS),
            jmapsubmissionfolder: resolver.text(opt::JMAPSUBMISSIONFOLDER),
            reverseacls: resolver.switch(opt::REVERSEACLS),
            mboxgroups: resolver.text(opt::AUTH_MECH) == "mboxgroups",
            improved_mboxlist_sort: resolver.switch(opt::IMPROVED_MBOXLIST_SORT),
        }
    }
}
