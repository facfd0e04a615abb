//! Settings of the connections to the replica.

use std::time::Duration;

use zeroize::Zeroizing;

use super::overrides::Overrides;
use super::resolver::Resolver;
use super::tls::Tls;
use crate::config::{Bandwidth, Target, opt, service_port};
use crate::error::Result;

/// Settings of the connections to the replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The port that is used if the server's name has none.
    pub sync_port: Option<u16>,
    /// Whether the replica may be an imapd.
    pub sync_try_imap: bool,
    /// Name or address to connect from (`client_bind`, `client_bind_name`).
    pub client_bind: Option<String>,
    /// How the system probes an idle connection. `None` means that it does not.
    pub tcp_keepalive: Option<KeepAlive>,
    /// Encryption.
    pub tls: Tls,
    /// The credentials for the login.
    pub credentials: Credentials,
    /// Time limit for each step of connecting and logging in; at least one second.
    pub client_timeout: Duration,
    /// Time limit for a reply; at least three seconds, as in Cyrus.
    pub sync_timeout: Duration,
    /// How much time is spent on compression.
    pub sync_deflate_level: DeflateLevel,
    /// Number of bytes that all connections together may send per second.
    pub sync_bwlimit: Bandwidth,
    /// Whether to fail if compression is not available (`-z`).
    pub require_compression: bool,
    /// Whether to request that the replica stores incoming message files on its archive partition
    /// (`-a`).
    pub stage_to_archive: bool,
    /// Whether the replica must accept the master's state in every case, even lower modseqs, UIDs
    /// and UIDVALIDITYs than its own (`-O`).
    pub no_copyback: bool,
}

/// How much time is spent on compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeflateLevel {
    /// Adapts to the connection: as much compression as makes the transfer faster.
    #[default]
    Auto,
    /// Always this level of zlib, 1 to 9; 0 means no compression.
    Fixed(u32),
}

impl DeflateLevel {
    fn resolve(resolver: &mut Resolver<'_>) -> DeflateLevel {
        let number = resolver.auto(opt::SYNC_DEFLATE_LEVEL);
        number.map_or(DeflateLevel::Auto, |n| DeflateLevel::Fixed(u32::try_from(n).unwrap_or(0)))
    }
}

/// How the system probes an idle connection, to notice that the other end is gone. 0 in a field
/// means the default of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeepAlive {
    /// Idle time before the first probe (`tcp_keepalive_idle`).
    pub idle: Duration,
    /// The time between probes (`tcp_keepalive_intvl`).
    pub interval: Duration,
    /// Number of unanswered probes after which the connection is closed (`tcp_keepalive_cnt`).
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
    /// The user to act as. `None` means the user who logs in.
    pub sync_authzid: Option<String>,
    /// The only mechanisms that may be used: `<host>_mechs` or `force_sasl_client_mech`. `None`
    /// means any.
    pub mechanisms: Option<String>,
    /// Whether a password may be sent over a network that is not encrypted.
    pub sync_allowplaintext: bool,
}

/// Writes all fields except the password.
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
    /// Reads the settings. Some depend on the replica, if one is named.
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

/// Returns the bandwidth limit: the caller's, otherwise that of imapd.conf.
fn sync_bwlimit(resolver: &mut Resolver<'_>, asked: Option<&Bandwidth>) -> Result<Bandwidth> {
    let configured = Bandwidth::parse(&resolver.text(opt::SYNC_BWLIMIT))?;
    let Some(asked) = asked else { return Ok(configured) };
    resolver.overridden(asked.to_string());
    Ok(asked.clone())
}

/// Returns the value of `<host>_mechs`, where the host ends before its first dot, otherwise of
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

/// Returns the name or address of this machine to connect from (`backend_client_bind` in
/// `imap/backend.c`).
fn client_bind(resolver: &mut Resolver<'_>) -> Result<Option<String>> {
    let on = resolver.switch(opt::CLIENT_BIND);
    let own = resolver.string(opt::CLIENT_BIND_NAME);
    let servername = resolver.string(opt::SERVERNAME);
    match own.or(servername) {
        _ if !on => Ok(None),
        Some(name) => Ok(Some(name)),
        None => Err(resolver
            .refuse(opt::CLIENT_BIND.spec(), "no name is set to take the address from")
            .with_hint("set client_bind_name or servername")),
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
    /// The name as in `sync_host` or with `-S`. Locks and log lines contain it.
    pub name: String,
    /// The address that the name describes.
    pub target: Target,
}

impl Server {
    /// Returns the server: the caller's, otherwise `sync_host` of the channel. Returns `None` if
    /// neither is set.
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
