//! Tests how imapd.conf, a channel and a caller's overrides are combined.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::config::opt::{self, Type};

/// Returns the settings for these lines of imapd.conf.
pub(crate) fn of(lines: &str) -> Settings {
    of_channel(lines, None)
}

/// Returns the settings of a channel for these lines of imapd.conf.
pub(crate) fn of_channel(lines: &str, channel: Option<&str>) -> Settings {
    resolve(lines, channel, &Overrides::default()).unwrap()
}

fn resolve(lines: &str, channel: Option<&str>, overrides: &Overrides) -> Result<Settings> {
    let directory =
        if lines.contains("configdirectory:") { "" } else { "configdirectory: /conf\n" };
    let text = format!("{directory}{lines}");
    Settings::resolve(&Config::from_text(text.as_bytes(), "t.conf")?, channel, overrides)
}

/// Returns the TLS settings for these lines of imapd.conf, with a replica.
fn tls(lines: &str) -> Tls {
    of(&format!("sync_host: replica.example.com:2005\n{lines}")).connection.tls
}

fn refused(lines: &str, channel: Option<&str>) -> Error {
    let lines = format!("sync_host: replica.example.com:2005\n{lines}");
    let error = resolve(&lines, channel, &Overrides::default()).unwrap_err();
    assert_eq!(error.kind(), Kind::Config, "{error}");
    assert!(!error.hint().is_empty(), "{error}");
    error
}

#[test]
fn every_option_of_the_table_is_resolved_once() {
    let settings = of("");
    let mut shown: Vec<&str> =
        settings.effective_options().iter().map(|shown| shown.name.as_str()).collect();
    let mut table: Vec<&str> = opt::ALL.iter().map(|spec| spec.name).collect();
    shown.sort_unstable();
    table.sort_unstable();
    assert_eq!(shown, table);
}

#[test]
fn defaults_are_shown_as_in_the_table() {
    for shown in of("configdirectory: /conf\n").effective_options() {
        let spec = opt::ALL.iter().find(|spec| spec.name == shown.name).unwrap();
        if spec.name != "configdirectory" {
            assert_eq!(
                (shown.value.as_deref(), &shown.origin),
                (spec.default, &crate::config::Origin::Default)
            );
        }
    }
}

/// Returns an invalid value for an option of this type. Returns `None` if any value is valid.
fn bad(kind: Type) -> Option<&'static str> {
    match kind {
        Type::String => None,
        Type::Switch => Some("perhaps"),
        Type::Int => Some("8k"),
        Type::AutoOr(..) => Some("-1"),
        Type::Duration(_) => Some("soon"),
        Type::OneOf(_) | Type::OnOffOr(_) | Type::AnyOf(_) => Some("bogus"),
        Type::Server => Some("replica/tsl"),
        Type::Port => Some("70000"),
        Type::Fingerprints => Some("sha256:12"),
        Type::Bandwidth => Some("1M,8-18=fast"),
    }
}

#[test]
fn a_bad_value_of_any_option_fails_at_the_start_with_file_and_line() {
    for spec in opt::ALL {
        let Some(value) = bad(spec.kind) else { continue };
        let of_channel = spec.has_channels().then(|| format!("far_{}", spec.name));
        for key in [Some(spec.name.to_owned()), of_channel].into_iter().flatten() {
            let lines = format!("# a comment\n{key}: {value}\n");
            for channel in [None, Some("far")] {
                let error = resolve(&lines, channel, &Overrides::default()).unwrap_err();
                assert_eq!(error.kind(), Kind::Config, "{key}");
                assert_eq!(*error.subject(), "t.conf line 3", "{error}");
                assert!(error.detail().starts_with(&format!("{key}: ")), "{error}");
                assert!(!error.hint().is_empty(), "{error}");
            }
        }
    }
}

#[test]
fn compression_follows_the_connection_unless_a_level_is_given() {
    let lines = "sync_deflate_level: 0x9\nfar_sync_deflate_level: auto\nnear_sync_deflate_level: 0";
    let level = |lines, channel| of_channel(lines, channel).connection.sync_deflate_level;
    assert_eq!(level("", None), DeflateLevel::Auto);
    assert_eq!(level(lines, None), DeflateLevel::Fixed(9));
    assert_eq!(level(lines, Some("far")), DeflateLevel::Auto);
    assert_eq!(level(lines, Some("near")), DeflateLevel::Fixed(0));
}

#[test]
fn values_that_go_together_with_no_other_name_their_line_too() {
    let pin = Fingerprint::of(b"it");
    for (lines, line) in [
        ("client_bind: yes\n".to_owned(), "t.conf line 3"),
        ("# x\ntls_versions: tls1_0 tls1_1\n".to_owned(), "t.conf line 4"),
        (format!("sync_tls: off\nsync_tls_fingerprint: {pin}\n"), "t.conf line 4"),
    ] {
        assert_eq!(*refused(&lines, None).subject(), line);
    }
    tls("sync_tls: off\ntls_versions: tls1_0\n");
    of("sync_host: /run/socket\ntls_versions: tls1_0\n");
}

#[test]
fn a_setting_comes_from_the_call_the_channel_the_service_the_file_or_the_table() {
    let lines = "sync_host: a\nsync_client_sync_batchsize: 7\nfar_sync_host: b\n\
                 tls_ca_file: /ca\nsync_password: xyzzy\npartition-fast: /fast\n";
    let asked = Overrides {
        no_copyback: true,
        skip_locked: true,
        dest_partition: Some("slow".into()),
        sync_repeat_interval: Some(Duration::from_secs(7)),
        ..Overrides::default()
    };
    let settings = resolve(lines, Some("far"), &asked).unwrap();
    let line = |name: &str| {
        let shown = settings.effective_options().iter().find(|shown| shown.name == name);
        shown.map(|shown| shown.to_string().split_whitespace().collect::<Vec<_>>().join(" "))
    };
    for (name, expected) in [
        ("sync_host", "sync_host: b # t.conf line 4 as far_sync_host"),
        ("sync_batchsize", "sync_batchsize: 7 # t.conf line 3 as sync_client_sync_batchsize"),
        ("tls_client_ca_file", "tls_client_ca_file: /ca # t.conf line 5 as tls_ca_file"),
        ("sync_password", "sync_password: (not shown) # t.conf line 6"),
        ("partition-fast", "partition-fast: /fast # t.conf line 7"),
        ("sync_port", "sync_port: (not set) # default"),
        ("sync_log", "sync_log: no # default"),
        ("sync_no_copyback", "sync_no_copyback: yes # command line"),
        ("sync_repeat_interval", "sync_repeat_interval: 7s # command line"),
        ("--skip-locked", "--skip-locked: yes # command line"),
        ("--dest-partition", "--dest-partition: slow # command line"),
        ("--channel", "--channel: far # command line"),
    ] {
        assert_eq!(line(name).as_deref(), Some(expected));
    }
    assert_eq!(line("--local-only"), None);
    assert!(!format!("{settings:?}").contains("xyzzy"));
    let names: BTreeSet<_> = settings.effective_options().iter().map(|shown| &shown.name).collect();
    assert_eq!(names.len(), settings.effective_options().len(), "each is shown once");
}

#[test]
fn the_origin_of_an_option_can_be_the_program() {
    let mut config = Config::from_text(b"configdirectory: /conf\n", "t.conf").unwrap();
    config.set("sync_host", "a").unwrap();
    let settings = Settings::resolve(&config, None, &Overrides::default()).unwrap();
    let host = settings.effective_options().iter().find(|shown| shown.name == "sync_host").unwrap();
    assert_eq!(host.origin, crate::config::Origin::Program);
    assert_eq!(settings.server().unwrap().name, "a");
}

#[test]
fn without_a_replica_everything_else_is_known() {
    let settings = of("sync_tls_verify: no\n");
    assert!(!settings.connection.tls.sync_tls_verify);
    let error = settings.server().unwrap_err();
    assert!(error.to_string().contains("sync_host not defined"), "{error}");
}

#[test]
fn certificates_of_servers_go_before_those_of_clients() {
    let debian = tls("tls_client_ca_dir: /etc/ssl/certs\n");
    assert_eq!((debian.ca_file, debian.ca_dir), (None, Some("/etc/ssl/certs".into())));
    let both = tls("tls_client_ca_dir: /etc/ssl/certs\ntls_server_ca_file: /ca.pem\n");
    assert_eq!((both.ca_file, both.ca_dir), (Some("/ca.pem".into()), None));
    let none = tls("");
    assert!(none.sync_tls_verify && none.ca_file.is_none() && none.ca_dir.is_none());
    assert_eq!(none.sync_tls, TlsMode::Try);
}

#[test]
fn a_host_has_its_own_certificate() {
    let text = "tls_client_cert: /c\ntls_client_key: /k\n";
    assert_eq!(tls(text).identity, Some(("/c".into(), "/k".into())));
    let own = format!("{text}replica_client_cert: /rc\nreplica_client_key: /rk\n");
    assert_eq!(tls(&own).identity, Some(("/rc".into(), "/rk".into())));
    let off = format!("{text}replica_client_cert: disabled\n");
    assert_eq!(tls(&off).identity, None);
    let one = tls("tls_client_cert: /both\n").identity;
    assert_eq!(one, Some(("/both".into(), "/both".into())));
}

#[test]
fn a_host_has_its_own_mechanisms() {
    let lines = "sync_host: replica.example.com\nforce_sasl_client_mech: PLAIN\n";
    let mechanisms = |lines: &str| of(lines).connection.credentials.mechanisms;
    assert_eq!(mechanisms(lines).as_deref(), Some("PLAIN"));
    let own = format!("{lines}replica_mechs: SCRAM-SHA-256\n");
    assert_eq!(mechanisms(&own).as_deref(), Some("SCRAM-SHA-256"));
}

#[test]
fn a_channel_has_its_own_rules() {
    let text = "sync_host: a\nsync_tls: off\nfar_sync_tls: require\nfar_sync_tls_verify: no\n\
                far_sync_timeout: 5m\n";
    assert_eq!(of(text).connection.tls.sync_tls, TlsMode::Off);
    let far = of_channel(text, Some("far")).connection;
    assert_eq!((far.tls.sync_tls, far.tls.sync_tls_verify), (TlsMode::Require, false));
    // The value for the channel is not used, because `sync_timeout` is the same for all channels.
    assert_eq!(far.sync_timeout, Duration::from_secs(1800));
}

#[test]
fn a_pin_and_clear_text_contradict_each_other() {
    let pin = format!("sync_tls_fingerprint: {}\n", Fingerprint::of(b"it"));
    assert_eq!(tls(&pin).sync_tls_fingerprint.len(), 1);
    let both = format!("sync_tls: off\n{pin}");
    let text = refused(&both, None).to_string();
    assert!(text.contains("sync_tls: off (t.conf line 3)"), "{text}");
    for mixed in [format!("far_sync_tls: off\n{pin}"), format!("sync_tls: off\nfar_{pin}")] {
        let error = refused(&mixed, Some("far"));
        assert!(error.to_string().contains("far_sync_tls"), "{error}");
        of_channel(&format!("sync_log_channels: near\n{mixed}"), Some("near"));
    }
    for server in ["/run/socket", "replica:993/tls"] {
        of(&format!("sync_host: {server}\n{both}"));
    }
}

#[test]
fn a_channel_that_nothing_is_known_of_is_refused_with_those_that_are() {
    let listed = "sync_log_channels: near far\n";
    of_channel(listed, Some("far"));
    of_channel("far_sync_host: a\n", Some("far"));
    let error = refused(&format!("{listed}fare_sync_host: a\n"), Some("fa"));
    assert_eq!(error.kind(), Kind::Config);
    assert!(error.to_string().contains("known channels: near, far"), "{error}");
    of_channel("sync_rightnow_channel: now\n", Some("now"));
    let error = refused("", Some("far"));
    assert!(error.to_string().contains("known channels: none"), "{error}");
}

#[test]
fn versions_of_tls_are_those_that_are_named_and_spoken() {
    use TlsVersion::{Tls12, Tls13};
    assert_eq!(tls("").tls_versions, [Tls12, Tls13]);
    assert_eq!(tls("tls_versions: tls1_0, TLS1_3\n").tls_versions, [Tls13]);
}

#[test]
fn keepalive_is_on_unless_it_is_switched_off() {
    let keepalive = |lines: &str| of(lines).connection.tcp_keepalive;
    let none = KeepAlive { idle: Duration::ZERO, interval: Duration::ZERO, probes: 0 };
    assert_eq!(keepalive(""), Some(none));
    let text = "tcp_keepalive: yes\ntcp_keepalive_idle: 2m\ntcp_keepalive_intvl: 7\n\
                tcp_keepalive_cnt: 3\n";
    let some =
        KeepAlive { idle: Duration::from_secs(120), interval: Duration::from_secs(7), probes: 3 };
    assert_eq!(keepalive(text), Some(some));
    assert_eq!(keepalive("tcp_keepalive: no\n"), None);
    assert_eq!(keepalive("tcp_keepalive_idle: -1\ntcp_keepalive_cnt: -1\n"), Some(none));
}

#[test]
fn the_name_to_bind_to_is_ours_unless_another_is_set() {
    let bind = |lines: &str| of(lines).connection.client_bind;
    assert_eq!(bind("client_bind_name: a\n"), None);
    let on = "client_bind: yes\nservername: us\n";
    assert_eq!(bind(on).as_deref(), Some("us"));
    let named = format!("{on}client_bind_name: 127.0.0.2\n");
    assert_eq!(bind(&named).as_deref(), Some("127.0.0.2"));
}

#[test]
fn overrides_of_the_caller_have_priority_over_imapd_conf() {
    let lines = "sync_host: a\nsync_no_copyback: yes\nsync_repeat_interval: 3\n\
                 sync_shutdown_file: /stop\n";
    let settings = of(lines);
    assert!(settings.replication.no_copyback && settings.connection.no_copyback);
    assert_eq!(settings.rolling.sync_repeat_interval, Duration::from_secs(3));
    assert_eq!(settings.rolling.release_staged_after, Duration::from_secs(600));
    assert_eq!(settings.rolling.sync_shutdown_file, Some("/stop".into()));
    let asked = Overrides {
        server: Some("b:2005".into()),
        copyback: true,
        sync_repeat_interval: Some(Duration::from_secs(7)),
        release_staged_after: Some(Duration::ZERO),
        shutdown_file: Some("/end".into()),
        connect_once: true,
        reconnect: true,
        ..Overrides::default()
    };
    let settings = resolve(lines, None, &asked).unwrap();
    assert_eq!(settings.server().unwrap().name, "b:2005");
    assert_eq!(settings.replication.server, "b:2005");
    assert!(!settings.replication.no_copyback && !settings.connection.no_copyback);
    assert_eq!(settings.rolling.sync_repeat_interval, Duration::from_secs(7));
    assert_eq!(settings.rolling.release_staged_after, Duration::ZERO);
    assert_eq!(settings.rolling.sync_shutdown_file, Some("/end".into()));
    assert!(settings.reconnect.unwrap().connect_once);
    let bad = Overrides { server: Some("b/tsl".into()), ..Overrides::default() };
    assert_eq!(resolve(lines, None, &bad).unwrap_err().kind(), Kind::Config);
}

#[test]
fn repairs_are_allowed_what_the_call_says_or_all() {
    let asked = Overrides {
        allow_repair: AllowRepair { uids: true, ..AllowRepair::default() },
        ..Overrides::default()
    };
    let fuse = |lines: &str| resolve(lines, None, &asked).unwrap().replication.fuse;
    assert_eq!(fuse(""), Fuse { max_expunge: Some(100), allowed: asked.allow_repair });
    let off = fuse("sync_repair_fuse: no\nsync_repair_max_expunge: -1\n");
    assert_eq!(off, Fuse { max_expunge: None, allowed: AllowRepair::ALL });
    for words in ["expunge", "annotations,uids", "missing", "all"] {
        assert_eq!(AllowRepair::from_words(words).unwrap().words().as_deref(), Some(words));
    }
    assert_eq!(AllowRepair::default().words(), None);
}

#[test]
fn words_say_what_is_allowed() {
    assert_eq!(AllowRepair::from_words("all").unwrap(), AllowRepair::ALL);
    let two = AllowRepair { annotations: true, uids: true, ..AllowRepair::default() };
    assert_eq!(AllowRepair::from_words("annotations, uids").unwrap(), two);
    for wrong in ["", "expunge,", "Expunge", "everything"] {
        assert!(AllowRepair::from_words(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn partitions_have_roots_for_each_kind_of_file() {
    let layout =
        of("partition-A: /a\nmetapartition-a: /m\narchivepartition-a: /x\nmetadir-index-a: /i\n\
         sync_client_partition-b: /b\npartition-b: /other\n")
        .layout;
    let a = layout.partition("a").unwrap();
    assert_eq!(a.data, Some("/a".into()));
    assert_eq!(layout.partition("A"), Some(a));
    assert_eq!((&a.metadata, &a.index), (&Some("/m".into()), &Some("/i".into())));
    assert_eq!((&a.archive, &a.header), (&None, &None), "archiving is off");
    assert_eq!(layout.partition("b").unwrap().data, Some("/b".into()));
    assert_eq!(layout.partition("c"), None);
    let archived = of("archivepartition-a: /x\narchive_enabled: 1\n").layout;
    assert_eq!(archived.partition("a").unwrap().archive, Some("/x".into()));
}
