//! Settings of the connection.

use std::time::Duration;

use zeroize::Zeroizing;

use super::overrides::Overrides;
use super::resolver::Resolver;
use super::tls::Tls;
use crate::config::{Bandwidth, Target, opt, service_port};
use crate::error::Result;

/// Settings of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The port, if the server's name has none.
    pub sync_port: Option<u16>,
    /// Whether the replica may be an imapd.
    pub sync_try_imap: bool,
    /// Name or address to connect from (`client_bind`, `client_bind_name`).
    pub client_bind: Option<String>,
    /// Whether and how the system probes an idle connection.
    pub tcp_keepalive: Option<KeepAlive>,
    /// Encryption.
    pub tls: Tls,
    /// The credentials for the login.
    pub credentials: Credentials,
    /// How long each step of connecting and logging in may take; at least a second.
    pub client_timeout: Duration,
    /// How long a reply may take; at least three seconds, as with Cyrus.
    pub sync_timeout: Duration,
    /// How much effort goes into compression.
    pub sync_deflate_level: DeflateLevel,
    /// How many bytes a second all connections together may send.
    pub sync_bwlimit: Bandwidth,
    /// Whether to fail if compression is not available (`-z`).
    pub require_compression: bool,
    /// Whether to request staging on the archive partition (`-a`).
    pub stage_to_archive: bool,
    /// Whether the replica must accept lower modseqs, UIDs and UIDVALIDITYs than its own (`-O`).
    pub no_copyback: bool,
}

/// How much effort goes into compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeflateLevel {
    /// As much as makes the transfer faster; nearly none if compression gains little.
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

/// How the system probes an idle connection, so that a dead peer is noticed. 0 in a field means the
/// system's own value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeepAlive {
    /// How long the connection must be idle before the first probe (`tcp_keepalive_idle`).
    pub idle: Duration,
    /// The time between probes (`tcp_keepalive_intvl`).
    pub interval: Duration,
    /// Number of unanswered probes after which the peer counts as dead (`tcp_keepalive_cnt`).
    pub probes: u32,
}

/// The credentials for the login. The password is overwritten in memory when this is dropped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The user who logs in.
    pub sync_authname: Option<String>,
    /// The password.
    pub sync_password: Option<Zeroizing<String>>,
    /// The realm, for mechanisms that have realms.
    pub sync_realm: Option<String>,
    /// The user to act as; the same as `sync_authname` if not set.
    pub sync_authzid: Option<String>,
    /// `<host>_mechs` or `force_sasl_client_mech`: use one of these mechanisms and no other.
    pub mechanisms: Option<String>,
    /// Whether a password may be sent in clear over a network that is not encrypted.
    pub sync_allowplaintext: bool,
}

/// Hides the password.
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
    /// Resolves the settings for a replica, if one is named.
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

/// Returns the limit that the caller asked for, otherwise that of imapd.conf.
fn sync_bwlimit(resolver: &mut Resolver<'_>, asked: Option<&Bandwidth>) -> Result<Bandwidth> {
    let configured = Bandwidth::parse(&resolver.text(opt::SYNC_BWLIMIT))?;
    let Some(asked) = asked else { return Ok(configured) };
    resolver.overridden(asked.to_string());
    Ok(asked.clone())
}

/// Returns the mechanisms that may be used: `<host>_mechs`, with the host up to its first dot, or
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

/// Returns the name to connect from (`backend_client_bind` in `imap/backend.c`).
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

/// Returns `tcp_keepalive` and its related options (`tcp_enable_keepalive` in `lib/util.c`).
fn tcp_keepalive(resolver: &mut Resolver<'_>) -> Option<KeepAlive> {
    let on = resolver.switch(opt::TCP_KEEPALIVE);
    let settings = KeepAlive {
        idle: resolver.duration(opt::TCP_KEEPALIVE_IDLE),
        interval: resolver.duration(opt::TCP_KEEPALIVE_INTVL),
        probes: u32::try_from(resolver.int(opt::TCP_KEEPALIVE_CNT)).unwrap_or(0),
    };
    on.then_some(settings)
}

/// The name and address of the replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// As in `sync_host` or given with `-S`; also used in locks and log lines.
    pub name: String,
    /// The parsed name.
    pub target: Target,
}

impl Server {
    /// Returns the server that the caller asked for, otherwise `sync_host` of the channel; `None`
    /// if there is none.
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
