//! Refuses unknown options of a later Cyrus that would move the data of users.
//!
//! If the client looked for a user's files in the wrong place, the user would seem to have no
//! subscriptions, and the client would delete the subscriptions on the replica. Between Cyrus
//! 3.12.3 and 3.13.7 `lib/imapoptions` got two options about where and how data is stored.
//! `mboxname_userpath` is read here. `cyrusdb_autoconvert` makes no difference to a reader, because
//! each database is read in the format that it has. Other options of this kind are unknown and are
//! refused.

use super::check::{channel_spec, spec};

/// Beginnings of the names of options that set the places of data that this client reads.
const DATA: [&str; 7] = [
    "mboxname_",
    "mboxlist_",
    "subscription_",
    "seenstate_",
    "conversations_",
    "annotation_",
    "quota_",
];

/// Endings of the names of options whose value is a path.
const PLACE: [&str; 3] = ["path", "dir", "directory"];

/// Returns whether an option is unknown and, by its name, moves data that this client reads. `key`
/// must be in lower case.
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
        // Options of Cyrus up to 3.13.7 with similar names, and options that do not concern this
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
