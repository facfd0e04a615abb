//! Checks the replica and the user's rights there. Sends only queries.

use std::collections::{BTreeMap, BTreeSet};

use super::attempt::{Attempt, Greeted};
use super::survey::Survey;
use super::value::{Check, Topic, mailboxes, reported};
use crate::error::{Kind, Result};
use crate::protocol::{Command, RemoteFolder};
use crate::replica::{Replica, Session};
use crate::settings::{Connection, DeflateLevel, Settings};
use crate::types::MboxName;

/// The maximum number of mailboxes whose state is requested from the replica.
const ASKED: usize = 512;

/// Checks whether the user may replicate. Requests the server's annotations, which only an
/// administrator can read.
pub(super) fn admin(session: &mut Session) -> Check {
    let asked = session.submit(Command::GetAnnotations(&MboxName::default()));
    match asked.and_then(|ticket| session.wait(ticket)) {
        Ok(_) => Check::ok(Topic::Admin, "the replica answers GET"),
        Err(error) => Check::failed(Topic::Admin, &error),
    }
}

/// Returns the failed check for an imapd that does not offer replication. It offers replication
/// only to administrators.
pub(super) fn not_offered(attempt: &Attempt) -> Check {
    let detail = attempt.error.as_ref().map(reported).unwrap_or_default();
    Check::fail(
        Topic::Admin,
        detail,
        "add the user to admins in the replica's imapd.conf, or set sync_port to the port of \
         sync_server",
    )
}

/// Reports the version of Cyrus on the replica.
pub(super) fn version(greeted: &Greeted) -> Check {
    let topic = Topic::Version;
    let (Some(release), Some(_)) = (&greeted.release, greeted.version) else {
        let hint = "set serverinfo: on in the replica's imapd.conf; until then the replica is \
                    treated as an old version";
        return Check::warn(topic, "the replica does not report its version", hint);
    };
    Check::ok(topic, format!("Cyrus {release}"))
}

/// Reports the capabilities that the client will use.
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
        "no capability of the replica is used".to_owned()
    } else {
        used.join(", ")
    };
    Some(if archive && !offered.archive {
        let detail =
            format!("{used}; the replica does not accept messages for its archive partition (-a)");
        Check::warn(
            topic,
            detail,
            "do not use -a, or set archive_enabled in the replica's imapd.conf (Cyrus 3.8 or \
             later)",
        )
    } else {
        Check::ok(topic, used)
    })
}

/// Reports whether the connection is compressed.
pub(super) fn compression(attempt: &Attempt, settings: &Connection) -> Option<Check> {
    let topic = Topic::Compression;
    let compressed = attempt.compressed?;
    let deflate = attempt.offered.as_ref().is_some_and(|offered| offered.deflate);
    let detail = match (compressed, settings.sync_deflate_level) {
        (true, DeflateLevel::Auto) => {
            return Some(Check::ok(topic, "DEFLATE, level chosen automatically"));
        }
        (true, DeflateLevel::Fixed(level)) => {
            return Some(Check::ok(topic, format!("DEFLATE, level {level}")));
        }
        (false, DeflateLevel::Fixed(0)) => "off by sync_deflate_level: 0",
        (false, _) if attempt.port == 0 => "not offered on a UNIX socket",
        (false, _) if deflate => "the replica offers DEFLATE, but refused it",
        (false, _) => "the replica does not offer it",
    };
    Some(match (settings.require_compression, settings.sync_deflate_level) {
        (true, _) => Check::fail(topic, format!("{detail}, but -z requires it"), "do not use -z"),
        (false, DeflateLevel::Fixed(0)) => Check::ok(topic, detail),
        (false, _) if attempt.port == 0 => Check::ok(topic, detail),
        (false, _) => {
            Check::warn(topic, detail, "the replica's Cyrus may have been built without zlib")
        }
    })
}

/// Checks whether the replica has mailboxes on the partitions that the master uses. No command
/// lists the partitions of a replica. The replica only reports the partitions of its mailboxes.
/// `APPLY RESERVE` cannot be used as a test: if the partition does not exist and a message file is
/// found, the server process aborts.
pub(super) fn partitions(session: &mut Session, settings: &Settings, survey: &Survey) -> Check {
    let topic = Topic::Partitions;
    let mut names: Vec<MboxName> = Vec::new();
    // Use an equal number of mailboxes of each partition.
    let each = (ASKED / survey.partitions.len().max(1)).max(1);
    for sample in survey.partitions.values() {
        names.extend(sample.kept().iter().take(each).map(|entry| entry.name.clone()));
    }
    names.truncate(ASKED);
    let there = match ask(session, &names) {
        Ok(folders) => folders,
        // The user has no rights on the replica.
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
        return Check::ok(topic, format!("the replica has mailboxes on {}", wanted.join(", ")));
    }
    let detail = format!(
        "none of {} found on the replica is on {}; whether the replica has that partition cannot \
         be checked without a change",
        mailboxes(there.len()),
        unseen.join(", ")
    );
    let hint = "check that the replica's imapd.conf has partition-NAME for this partition, or use \
                -p";
    Check::warn(topic, detail, hint)
}

fn ask(session: &mut Session, names: &[MboxName]) -> Result<Vec<RemoteFolder>> {
    let ticket = session.submit(Command::GetMailboxes(names))?;
    session.wait(ticket)?.into_folders()
}

fn lower(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_ascii_lowercase()
}

/// Reports that the clocks cannot be compared, because no query returns the replica's time.
pub(super) fn clocks() -> Check {
    let why = "not checked, because the replica does not report its time; check that both servers \
               run NTP";
    Check::skipped(Topic::Clocks, why)
}
