//! What the engine reads from an open mailbox, in terms of the methods of [`Mailbox`].

use std::ops::ControlFlow;

use super::annotations::MessageAnnotations;
use super::count::RecordCount;
use super::crcs::CrcPass;
use super::traits::{Mailbox, Records};
use crate::error::Result;
use crate::types::{Record, SyncCrcs, Uid};

/// Selects which CRCs of a mailbox to return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crcs {
    /// The CRCs stored in cyrus.index.
    Stored,
    /// CRCs computed from all records and annotations.
    Recomputed,
}

/// Methods of the engine on open mailboxes. A store does not implement them.
#[allow(clippy::missing_errors_doc)] // The errors are those of the trait `Mailbox`.
pub trait ReadMailbox: Mailbox {
    /// Visits every record like [`Mailbox::scan`], and checks that the number of records is the one
    /// in the header. Returns the sync CRCs (`mailbox_synccrcs`); for [`Crcs::Recomputed`] they are
    /// computed during the same scan. The index lock must be held.
    ///
    /// Fails with [`Kind::Corrupt`](crate::Kind::Corrupt) if the number of records differs from the
    /// header.
    fn scan_all(
        &mut self,
        crcs: Crcs,
        visit: &mut dyn FnMut(&Record) -> Result<()>,
    ) -> Result<SyncCrcs> {
        let mut pass = (crcs == Crcs::Recomputed).then(|| CrcPass::new(self.state()));
        let mut count = RecordCount::default();
        self.scan(Records::All, &mut |record| {
            count.add(record);
            if let Some(pass) = &mut pass {
                pass.record(record);
            }
            visit(record)?;
            Ok(ControlFlow::Continue(()))
        })?;
        count.check(self.state())?;
        let Some(mut pass) = pass else { return Ok(self.state().crcs) };
        self.visit_annotations(&pass.take_living(), &mut |uid, annotation| {
            pass.annotation(uid, &annotation);
            Ok(())
        })?;
        Ok(pass.finish())
    }

    /// Returns the sync CRCs. [`Crcs::Recomputed`] reads all records. To visit the records as well,
    /// call [`ReadMailbox::scan_all`] instead.
    fn crcs(&mut self, which: Crcs) -> Result<SyncCrcs> {
        match which {
            Crcs::Stored => Ok(self.state().crcs),
            Crcs::Recomputed => self.scan_all(which, &mut |_| Ok(())),
        }
    }

    /// Returns the annotations that [`Mailbox::visit_annotations`] visits. `uids` must be in
    /// ascending order. The index lock must be held.
    fn message_annotations(&self, uids: &[Uid]) -> Result<MessageAnnotations> {
        let mut found = MessageAnnotations::default();
        self.visit_annotations(uids, &mut |uid, annotation| {
            found.add(uid, annotation);
            Ok(())
        })?;
        Ok(found.in_order())
    }
}

impl<M: Mailbox + ?Sized> ReadMailbox for M {}
