//! Checks the replica and the rights on it, with queries only.

use std::collections::{BTreeMap, BTreeSet};

use super::attempt::{Attempt, Greeted};
use super::survey::Survey;
use super::value::{Check, Topic, mailboxes, told};
use crate::error::{Kind, Result};
use crate::protocol::{Command, RemoteFolder};
use crate::replica::{Replica, Session};
use crate::settings::{Connection, DeflateLevel, Settings};
use crate::types::MboxName;

/// Number of mailboxes to ask the replica about.
const ASKED: usize = 512;

/// Checks whether the login may replicate. Asks for the server's annotations, which only an
/// administrator can read.
pub(super) fn admin(session: &mut Session) -> Check {
    let asked = session.submit(Command::GetAnnotations(&MboxName::default()));
    match asked.and_then(|ticket| session.wait(ticket)) {
        Ok(_) => Check::ok(Topic::Admin, "the replica answers GET"),
        Err(error) => Check::failed(Topic::Admin, &error),
    }
}

/// Returns this check as failed, because imapd did not offer replication. It offers it only to
/// administrators.
pub(super) fn not_offered(attempt: &Attempt) -> Check {
    let detail = attempt.error.as_ref().map(told).unwrap_or_default();
    Check::fail(
        Topic::Admin,
        detail,
        "add the user to admins in the replica's imapd.conf; or name the port of sync_server by \
         sync_port",
    )
}

/// Reports the version of Cyrus.
pub(super) fn version(greeted: &Greeted) -> Check {
    let topic = Topic::Version;
    let (Some(release), Some(_)) = (&greeted.release, greeted.version) else {
        let hint = "set serverinfo: on in the replica's imapd.conf; it is taken for an early one";
        return Check::warn(topic, "the replica does not tell its version", hint);
    };
    Check::ok(topic, format!("Cyrus {release}"))
}

/// Reports the capabilities that will be enabled.
pub(super) fn capabilities(attempt: &Attempt, settings: &Connection) -> Option<Check> {
    let topic = Topic::Capabilities;
    let offered = attempt.offered.as_ref()?;
    let archive = settings.stage_to_archive;
    let used = [
        (offered.sieve_mailbox, "SIEVE-MAILBOX"),
        (offered.archive && archive, "REPLICATION-ARCHIVE"),
        (offered.notifications, "JMAP notifications"),
    ];
    let used: Vec<&str> = used.iter().filter(|(used, _)| *used).map(|(_, name)| *name).collect();
    let used = if used.is_empty() {
        "nothing of what it offers is used".to_owned()
    } else {
        used.join(", ")
    };
    Some(if archive && !offered.archive {
        let detail = format!("{used}; the replica cannot stage on an archive partition (-a)");
        Check::warn(topic, detail, "leave -a out, or set archive_enabled there (Cyrus 3.8 on)")
    } else {
        Check::ok(topic, used)
    })
}

/// Checks whether the connection is compressed.
pub(super) fn compression(attempt: &Attempt, settings: &Connection) -> Option<Check> {
    let topic = Topic::Compression;
    let compressed = attempt.compressed?;
    let deflate = attempt.offered.as_ref().is_some_and(|offered| offered.deflate);
    let detail = match (compressed, settings.sync_deflate_level) {
        (true, DeflateLevel::Auto) => return Some(Check::ok(topic, "DEFLATE, as much as helps")),
        (true, DeflateLevel::Fixed(level)) => {
            return Some(Check::ok(topic, format!("DEFLATE, level {level}")));
        }
        (false, DeflateLevel::Fixed(0)) => "off by sync_deflate_level: 0",
        (false, _) if attempt.port == 0 => "not offered on a UNIX socket",
        (false, _) if deflate => "the replica offers DEFLATE, and refused it",
        (false, _) => "the replica does not offer it",
    };
    Some(match (settings.require_compression, settings.sync_deflate_level) {
        (true, _) => Check::fail(topic, format!("{detail}, and -z asks for it"), "leave -z out"),
        (false, DeflateLevel::Fixed(0)) => Check::ok(topic, detail),
        (false, _) if attempt.port == 0 => Check::ok(topic, detail),
        (false, _) => Check::warn(topic, detail, "its Cyrus may have been built without zlib"),
    })
}

/// Checks whether the replica knows the partitions of the mailboxes here. The replica has no
/// command that lists partitions; it only reports the partitions of mailboxes that it has. `APPLY
/// RESERVE` does not help either: if the partition does not exist, the server process aborts, but
/// only after it has found a message.
pub(super) fn partitions(session: &mut Session, settings: &Settings, survey: &Survey) -> Check {
    let topic = Topic::Partitions;
    let mut names: Vec<MboxName> = Vec::new();
    // Take some mailboxes of each partition, however many partitions there are.
    let each = (ASKED / survey.partitions.len().max(1)).max(1);
    for sample in survey.partitions.values() {
        names.extend(sample.kept().iter().take(each).map(|entry| entry.name.clone()));
    }
    names.truncate(ASKED);
    let there = match ask(session, &names) {
        Ok(folders) => folders,
        // If it refuses this, it has refused the login's rights before.
        Err(error) if error.kind() == Kind::Auth => return Check::failed(topic, &error),
        Err(error) => return Check::failed_harmlessly(topic, &error),
    };
    let of = |folder: &RemoteFolder| lower(folder.partition.as_bytes());
    let known: BTreeSet<String> = there.iter().map(of).filter(|name| !name.is_empty()).collect();
    let wanted: BTreeMap<String, usize> = match &settings.replication.dest_partition {
        Some(name) => BTreeMap::from([(lower(name.as_bytes()), survey.mailboxes)]),
        None => {
            let all = survey.partitions.iter();
            all.map(|(name, sample)| (name.clone(), sample.offered())).collect()
        }
    };
    let unseen: Vec<String> = (wanted.iter())
        .filter(|(name, _)| !known.contains(*name))
        .map(|(name, count)| format!("{name} ({} here)", mailboxes(*count)))
        .collect();
    if unseen.is_empty() {
        let wanted: Vec<&str> = wanted.keys().map(String::as_str).collect();
        return Check::ok(topic, format!("mailboxes lie there on {}", wanted.join(", ")));
    }
    let detail = format!(
        "of {} found there not one lies on {}; whether it is known there cannot \
         be asked without changing something",
        mailboxes(there.len()),
        unseen.join(", ")
    );
    let hint = "see that the replica's imapd.conf has partition-... of this name, or use -p";
    Check::warn(topic, detail, hint)
}

fn ask(session: &mut Session, names: &[MboxName]) -> Result<Vec<RemoteFolder>> {
    let ticket = session.submit(Command::GetMailboxes(names))?;
    session.wait(ticket)?.into_folders()
}

fn lower(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_ascii_lowercase()
}

/// Reports that the replica's time cannot be determined.
pub(super) fn clocks() -> Check {
    let why = "no answer of a replica that is only asked holds its time; see that both run NTP";
    Check::skipped(Topic::Clocks, why)
}
