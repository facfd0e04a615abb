//! Refuses unknown options of a later Cyrus that would move the data of users.
//!
//! If the client looks for a user's file in the wrong place, the user seems to have no
//! subscriptions, and the replica would lose them. Between Cyrus 3.12.3 and 3.13.7
//! `lib/imapoptions` got two options about where and how data is stored: `mboxname_userpath`, which
//! is read here, and `cyrusdb_autoconvert`, which makes no difference to a reader, because each
//! database is read as the type that it has. An unknown option of the same kind is refused.

use super::check::{channel_spec, spec};

/// First words of options that set where the data is stored that this client reads.
const DATA: [&str; 7] = [
    "mboxname_",
    "mboxlist_",
    "subscription_",
    "seenstate_",
    "conversations_",
    "annotation_",
    "quota_",
];

/// Last words of options that hold a path.
const PLACE: [&str; 3] = ["path", "dir", "directory"];

/// Whether an option moves data that this client reads, and is unknown. `key` is in lower case.
pub(super) fn moves_data(key: &str) -> bool {
    let is_known = spec(key).is_some() || channel_spec(key).is_some();
    !is_known
        && DATA.iter().any(|word| key.starts_with(word))
        && PLACE.iter().any(|word| key.ends_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_move_data_are_known_or_refused() {
        for later in ["mboxname_metapath", "seenstate_db_path", "conversations_dir"] {
            assert!(moves_data(later), "{later}");
        }
        // Options of Cyrus up to 3.13.7 with such a name, and others that do not concern this
        // client.
        for known in [
            "mboxname_lockpath",
            "mboxname_userpath",
            "mboxlist_db_path",
            "annotation_db_path",
            "quota_db_path",
            "annotation_definitions",
            "cyrusdb_autoconvert",
            "statuscache_db_path",
            "conversations_db",
            "quotawarn",
        ] {
            assert!(!moves_data(known), "{known}");
        }
    }
}
