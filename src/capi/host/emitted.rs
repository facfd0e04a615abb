//! Limits the size of the lists that a host emits, in case a list never ends.

use std::fmt::Display;

use crate::error::Result;
use crate::limits::{HOST_ITEM_BYTES, HOST_LIST_BYTES};
use crate::store::senseless;
use crate::types::Annotation;

/// The size in bytes of the values that a list has so far.
#[derive(Default)]
pub(super) struct Emitted(usize);

impl Emitted {
    /// Counts a value of `bytes` bytes. Fails if the list becomes larger than [`HOST_LIST_BYTES`].
    pub(super) fn count(
        &mut self,
        bytes: usize,
        op: &'static str,
        subject: &dyn Display,
    ) -> Result<()> {
        self.0 = self.0.saturating_add(bytes).saturating_add(HOST_ITEM_BYTES);
        if self.0 <= HOST_LIST_BYTES {
            Ok(())
        } else {
            Err(senseless(op, subject.to_string(), "the host gave more items than cyrsync accepts"))
        }
    }

    /// Counts an annotation, like [`Emitted::count`].
    pub(super) fn annotation(
        &mut self,
        annotation: &Annotation,
        op: &'static str,
        subject: &dyn Display,
    ) -> Result<()> {
        let Annotation { entry, userid, value, .. } = annotation;
        let bytes = [entry, userid, value].map(|text| text.as_bytes().len());
        self.count(bytes.into_iter().fold(0, usize::saturating_add), op, subject)
    }
}
