//! Agrees on capabilities with the replica at the start of a session (`sync_do_enable` and
//! `sync_connect` in `imap/sync_support.c`).

use super::server_capabilities::ServerCapabilities;
use super::session::Session;
use super::{Capabilities, Replica};
use crate::error::{Error, Kind, Result};
use crate::events::{ConnectionEvent, Observer, Step};
use crate::protocol::Command;
use crate::settings::Connection;
use crate::types::ThreadIds;

/// The first version of Cyrus that supports mailboxes of JMAP notifications.
pub(super) const NOTIFICATIONS_SINCE: (u32, u32) = (3, 8);
/// The first version of Cyrus whose CRCs write thread ids with sixteen digits (`crc_virtannot` in
/// `imap/mailbox.c`). It is 3.13.1; 3.13.0 counts as that version here.
const PADDED_IDS_SINCE: (u32, u32) = (3, 13);
/// The first version of Cyrus that supports groups of users.
const USERGROUPS_SINCE: (u32, u32) = (3, 12);
/// Capability bits as Cyrus's client prints them with `-v`.
const CAPA_SIEVE_MAILBOX: u32 = 1 << 11;
const CAPA_REPLICATION_ARCHIVE: u32 = 1 << 12;

/// Enables all capabilities that the settings need. Sends `FORCE` if the settings forbid changes of
/// the master.
pub(super) fn agree(
    session: &mut Session,
    offer: &ServerCapabilities,
    settings: &Connection,
    observer: &dyn Observer,
) -> Result<()> {
    enable(session, offer, settings.stage_to_archive, observer)?;
    if !settings.no_copyback {
        return Ok(());
    }
    let ticket = session.submit(Command::Force)?;
    let forced = session.wait(ticket).inspect_err(|_| {
        observer.event(&ConnectionEvent::ForceRefused.into());
    });
    forced.map(drop)
}

/// Requests those capabilities that the server offers and the settings need (`sync_do_enable`).
fn enable(
    session: &mut Session,
    offer: &ServerCapabilities,
    archive: bool,
    observer: &dyn Observer,
) -> Result<()> {
    let is_padded = offer.version >= Some(PADDED_IDS_SINCE);
    let by_version = Capabilities {
        notifications: offer.version >= Some(NOTIFICATIONS_SINCE),
        usergroups: offer.version >= Some(USERGROUPS_SINCE),
        empties_scripts: offer.empties_scripts,
        thread_ids: if is_padded { ThreadIds::Padded } else { ThreadIds::Plain },
        ..Capabilities::default()
    };
    session.capabilities = by_version;
    let mut bits = 0;
    if offer.sieve_mailbox {
        observer.event(&ConnectionEvent::SieveMailbox.into());
        bits |= CAPA_SIEVE_MAILBOX;
    }
    if archive && offer.archive {
        observer.event(&ConnectionEvent::Archive.into());
        bits |= CAPA_REPLICATION_ARCHIVE;
    } else if archive {
        observer.event(&ConnectionEvent::NoArchive.into());
    }
    if bits == 0 {
        return Ok(());
    }
    let mut enabled = ask_for(session, bits, observer)?;
    if enabled.is_none() && bits & !CAPA_REPLICATION_ARCHIVE != 0 && archive {
        // The replica may have refused only because of the archive. Request the other capabilities
        // without it.
        enabled = ask_for(session, bits & !CAPA_REPLICATION_ARCHIVE, observer)?;
    }
    let Capabilities { sieve_mailbox, archive, .. } = enabled.unwrap_or_default();
    session.capabilities = Capabilities { sieve_mailbox, archive, ..by_version };
    if bits & CAPA_REPLICATION_ARCHIVE != 0 && !session.capabilities.archive {
        // imapd offers this capability even if it has no archive partition
        // (`sync_apply_capabilities`).
        observer.event(&ConnectionEvent::ArchiveNotEnabled.into());
    }
    Ok(())
}

/// Requests capabilities, and returns those that the replica has enabled. Returns `None` if the
/// replica refuses the command.
fn ask_for(
    session: &mut Session,
    bits: u32,
    observer: &dyn Observer,
) -> Result<Option<Capabilities>> {
    observer.event(&Step::Enable { capabilities: bits }.into());
    let names =
        [(CAPA_SIEVE_MAILBOX, "SIEVE-MAILBOX"), (CAPA_REPLICATION_ARCHIVE, "REPLICATION-ARCHIVE")];
    let wanted = names.iter().filter(|(bit, _)| bits & bit != 0);
    let wanted: Vec<&str> = wanted.map(|(_, name)| *name).collect();
    let ticket = session.submit(Command::Capabilities(&wanted))?;
    let reply = match session.wait(ticket) {
        Ok(reply) => reply,
        Err(error) if bits & CAPA_REPLICATION_ARCHIVE != 0 && is_refusal(&error) => {
            observer.event(&ConnectionEvent::CapabilitiesRefused { error }.into());
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    Ok(Some(Capabilities {
        sieve_mailbox: reply.enables("SIEVE-MAILBOX"),
        archive: reply.enables("REPLICATION-ARCHIVE"),
        ..Capabilities::default()
    }))
}

/// Returns whether the replica refused the command with NO and the session can continue.
fn is_refusal(error: &Error) -> bool {
    matches!(
        error.kind(),
        Kind::ReplicaDenied
            | Kind::ReplicaProtocol
            | Kind::ReplicaBadParameters
            | Kind::ReplicaNotSupported
    )
}
