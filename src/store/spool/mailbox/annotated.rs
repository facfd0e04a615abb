//! The annotations of an open mailbox.

use std::cell::{Cell, OnceCell};
use std::ops::ControlFlow;

use crate::error::Result;
use crate::types::crc;
use crate::types::{Annotation, Uid};

/// Called with each annotation of each message.
pub type VisitAnnotation<'v> = dyn FnMut(Uid, Annotation) -> Result<ControlFlow<()>> + 'v;

/// Reads the annotations of one mailbox from Cyrus's databases.
///
/// Tombstones and empty values are left out, and the owner's token stands replaced by the
/// owner's userid.
pub trait Annotations {
    /// Those of the mailbox, ordered as [`Annotation`] is.
    fn of_mailbox(&self) -> Result<Vec<Annotation>>;

    /// Those of a message, ordered as [`Annotation`] is.
    fn of_message(&self, uid: Uid) -> Result<Vec<Annotation>>;

    /// Visits those of all messages, in any order.
    fn each_of_messages(&self, visit: &mut VisitAnnotation<'_>) -> Result<()>;
}

/// Messages that are looked up one by one before it pays to know which have annotations at all:
/// few have, and looking up costs several system calls.
const LOOKUPS: u32 = 8;

/// [`Annotations`] that remember which messages have any. They cannot change under the index lock.
pub(super) struct Annotated<'a> {
    source: Box<dyn Annotations + 'a>,
    lookups: Cell<u32>,
    /// Ascending: 4 bytes a message that has annotations.
    uids: OnceCell<Vec<Uid>>,
}

impl<'a> Annotated<'a> {
    pub(super) fn new(source: Box<dyn Annotations + 'a>) -> Self {
        Annotated { source, lookups: Cell::new(0), uids: OnceCell::new() }
    }

    pub(super) fn of_mailbox(&self) -> Result<Vec<Annotation>> {
        self.source.of_mailbox()
    }

    pub(super) fn of_message(&self, uid: Uid) -> Result<Vec<Annotation>> {
        let lookups = self.lookups.get();
        if lookups < LOOKUPS {
            self.lookups.set(lookups + 1);
            return self.source.of_message(uid);
        }
        if self.uids.get().is_none() {
            let mut uids = Vec::new();
            self.source.each_of_messages(&mut |uid, _| {
                if uids.last() != Some(&uid) {
                    uids.push(uid);
                }
                Ok(ControlFlow::Continue(()))
            })?;
            uids.sort_unstable();
            // Already set only if it was asked again from within: then with the same.
            let _ = self.uids.set(uids);
        }
        match self.uids.get().is_some_and(|uids| uids.binary_search(&uid).is_ok()) {
            true => self.source.of_message(uid),
            false => Ok(Vec::new()),
        }
    }

    /// What the annotations of each message add to the sync CRC, by ascending UID: 8 bytes a
    /// message that has annotations.
    pub(super) fn crcs(&self, minor_version: u32) -> Result<Vec<(Uid, u32)>> {
        let mut crcs: Vec<(Uid, u32)> = Vec::new();
        self.source.each_of_messages(&mut |uid, annotation| {
            if !crc::is_virtual(&annotation.entry, minor_version) {
                let one = crc::annot(uid, &annotation);
                match crcs.last_mut() {
                    Some((last, crc)) if *last == uid => *crc ^= one,
                    _ => crcs.push((uid, one)),
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        crcs.sort_unstable_by_key(|(uid, _)| *uid);
        Ok(crcs)
    }
}
