//! What imapd.conf says of the connection to the replica.

use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::options::Options;
use crate::config::{Config, opt};
use crate::error::{Error, Kind, Result};
use crate::replica::tls::{Committed, Fingerprint, Mode, Settings as TlsSettings};
use crate::replica::{Credentials, KeepAlive, Settings, Target};

/// Everything but the place itself.
///
/// # Errors
/// [`Kind::Config`] for a fingerprint that is none, for one together with `sync_tls: off`, and for
/// `client_bind` without a name.
pub(super) fn settings(config: &Config, options: &Options, target: &Target) -> Result<Settings> {
    let channel = options.channel.as_deref();
    let string = |option| config.channel_string(channel, option).map(str::to_owned);
    Ok(Settings {
        port: string(opt::SYNC_PORT),
        try_imap: config.channel_switch(channel, opt::SYNC_TRY_IMAP),
        bind: bind(config)?,
        keep_alive: keep_alive(config),
        tls: tls(config, channel, target)?,
        credentials: Credentials {
            authname: string(opt::SYNC_AUTHNAME),
            password: string(opt::SYNC_PASSWORD).map(Zeroizing::new),
            realm: string(opt::SYNC_REALM),
            authzid: string(opt::SYNC_AUTHZID),
            mechanisms: mechanisms(config, target),
            plaintext: config.channel_switch(channel, opt::SYNC_ALLOWPLAINTEXT),
        },
        connect_timeout: config.duration(opt::CLIENT_TIMEOUT).max(Duration::from_secs(1)),
        // Cyrus waits three seconds at the least.
        timeout: config.duration(opt::SYNC_TIMEOUT).max(Duration::from_secs(3)),
        deflate_level: u32::try_from(config.channel_int(channel, opt::SYNC_DEFLATE_LEVEL))
            .unwrap_or(0),
        require_compress: options.require_compress,
        archive: options.archive,
        force: options.no_copyback,
    })
}

/// The mechanisms that may be used: `<host>_mechs`, the host up to its first dot, or
/// `force_sasl_client_mech`.
fn mechanisms(config: &Config, target: &Target) -> Option<String> {
    let own = match target {
        Target::Tcp { host, .. } => {
            let short = host.split('.').next().unwrap_or_default();
            config.overflow(&format!("{short}_mechs"))
        }
        Target::Unix(_) => None,
    };
    own.or_else(|| config.string(opt::FORCE_SASL_CLIENT_MECH)).map(str::to_owned)
}

/// The name to connect from (`backend_client_bind` in `imap/backend.c`).
fn bind(config: &Config) -> Result<Option<String>> {
    if !config.switch(opt::CLIENT_BIND) {
        return Ok(None);
    }
    let name = config.string(opt::CLIENT_BIND_NAME).or_else(|| config.string(opt::SERVERNAME));
    match name {
        Some(name) => Ok(Some(name.to_owned())),
        None => Err(Error::new(Kind::Config, "use", "client_bind", "there is no name to bind to")
            .hint("set client_bind_name or servername")),
    }
}

/// `tcp_keepalive` and what goes with it (`tcp_enable_keepalive` in `lib/util.c`).
fn keep_alive(config: &Config) -> Option<KeepAlive> {
    config.switch(opt::TCP_KEEPALIVE).then(|| KeepAlive {
        idle: config.duration(opt::TCP_KEEPALIVE_IDLE),
        interval: config.duration(opt::TCP_KEEPALIVE_INTVL),
        probes: u32::try_from(config.int(opt::TCP_KEEPALIVE_CNT)).unwrap_or(0),
    })
}

fn tls(config: &Config, channel: Option<&str>, target: &Target) -> Result<TlsSettings> {
    let mode = match config.channel_choice(channel, opt::SYNC_TLS) {
        "off" => Mode::Off,
        "require" => Mode::Require,
        _ => Mode::Try,
    };
    let pins = config.channel_string(channel, opt::SYNC_TLS_FINGERPRINT).unwrap_or_default();
    let fingerprints = Fingerprint::parse_all(pins)?;
    let stays_clear = matches!(target, Target::Tcp { tls: false, .. }) && mode == Mode::Off;
    if stays_clear && !fingerprints.is_empty() {
        return Err(contradiction(channel));
    }
    let (ca_file, ca_dir) = authorities(config);
    Ok(TlsSettings {
        mode,
        verify: config.channel_switch(channel, opt::SYNC_TLS_VERIFY),
        fingerprints,
        ca_file,
        ca_dir,
        crl_file: config.string(opt::TLS_CRL_FILE).map(PathBuf::from),
        identity: identity(config, target),
        versions: config.string(opt::TLS_VERSIONS).unwrap_or_default().to_owned(),
        committed: Committed::default(),
        verified: Some(super::verified_servers(config)),
    })
}

/// Which of the two the site means cannot be known, and one of them would be clear text.
fn contradiction(channel: Option<&str>) -> Error {
    let what = "sync_tls: off forbids the TLS that the certificate would be looked at in";
    let own = match channel {
        Some(channel) => format!(
            "; each also counts as {channel}_sync_tls and {channel}_sync_tls_fingerprint, and              without the channel for all channels that have none of their own"
        ),
        None => String::new(),
    };
    Error::new(Kind::Config, "use", "sync_tls_fingerprint", what)
        .hint(format!("take one of the two out of imapd.conf{own}"))
}

/// `tls_server_ca_*` are for the certificates of servers that Cyrus connects to; who has set
/// neither is taken to mean the ones for clients' certificates.
fn authorities(config: &Config) -> (Option<PathBuf>, Option<PathBuf>) {
    let pair = |file, dir| {
        let path = |option| config.string(option).map(PathBuf::from);
        (path(file), path(dir))
    };
    match pair(opt::TLS_SERVER_CA_FILE, opt::TLS_SERVER_CA_DIR) {
        (None, None) => pair(opt::TLS_CLIENT_CA_FILE, opt::TLS_CLIENT_CA_DIR),
        servers => servers,
    }
}

/// Certificate and key: `<host>_client_cert` and `<host>_client_key` with the host's first part,
/// else `tls_client_cert` and `tls_client_key`. Without a key's file it is in the certificate's
/// (`tls_init_clientengine` in `imap/tls.c`).
fn identity(config: &Config, target: &Target) -> Option<(PathBuf, PathBuf)> {
    let host = target.host();
    let host = host.split('.').next().unwrap_or_default();
    let of_host = |what: &str| config.overflow(&format!("{host}_client_{what}"));
    let certificate = of_host("cert").or_else(|| config.string(opt::TLS_CLIENT_CERT))?;
    let key = of_host("key").or_else(|| config.string(opt::TLS_CLIENT_KEY)).unwrap_or(certificate);
    let disabled = [certificate, key].iter().any(|value| value.eq_ignore_ascii_case("disabled"));
    (!disabled).then(|| (PathBuf::from(certificate), PathBuf::from(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Config {
        let text = format!("configdirectory: /conf\n{text}");
        Config::from_text(text.as_bytes(), "imapd.conf").unwrap()
    }

    fn of(text: &str, channel: Option<&str>) -> Result<Settings> {
        let target = Target::parse("replica.example.com:2005").unwrap();
        let options = Options { channel: channel.map(str::to_owned), ..Options::default() };
        settings(&read(text), &options, &target)
    }

    #[test]
    fn certificates_of_servers_go_before_those_of_clients() {
        let debian = of("tls_client_ca_dir: /etc/ssl/certs\n", None).unwrap().tls;
        assert_eq!((debian.ca_file, debian.ca_dir), (None, Some("/etc/ssl/certs".into())));
        let both = "tls_client_ca_dir: /etc/ssl/certs\ntls_server_ca_file: /ca.pem\n";
        let both = of(both, None).unwrap().tls;
        assert_eq!((both.ca_file, both.ca_dir), (Some("/ca.pem".into()), None));
        let none = of("", None).unwrap().tls;
        assert!(none.verify && none.ca_file.is_none() && none.ca_dir.is_none());
        assert_eq!(none.mode, Mode::Try);
    }

    #[test]
    fn a_host_has_its_own_certificate() {
        let text = "tls_client_cert: /c\ntls_client_key: /k\n";
        let general = of(text, None).unwrap().tls.identity;
        assert_eq!(general, Some(("/c".into(), "/k".into())));
        let own = format!("{text}replica_client_cert: /rc\nreplica_client_key: /rk\n");
        assert_eq!(of(&own, None).unwrap().tls.identity, Some(("/rc".into(), "/rk".into())));
        let off = format!("{text}replica_client_cert: disabled\n");
        assert_eq!(of(&off, None).unwrap().tls.identity, None);
        let one = of("tls_client_cert: /both\n", None).unwrap().tls.identity;
        assert_eq!(one, Some(("/both".into(), "/both".into())));
    }

    #[test]
    fn a_channel_has_its_own_rules() {
        let text = "sync_tls: off\nfar_sync_tls: require\nfar_sync_tls_verify: no\n";
        assert_eq!(of(text, None).unwrap().tls.mode, Mode::Off);
        let far = of(text, Some("far")).unwrap().tls;
        assert_eq!((far.mode, far.verify), (Mode::Require, false));
        assert!(Config::from_text(b"configdirectory: /c\nfar_sync_tls: yes\n", "f").is_err());
        let pin = of("sync_tls_fingerprint: sha256:12\n", None).unwrap_err();
        assert_eq!(pin.kind(), Kind::Config);
    }

    #[test]
    fn a_pin_and_clear_text_contradict_each_other() {
        let pin = format!("sync_tls_fingerprint: {}\n", Fingerprint::of(b"it"));
        assert_eq!(of(&pin, None).unwrap().tls.fingerprints.len(), 1);
        let both = format!("sync_tls: off\n{pin}");
        let error = of(&both, None).unwrap_err();
        assert_eq!(error.kind(), Kind::Config, "{error}");
        let text = error.to_string();
        assert!(text.contains("sync_tls: off") && text.contains("fingerprint"), "{text}");
        for mixed in [format!("far_sync_tls: off\n{pin}"), format!("sync_tls: off\nfar_{pin}")] {
            let error = of(&mixed, Some("far")).unwrap_err();
            assert!(error.to_string().contains("far_sync_tls"), "{error}");
            of(&mixed, Some("near")).unwrap();
        }
        for server in ["/run/socket", "replica:993/tls"] {
            let target = Target::parse(server).unwrap();
            settings(&read(&both), &Options::default(), &target).unwrap();
        }
    }

    #[test]
    fn keepalive_is_on_unless_it_is_switched_off() {
        let none = KeepAlive { idle: Duration::ZERO, interval: Duration::ZERO, probes: 0 };
        assert_eq!(of("", None).unwrap().keep_alive, Some(none));
        let text = "tcp_keepalive: yes\ntcp_keepalive_idle: 2m\ntcp_keepalive_intvl: 7\n\
                    tcp_keepalive_cnt: 3\n";
        let some = KeepAlive {
            idle: Duration::from_secs(120),
            interval: Duration::from_secs(7),
            probes: 3,
        };
        assert_eq!(of(text, None).unwrap().keep_alive, Some(some));
        assert_eq!(of("tcp_keepalive: no\n", None).unwrap().keep_alive, None);
        let negative = of("tcp_keepalive_idle: -1\ntcp_keepalive_cnt: -1\n", None).unwrap();
        assert_eq!(negative.keep_alive, Some(none));
    }

    #[test]
    fn the_name_to_bind_to_is_ours_unless_another_is_set() {
        assert_eq!(of("client_bind_name: a\n", None).unwrap().bind, None);
        let on = "client_bind: yes\nservername: us\n";
        assert_eq!(of(on, None).unwrap().bind.as_deref(), Some("us"));
        let named = format!("{on}client_bind_name: 127.0.0.2\n");
        assert_eq!(of(&named, None).unwrap().bind.as_deref(), Some("127.0.0.2"));
        assert_eq!(of("client_bind: yes\n", None).unwrap_err().kind(), Kind::Config);
    }
}
