//! Options of a Cyrus later than those that are known here, which would move the data of users.
//!
//! Where a file of a user is looked for in the wrong place, the user seems to have no
//! subscriptions, and the replica would lose them. Between Cyrus 3.12.3 and 3.13.7
//! `lib/imapoptions` got two options about where and how data is stored: `mboxname_userpath`, which
//! is read here, and `cyrusdb_autoconvert`, which makes no difference to a reader: a database is
//! read as what it is. An option of the same kind that is not known is refused.

use super::check::{channel_spec, spec};

/// First words of the options that say where what is read here is stored.
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

/// Whether an option moves data that is read here and is not known. `key` is in lower case.
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
        // Those of Cyrus up to 3.13.7 with such a name, and others that are no matter of ours.
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
