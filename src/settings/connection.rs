//! How to connect.

use std::time::Duration;

use zeroize::Zeroizing;

use super::overrides::Overrides;
use super::resolver::Resolver;
use super::tls::Tls;
use crate::config::{Bandwidth, Target, opt, service_port};
use crate::error::Result;

/// How to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The port to use where the server's name has none.
    pub sync_port: Option<u16>,
    /// Whether imapd may be spoken to.
    pub sync_try_imap: bool,
    /// Name or address to connect from (`client_bind`, `client_bind_name`).
    pub client_bind: Option<String>,
    /// Whether and how the system probes an idle connection.
    pub tcp_keepalive: Option<KeepAlive>,
    /// Encryption.
    pub tls: Tls,
    /// Who to log in as.
    pub credentials: Credentials,
    /// How long each step of connecting and logging in may take; a second at the least.
    pub client_timeout: Duration,
    /// How long a reply may take; three seconds at the least, as with Cyrus.
    pub sync_timeout: Duration,
    /// How much effort goes into compression.
    pub sync_deflate_level: DeflateLevel,
    /// How many bytes a second all connections together may send.
    pub sync_bwlimit: Bandwidth,
    /// Fail where compression is not to be had (`-z`).
    pub require_compression: bool,
    /// Ask for staging on the archive partition (`-a`).
    pub stage_to_archive: bool,
    /// Have the replica take lower modseqs, UIDs and UIDVALIDITYs than its own (`-O`).
    pub no_copyback: bool,
}

/// How much effort goes into compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeflateLevel {
    /// As much as makes the transfer faster, or nearly none where that costs little.
    #[default]
    Auto,
    /// Always zlib's level of this number, 1 to 9; 0 switches compression off.
    Fixed(u32),
}

impl DeflateLevel {
    fn resolve(resolver: &mut Resolver<'_>) -> DeflateLevel {
        let number = resolver.auto(opt::SYNC_DEFLATE_LEVEL);
        number.map_or(DeflateLevel::Auto, |n| DeflateLevel::Fixed(u32::try_from(n).unwrap_or(0)))
    }
}

/// How the system probes an idle connection, so that a dead peer is noticed; 0 everywhere is the
/// system's own choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeepAlive {
    /// How long it must be idle (`tcp_keepalive_idle`).
    pub idle: Duration,
    /// The time between probes (`tcp_keepalive_intvl`).
    pub interval: Duration,
    /// Probes without an answer after which the peer counts as dead (`tcp_keepalive_cnt`).
    pub probes: u32,
}

/// Who to log in as. The password is overwritten in memory when this is dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Who proves to be whom.
    pub sync_authname: Option<String>,
    /// The password.
    pub sync_password: Option<Zeroizing<String>>,
    /// The realm, where a mechanism knows realms.
    pub sync_realm: Option<String>,
    /// Who to act as; the same as `sync_authname` if not set.
    pub sync_authzid: Option<String>,
    /// `<host>_mechs` or `force_sasl_client_mech`: use one of these mechanisms and no other.
    pub mechanisms: Option<String>,
    /// Whether a password may be sent as it is over a network that is not encrypted.
    pub sync_allowplaintext: bool,
}

/// The password does not show.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("sync_authname", &self.sync_authname)
            .field("sync_realm", &self.sync_realm)
            .field("sync_authzid", &self.sync_authzid)
            .field("mechanisms", &self.mechanisms)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// For a replica, if one is named.
    pub(super) fn resolve(
        resolver: &mut Resolver<'_>,
        overrides: &Overrides,
        target: Option<&Target>,
        no_copyback: bool,
    ) -> Result<Connection> {
        let sync_port = resolver.string(opt::SYNC_PORT);
        Ok(Connection {
            sync_port: sync_port.as_deref().map(service_port).transpose()?,
            sync_try_imap: resolver.switch(opt::SYNC_TRY_IMAP),
            client_bind: client_bind(resolver)?,
            tcp_keepalive: tcp_keepalive(resolver),
            tls: Tls::resolve(resolver, target)?,
            credentials: Credentials::resolve(resolver, target),
            client_timeout: resolver.duration(opt::CLIENT_TIMEOUT).max(Duration::from_secs(1)),
            sync_timeout: resolver.duration(opt::SYNC_TIMEOUT).max(Duration::from_secs(3)),
            sync_deflate_level: DeflateLevel::resolve(resolver),
            sync_bwlimit: sync_bwlimit(resolver, overrides.bwlimit.as_ref())?,
            require_compression: resolver
                .asked_for("--require-compression", overrides.require_compression),
            stage_to_archive: resolver.asked_for("--stage-to-archive", overrides.stage_to_archive),
            no_copyback,
        })
    }
}

impl Credentials {
    fn resolve(resolver: &mut Resolver<'_>, target: Option<&Target>) -> Credentials {
        Credentials {
            sync_authname: resolver.string(opt::SYNC_AUTHNAME),
            sync_password: resolver.string(opt::SYNC_PASSWORD).map(Zeroizing::new),
            sync_realm: resolver.string(opt::SYNC_REALM),
            sync_authzid: resolver.string(opt::SYNC_AUTHZID),
            mechanisms: mechanisms(resolver, target),
            sync_allowplaintext: resolver.switch(opt::SYNC_ALLOWPLAINTEXT),
        }
    }
}

/// The limit that was asked for, else that of imapd.conf.
fn sync_bwlimit(resolver: &mut Resolver<'_>, asked: Option<&Bandwidth>) -> Result<Bandwidth> {
    let configured = Bandwidth::parse(&resolver.text(opt::SYNC_BWLIMIT))?;
    let Some(asked) = asked else { return Ok(configured) };
    resolver.overridden(asked.to_string());
    Ok(asked.clone())
}

/// The mechanisms that may be used: `<host>_mechs`, the host up to its first dot, or
/// `force_sasl_client_mech`.
fn mechanisms(resolver: &mut Resolver<'_>, target: Option<&Target>) -> Option<String> {
    let general = resolver.string(opt::FORCE_SASL_CLIENT_MECH);
    let own = match target {
        Some(Target::Tcp { host, .. }) => {
            let short = host.split('.').next().unwrap_or_default();
            resolver.other(&format!("{short}_mechs"))
        }
        _ => None,
    };
    own.or(general)
}

/// The name to connect from (`backend_client_bind` in `imap/backend.c`).
fn client_bind(resolver: &mut Resolver<'_>) -> Result<Option<String>> {
    let on = resolver.switch(opt::CLIENT_BIND);
    let own = resolver.string(opt::CLIENT_BIND_NAME);
    let servername = resolver.string(opt::SERVERNAME);
    match own.or(servername) {
        _ if !on => Ok(None),
        Some(name) => Ok(Some(name)),
        None => Err(resolver
            .refuse(opt::CLIENT_BIND.spec(), "there is no name to bind to")
            .hint("set client_bind_name or servername")),
    }
}

/// `tcp_keepalive` and what goes with it (`tcp_enable_keepalive` in `lib/util.c`).
fn tcp_keepalive(resolver: &mut Resolver<'_>) -> Option<KeepAlive> {
    let on = resolver.switch(opt::TCP_KEEPALIVE);
    let settings = KeepAlive {
        idle: resolver.duration(opt::TCP_KEEPALIVE_IDLE),
        interval: resolver.duration(opt::TCP_KEEPALIVE_INTVL),
        probes: u32::try_from(resolver.int(opt::TCP_KEEPALIVE_CNT)).unwrap_or(0),
    };
    on.then_some(settings)
}

/// Where the replica is, and under which name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// As in `sync_host` or given with `-S`: also in locks and log lines.
    pub name: String,
    /// What that means.
    pub target: Target,
}

impl Server {
    /// The server that was asked for, else `sync_host` of the channel; `None` if there is none.
    pub(super) fn resolve(
        resolver: &mut Resolver<'_>,
        overrides: &Overrides,
    ) -> Result<Option<Server>> {
        let configured = resolver.string(opt::SYNC_HOST);
        if let Some(asked) = &overrides.server {
            resolver.overridden(asked.clone());
        }
        let Some(name) = overrides.server.clone().or(configured) else { return Ok(None) };
        let target = Target::parse(&name)?;
        Ok(Some(Server { name, target }))
    }
}
