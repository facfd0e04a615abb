//! Implements [`HostWriter`] with the functions of a host.

use std::sync::Arc;

use super::super::failure::cyrsync_failure;
use super::given::bytes;
use super::glue::{Sink, answer, call, emit_str, go_on, lend};
use super::table::Table;
use crate::error::{Error, Kind, Result};
use crate::limits::REPLY_BYTES;
use crate::store::HostWriter;
use crate::types::MboxName;

/// A writer that calls the apply and log_change functions of a host.
pub(super) struct Writer(pub(super) Arc<Table>);

impl HostWriter for Writer {
    fn apply(&mut self, command: &[u8]) -> Result<Vec<u8>> {
        let line = command.strip_suffix(b"\r\n").unwrap_or(command);
        let verb = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        let body = line.get(verb.len() + 1..).unwrap_or_default();
        let subject = String::from_utf8_lossy(verb);
        let mut reply = Vec::new();
        call!(self.0, "call the host for", &subject,
        apply(lend(&verb), lend(&body), lend(&command)) => emit_str, |piece| {
            reply.extend_from_slice(bytes(piece, "reply")?);
            if reply.len() as u64 > REPLY_BYTES {
                let detail = "the reply is too long";
                return Err(Error::new(Kind::Host, "take", "reply", detail));
            }
            go_on()
        })?;
        Ok(reply)
    }

    fn log_change(&mut self, name: &MboxName) -> Result<bool> {
        if self.0.functions().log_change.is_none() {
            return Ok(false);
        }
        call!(self.0, "log the change of", name, log_change(lend(name)))?;
        Ok(true)
    }
}
