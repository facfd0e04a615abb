//! What a new session agrees on with the replica before it works (`sync_do_enable` and
//! `sync_connect` in `imap/sync_support.c`).

use super::connect::Settings;
use super::offer::Offer;
use super::session::Session;
use super::{Enabled, Replica, Verb};
use crate::dlist::Value;
use crate::error::{Error, Kind, Result};
use crate::observe::{Level, Observer};

/// The version from which mailboxes of JMAP notifications are known.
const NOTIFICATIONS_SINCE: (u32, u32) = (3, 8);
/// Capability bits as Cyrus's client prints them with `-v`.
const CAPA_SIEVE_MAILBOX: u32 = 1 << 11;
const CAPA_REPLICATION_ARCHIVE: u32 = 1 << 12;

impl Session {
    /// Agrees on all that is needed.
    pub(super) fn agree(
        &mut self,
        offer: &Offer,
        settings: &Settings,
        observer: &dyn Observer,
    ) -> Result<()> {
        self.enable(offer, settings.archive, observer)?;
        if !settings.force {
            return Ok(());
        }
        let ticket = self.submit(Verb::Apply, &mut |w| {
            w.name("FORCE")?.open_kv()?;
            w.close()
        })?;
        let forced = self.wait(ticket).inspect_err(|_| {
            observer.log(Level::Error, "SYNCERROR: failed to enable force mode");
        });
        forced.map(drop)
    }

    /// Agrees on capabilities with the server (`sync_do_enable`).
    fn enable(&mut self, offer: &Offer, archive: bool, observer: &dyn Observer) -> Result<()> {
        let notifications = offer.version >= Some(NOTIFICATIONS_SINCE);
        self.enabled.notifications = notifications;
        let mut bits = 0;
        if offer.sieve_mailbox {
            observer.log(Level::Info, "Destination supports #sieve mailbox");
            bits |= CAPA_SIEVE_MAILBOX;
        }
        if archive && offer.archive {
            observer.log(Level::Info, "Destination supports replication to archive");
            bits |= CAPA_REPLICATION_ARCHIVE;
        } else if archive {
            observer.log(Level::Notice, "Destination doesn't support replication to archive");
        }
        if bits == 0 {
            return Ok(());
        }
        observer.action(&format!("ENABLE {bits:#x}"));
        let names = [
            (CAPA_SIEVE_MAILBOX, "SIEVE-MAILBOX"),
            (CAPA_REPLICATION_ARCHIVE, "REPLICATION-ARCHIVE"),
        ];
        let ticket = self.submit(Verb::Apply, &mut |w| {
            w.name("CAPABILITIES")?.open_list()?;
            for (_, name) in names.iter().filter(|(bit, _)| bits & bit != 0) {
                w.atom(name.as_bytes())?;
            }
            w.close()
        })?;
        let reply = self.wait(ticket)?;
        let has = |name: &str| {
            let parsed = reply.items.iter().filter_map(|item| item.parse().ok());
            let mut lists = parsed.filter(|(item, _)| **item == *b"ENABLED");
            let is = |v: &Value| v.atom().is_ok_and(|a| a.eq_ignore_ascii_case(name.as_bytes()));
            lists.any(|(_, value)| value.list().is_ok_and(|list| list.iter().any(is)))
        };
        self.enabled = Enabled {
            sieve_mailbox: has("SIEVE-MAILBOX"),
            archive: has("REPLICATION-ARCHIVE"),
            notifications,
        };
        if bits & CAPA_REPLICATION_ARCHIVE != 0 && !self.enabled.archive {
            let what = "Replication to archive requested but destination didn't enable it";
            observer.log(Level::Notice, what);
            return Err(Error::new(Kind::ReplicaDenied, "enable", "REPLICATION-ARCHIVE", what)
                .hint("set archive_enabled on the replica or leave -a out"));
        }
        Ok(())
    }
}
