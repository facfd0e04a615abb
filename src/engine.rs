//! The public face: a [`Client`] replicates what a [`Config`] describes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::config::{Config, opt};
use crate::error::{Error, Kind, Result};
use crate::observe::Observer;
use crate::schedule::{Report, Unit};
use crate::types::{MboxName, Text, UserId};

/// How a client works; the default is that of `sync_client` without options.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Channel (`-n`).
    pub channel: Option<String>,
    /// The replica (`-S`).
    pub server: Option<String>,
    /// Partition to use on the replica (`-p`).
    pub dest_partition: Option<Text>,
    /// No mupdate operations (`-L`).
    pub local_only: bool,
    /// Pass over locked users (`-N`).
    pub skip_locked: bool,
    /// Never change the master (`-O`).
    pub no_copyback: bool,
    /// Stage to archive (`-a`).
    pub archive: bool,
    /// Fail without compression (`-z`).
    pub require_compress: bool,
}

/// A request to stop.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A replication client.
pub struct Client {
    server: String,
    cancel: Cancel,
    _observer: Arc<dyn Observer>,
}

fn unsupported<T>(op: &'static str) -> Result<T> {
    Err(Error::new(Kind::Unsupported, op, "", "the engine is not there yet"))
}

impl Client {
    /// A client.
    pub fn new(config: Config, options: Options, observer: Arc<dyn Observer>) -> Result<Client> {
        let server = options.server.or_else(|| {
            config.channel_string(options.channel.as_deref(), opt::SYNC_HOST).map(str::to_owned)
        });
        let server = server.ok_or_else(|| {
            Error::new(Kind::Config, "choose the replica", "", "sync_host not defined")
        })?;
        Ok(Client { server, cancel: Cancel::default(), _observer: observer })
    }
    /// The server.
    pub fn server(&self) -> &str {
        &self.server
    }
    /// The canceller.
    pub fn canceller(&self) -> Cancel {
        self.cancel.clone()
    }
    /// Connects.
    pub fn connect(&mut self) -> Result<()> {
        std::net::TcpStream::connect(&self.server).map(drop).map_err(|e| {
            Error::new(Kind::Connect, "connect to", &self.server, e.to_string()).caused_by(e)
        })
    }
    /// Disconnects.
    pub fn disconnect(&mut self) {}
    /// One user.
    pub fn sync_user(&mut self, _user: &UserId) -> Result<()> {
        unsupported("replicate user")
    }
    /// Mailboxes.
    pub fn sync_mailboxes(&mut self, _names: &[MboxName]) -> Result<()> {
        unsupported("replicate mailboxes")
    }
    /// All.
    pub fn sync_all(
        &mut self,
        _prefix: &[u8],
        _each: &mut dyn FnMut(&Unit, &Result<()>),
    ) -> Result<Report> {
        unsupported("replicate all")
    }
    /// Meta.
    pub fn sync_meta(&mut self, _user: &UserId) -> Result<()> {
        unsupported("replicate metadata")
    }
    /// Name.
    pub fn internal_name(&self, external: &[u8]) -> Result<MboxName> {
        Ok(MboxName::new(external))
    }
}
