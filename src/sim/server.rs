//! A simulated replication server of Cyrus, with a spool in memory. It receives the bytes of a
//! command and returns those of the reply. It makes the same checks as Cyrus 3.6.1, and aborts in
//! the same cases (the server part of `imap/sync_support.c`).
//!
//! The replica uses it, and so does the master's own server. The test in [`twin`](super::twin)
//! compares its replies with those of a real server.

use std::sync::Arc;

use super::get;
use super::reply::{Done, Failed, No, Staged};
use super::spool::Spool;
use super::update;
use crate::dlist::{Value, parse_named};
use crate::types::{Guid, Text};

/// One session of a server.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub staged: Staged,
    /// Whether the command `APPLY FORCE` was received in this session.
    pub force: bool,
    /// Why the server process has aborted. `None` while it runs.
    pub aborted: Option<String>,
}

impl Server {
    /// Carries out one command, such as `GET USER fred\r\n`. Returns the reply, or `None` if the
    /// server process has aborted.
    pub fn command(&mut self, spool: &mut Spool, line: &[u8]) -> Option<Vec<u8>> {
        if self.aborted.is_some() {
            return None;
        }
        let mut reply = Vec::new();
        let end = match self.run(spool, line, &mut reply) {
            Ok(()) if line.starts_with(b"RESTART") => "OK Restarting",
            Ok(()) => "OK success",
            Err(Failed::No(no)) => no.line(),
            Err(Failed::Abort(why)) => {
                self.aborted = Some(why);
                return None;
            }
        };
        reply.extend_from_slice(end.as_bytes());
        reply.extend_from_slice(b"\r\n");
        Some(reply)
    }

    fn run(&mut self, spool: &mut Spool, line: &[u8], out: &mut Vec<u8>) -> Done {
        if line.starts_with(b"RESTART") {
            self.staged.clear();
            return Ok(());
        }
        if let Some(rest) = line.strip_prefix(b"GET ") {
            let (name, value, _) = parse_named(rest)?;
            return get::run(spool, &name, &value, out);
        }
        let rest = line.strip_prefix(b"APPLY ").ok_or(No::Protocol)?;
        let (name, value, _) = parse_named(rest)?;
        self.apply(spool, &name, &value, out)
    }

    fn apply(&mut self, spool: &mut Spool, name: &[u8], value: &Value, out: &mut Vec<u8>) -> Done {
        let name = name.strip_prefix(b"LOCAL_").unwrap_or(name);
        match name {
            b"RESERVE" => get::reserve(spool, &mut self.staged, &value.kv()?, out),
            b"MESSAGE" => self.stage(value),
            b"MAILBOX" => update::mailbox(spool, &self.staged, self.force, &value.kv()?),
            b"FORCE" => {
                self.force = true;
                Ok(())
            }
            _ => super::apply::run(spool, name, value),
        }
    }

    fn stage(&mut self, value: &Value) -> Done {
        for file in value.list()? {
            let Value::File { partition, guid, bytes } = file else { continue };
            let guid = Guid::from_hex(guid).ok_or(No::BadParameters)?;
            let staged = self.staged.entry(Text::new(partition)).or_default();
            staged.entry(guid).or_insert_with(|| Arc::from(&**bytes));
        }
        Ok(())
    }
}
