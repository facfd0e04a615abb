//! Checks the databases of the mail store, and the databases of a few users.

use std::ops::ControlFlow;

use super::survey::Survey;
use super::value::{Check, Topic, count, mailboxes, reported};
use crate::cyrusdb::{self, Backend};
use crate::error::{Error, Result};
use crate::names::{Namespace, Paths, UserFile};
use crate::settings::Settings;
use crate::store::Store;
use crate::store::spool::Spool;
use crate::types::{Text, UserId};

/// Checks whether the databases can be read.
pub(super) fn check(settings: &Settings, spool: &Spool, survey: &Survey) -> Check {
    let topic = Topic::Databases;
    let mut errors: Vec<Error> = Vec::new();
    errors.extend(survey.error.clone());
    errors.extend(spool.annotations(None).err());
    for user in survey.users.kept() {
        errors.extend(of_user(settings, spool, user).err());
    }
    if let Some(first) = errors.first() {
        let more = match errors.len() - 1 {
            0 => String::new(),
            more => format!("; and {more} more cannot be read"),
        };
        return Check::fail(topic, reported(first) + &more, first.hint());
    }
    let all = if survey.complete {
        ""
    } else {
        "; mailboxes.db was not read to its end (limit: 20 seconds)"
    };
    let (mailboxes, users) = (mailboxes(survey.mailboxes), survey.users.kept().len());
    let users = count(users, "user", "users");
    let detail =
        format!("mailboxes.db ({mailboxes}), annotations.db, quotas, and those of {users}");
    Check::ok(topic, detail + all)
}

/// Reads the data of a user. Creates no lock files.
fn of_user(settings: &Settings, spool: &Spool, user: &UserId) -> Result<()> {
    let names = Namespace::new(&settings.naming);
    let (inbox, sieve) = (names.inbox(user), names.sieve_mailbox(user));
    let metadata = spool.metadata(user, Some(&sieve));
    metadata.subscriptions?;
    metadata.seen?;
    metadata.scripts?;
    spool.quota(&Text::new(inbox.as_bytes()))?;
    spool.used_modseq(&inbox)?;
    if settings.databases.conversations {
        conversations(settings, spool, user)?;
    }
    Ok(())
}

/// Reads the first entry of a user's conversations database.
fn conversations(settings: &Settings, spool: &Spool, user: &UserId) -> Result<()> {
    let names = Namespace::new(&settings.naming);
    let paths = Paths::new(&settings.layout, &settings.naming);
    let inbox = spool.lookup(&names.inbox(user))?;
    let home = paths.home(user, inbox.as_ref());
    let path = paths.user_file(&home, UserFile::Conversations)?;
    let declared = Backend::of(settings.databases.conversations_db)?;
    let options = cyrusdb::Options::default();
    let Some(db) = cyrusdb::open_whole(&path, Some(declared), &options)? else { return Ok(()) };
    db.scan(b"", &mut |_, _| Ok(ControlFlow::Break(())))
}
