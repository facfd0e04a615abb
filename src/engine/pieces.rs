//! Pieces of what belongs to a user or the server, and what is told of the connection.

use super::Client;
use crate::error::Result;
use crate::replica::Traffic;
use crate::sync;
use crate::types::{MboxName, Text, UniqueId, UserId};

impl Client {
    /// Replicates what a user has seen of a mailbox (`sync_do_seen`).
    pub fn sync_seen(&mut self, user: &UserId, mailbox: &UniqueId) -> Result<()> {
        let mailbox = std::slice::from_ref(mailbox);
        self.persistently(|pass, _| sync::pieces(pass, user, mailbox, &[]))
    }

    /// Replicates whether a user is subscribed to a mailbox (`sync_do_sub`).
    pub fn sync_subscription(&mut self, user: &UserId, mailbox: &MboxName) -> Result<()> {
        let mailbox = std::slice::from_ref(mailbox);
        self.persistently(|pass, _| sync::pieces(pass, user, &[], mailbox))
    }

    /// Replicates the limits of a quota root (`sync_do_quota`).
    pub fn sync_quota(&mut self, root: &Text) -> Result<()> {
        self.persistently(|pass, _| sync::quota(pass, root))
    }

    /// Replicates the annotations of a mailbox, or those of the server (`sync_do_annotation`).
    pub fn sync_annotations(&mut self, mailbox: Option<&MboxName>) -> Result<()> {
        self.persistently(|pass, _| sync::annotations(pass, mailbox))
    }

    /// Has the replica let go of the message files that it keeps for this connection
    /// (`sync_do_restart`).
    pub fn restart(&mut self) -> Result<()> {
        self.with_syncer(|pass, _| pass.restart())
    }

    /// Bytes that went over the present connection; none without one.
    pub fn traffic(&self) -> Option<Traffic> {
        self.session.as_ref().map(|session| session.traffic())
    }

    /// Message files that the replica keeps for this connection, as far as is known.
    pub fn staged_files(&self) -> u64 {
        self.staged.files()
    }
}
