use std::path::Path;
use std::time::Duration;

use super::check::check;
use super::*;
use crate::error::{Error, Kind};

const BASE: &str = "configdirectory: /conf\n";

fn config(text: &str) -> Config {
    Config::from_text(format!("{BASE}{text}").as_bytes(), "t.conf").unwrap()
}

fn error(text: &str) -> Error {
    Config::from_text(format!("{BASE}{text}").as_bytes(), "t.conf").unwrap_err()
}

#[test]
fn every_default_is_valid() {
    let mut names: Vec<_> = opt::ALL.iter().map(|spec| spec.name).collect();
    for spec in opt::ALL {
        if let Some(default) = spec.default {
            assert_eq!(check(spec.name, default), Ok(()), "{}", spec.name);
        }
    }
    names.extend(opt::DEPRECATED.iter().map(|former| former.name));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a name is in the table twice");
}

#[test]
fn defaults() {
    let c = config("");
    assert_eq!(c.directory(), Path::new("/conf"));
    assert_eq!(c.string(opt::SYNC_HOST, None), None);
    assert_eq!(c.string(opt::DEFAULTDOMAIN, None), Some("internal"));
    assert_eq!(c.int(opt::SYNC_BATCHSIZE, None), 8192);
    assert_eq!(c.duration(opt::SYNC_TIMEOUT, None), Duration::from_secs(1800));
    assert_eq!(c.choice(opt::QUOTA_DB, None), "quotalegacy");
    assert!(c.switch(opt::UNIXHIERARCHYSEP, None) && !c.switch(opt::CONVERSATIONS, None));
    assert!(!c.contains(opt::METAPARTITION_FILES, "index"));
}

#[test]
fn values_of_all_types() {
    let c = config(
        "sync_host: replica.example.com \nSYNC_LOG: on\nsync_batchsize: 0x10\nsync_timeout: 1h30m\n\
         virtdomains: yes\nsubscription_db: twoskip\n\
         metapartition_files: header index\tcache\nsync_reconnect_maxwait: -5\n",
    );
    assert_eq!(c.string(opt::SYNC_HOST, None), Some("replica.example.com"));
    assert!(c.switch(opt::SYNC_LOG, None));
    assert_eq!(c.int(opt::SYNC_BATCHSIZE, None), 16);
    assert_eq!(c.seconds(opt::SYNC_TIMEOUT, None), 5400);
    assert_eq!(c.choice(opt::VIRTDOMAINS, None), "on");
    assert_eq!(c.choice(opt::SUBSCRIPTION_DB, None), "twoskip");
    assert!(c.contains(opt::METAPARTITION_FILES, "cache"));
    assert!(!c.contains(opt::METAPARTITION_FILES, "annotations"));
    assert_eq!(c.seconds(opt::SYNC_RECONNECT_MAXWAIT, None), -5);
    assert_eq!(c.duration(opt::SYNC_RECONNECT_MAXWAIT, None), Duration::ZERO);
}

#[test]
fn bad_values_name_file_line_and_remedy() {
    let e = error("# comment\nsync_timeout: 30x\n");
    assert_eq!(e.kind(), Kind::Config);
    assert_eq!(
        e.to_string(),
        "read configuration t.conf line 3: sync_timeout: \"30x\" is not a duration; \
         hint: write numbers with d, h, m or s and no blanks, such as 30m or 1d12h"
    );
    for bad in [
        "sync_log: maybe",
        "sync_log: Yes",
        "sync_batchsize: 8k",
        "virtdomains: maybe",
        "subscription_db: yes",
        "metapartition_files: index junk",
        "tcp_keepalive_idle: soon",
        "backup_sync_repeat_interval: often",
        "a b: c",
        "sync_host:",
        "@inclde: x",
    ] {
        let e = error(bad);
        assert!(e.subject() == "t.conf line 2" && !e.hint().is_empty(), "{bad}: {e}");
    }
    assert_eq!(config("imap_foo: \x07 anything\n").other("imap_foo"), Some("\x07 anything"));
}

#[test]
fn an_option_of_a_later_cyrus_that_moves_data_is_refused() {
    for later in ["mboxname_metapath: /x", "sync_client_seenstate_db_path: /x"] {
        let e = error(later);
        assert_eq!(e.kind(), Kind::Config, "{e}");
        assert_eq!(e.subject(), "t.conf line 2", "{e}");
        assert!(e.detail().contains("of a newer Cyrus") && !e.hint().is_empty(), "{e}");
    }
    let c = config("mboxname_userpath: {configdirectory}/people\n");
    assert_eq!(c.string(opt::MBOXNAME_USERPATH, None), Some("/conf/people"));
}

#[test]
fn options_are_set_once() {
    for twice in [
        "sync_host: a\nsync_host: b\n",
        "Sync_Host: a\nsync_host: a\n",
        "partition-x: a\npartition-x: b\n",
        "sync_client_sync_host: a\nsync_client_sync_host: a\n",
        "tls_ca_file: a\ntls_ca_file: b\n",
        "configdirectory: /conf\n",
    ] {
        assert!(error(twice).detail().contains("is set twice"), "{twice}");
    }
}

#[test]
fn the_service_s_own_setting_wins() {
    for text in
        ["sync_host: a\nsync_client_sync_host: b\n", "sync_client_sync_host: b\nsync_host: a\n"]
    {
        assert_eq!(config(text).string(opt::SYNC_HOST, None), Some("b"));
    }
    // The setting is for another service, so this program does not use it.
    assert_eq!(config("imap_sync_host: b\n").string(opt::SYNC_HOST, None), None);
    let c = config("partition-x: /a\nsync_client_partition-x: /b\n");
    assert_eq!(c.other("partition-x"), Some("/b"));
    assert_eq!(c.others("partition-").collect::<Vec<_>>(), ["x", "x"]);
}

#[test]
fn former_names_count_unless_the_new_one_is_there() {
    let c = config("tls_ca_file: /old\ntls_ca_path: /dir\ntls_client_ca_dir: /new\n");
    assert_eq!(c.string(opt::TLS_CLIENT_CA_FILE, None), Some("/old"));
    assert_eq!(c.string(opt::TLS_CLIENT_CA_DIR, None), Some("/new"));
    assert_eq!(c.notes().len(), 2);
    assert_eq!(c.notes()[0], "tls_ca_file is called tls_client_ca_file since Cyrus 2.5.0");
}

#[test]
fn channels_override() {
    let c = config(
        "sync_host: h\nsync_repeat_interval: 2\nbackup_sync_host: b\nbackup_sync_try_imap: no\n\
         backup_sync_repeat_interval: 5m\nsync_client_other_sync_host: o\n",
    );
    let (backup, other) = (Some("backup"), Some("other"));
    assert_eq!(c.string(opt::SYNC_HOST, None), Some("h"));
    assert_eq!(c.string(opt::SYNC_HOST, backup), Some("b"));
    assert_eq!(c.string(opt::SYNC_HOST, other), Some("o"));
    assert_eq!(c.string(opt::SYNC_PORT, backup), None);
    assert!(!c.switch(opt::SYNC_TRY_IMAP, backup));
    assert!(c.switch(opt::SYNC_TRY_IMAP, other));
    assert_eq!(c.seconds(opt::SYNC_REPEAT_INTERVAL, backup), 300);
    assert_eq!(c.seconds(opt::SYNC_REPEAT_INTERVAL, other), 2);
    assert_eq!(c.int(opt::SYNC_BATCHSIZE, other), 8192);
}

#[test]
fn configdirectory_is_put_into_paths() {
    let c = config(
        "mboxlist_db_path: {ConfigDirectory}/m.db\ntemp_path: /x/{configdirectory}\n\
         partition-default: {configdirectory}/spool\n",
    );
    assert_eq!(c.string(opt::MBOXLIST_DB_PATH, None), Some("/conf/m.db"));
    assert_eq!(c.string(opt::TEMP_PATH, None), Some("/x/{configdirectory}"));
    assert_eq!(c.other("partition-default"), Some("{configdirectory}/spool"));
}

#[test]
fn configdirectory_must_be_set() {
    let e = Config::from_text(b"sync_host: x\n", "t.conf").unwrap_err();
    assert!(e.detail().contains("configdirectory is not set"), "{e}");
}

#[test]
fn settings_by_the_host() {
    let mut c = config("sync_host: a\n");
    c.set("sync_host", "b").unwrap();
    c.set("Backup_Sync_Repeat_Interval", "5m").unwrap();
    c.set("mboxlist_db_path", "{configdirectory}/x").unwrap();
    c.set("tls_ca_file", "/ca").unwrap();
    assert_eq!(c.string(opt::SYNC_HOST, None), Some("b"));
    assert_eq!(c.seconds(opt::SYNC_REPEAT_INTERVAL, Some("backup")), 300);
    assert_eq!(c.string(opt::MBOXLIST_DB_PATH, None), Some("/conf/x"));
    assert_eq!(c.string(opt::TLS_CLIENT_CA_FILE, None), Some("/ca"));
    assert_eq!(c.set("sync_log", "perhaps").unwrap_err().kind(), Kind::Config);
    assert_eq!(c.set("sync_host", " ").unwrap_err().kind(), Kind::Config);
}

#[test]
fn passwords_are_not_shown() {
    let c = config("sync_password: xyzzy\nreplica_password: xyzzy\nsync_host: seen\n");
    let shown = format!("{c:?}");
    assert!(shown.contains("seen") && !shown.contains("xyzzy"), "{shown}");
    assert_eq!(c.other("replica_password"), Some("xyzzy"));
}

#[test]
fn includes() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let inner = write("inner", "sync_host: x\nsync_log: bad\n".into());
    let outer = write("outer", format!("{BASE}\n@include: {}\n", inner.display()));
    let e = Config::load(&outer).unwrap_err();
    assert_eq!(*e.subject(), format!("{} line 2", inner.display()));
    write("inner", "sync_host: x\n".into());
    assert_eq!(Config::load(&outer).unwrap().string(opt::SYNC_HOST, None), Some("x"));

    let gone = dir.path().join("gone");
    write("inner", format!("@include: {}\n", gone.display()));
    let e = Config::load(&outer).unwrap_err();
    assert_eq!(*e.subject(), format!("{} line 1", inner.display()));
    assert_eq!(e.io_kind(), Some(std::io::ErrorKind::NotFound));
    assert_eq!(*Config::load(&gone).unwrap_err().subject(), gone.display().to_string());

    write("inner", format!("@include: {}\n", outer.display()));
    assert!(Config::load(&outer).unwrap_err().detail().contains("included twice"));
    // Every include gives the directory in a different spelling, so that no path is included twice.
    let spelled = |n: usize| format!("{}{}", "/.".repeat(n), dir.path().display());
    for n in 0..40 {
        write(&format!("f{n}"), format!("@include: {}/f{}\n", spelled(n + 1), n + 1));
    }
    let e = Config::load(dir.path().join("f0")).unwrap_err();
    assert!(e.detail().contains("levels of @include"), "{e}");
}

#[test]
fn servers_ports_and_pins_are_understood_when_they_are_read() {
    for (bad, why) in [
        ("sync_host: a:0", "port 0 is not allowed"),
        ("far_sync_host: a/tsl", "/tsl is not a known ending"),
        ("sync_port: no-such-service", "no such service"),
        ("far_sync_port: 70000", "the port is too large"),
        ("sync_tls_fingerprint: sha1:aa", "is not a fingerprint"),
        ("sync_deflate_level: 10", "0 to 9"),
        ("sync_deflate_level: -1", "0 to 9"),
        ("far_sync_deflate_level: fast", "write auto"),
    ] {
        let e = error(bad);
        assert_eq!(*e.subject(), "t.conf line 2");
        assert!(e.to_string().contains(why), "{e}");
    }
    let c = config("sync_host: {configdirectory}/socket/sync\nsync_port: imap\n");
    assert_eq!(c.string(opt::SYNC_HOST, None), Some("/conf/socket/sync"));
    assert_eq!(config("").set("sync_port", "0").unwrap_err().kind(), Kind::Config);
}

#[test]
fn invalid_utf_8_is_refused_only_in_options_that_are_read() {
    assert!(Config::from_text(b"configdirectory: /c\nsync_host: \xff\n", "t").is_err());
    let c = Config::from_text(b"# \xff\nconfigdirectory: /c\nother: \xff\n", "t").unwrap();
    assert_eq!(c.other("other"), Some("\u{fffd}"));
    assert_eq!(c.notes().len(), 1);
    let c = config("sync_host: lost \\\n");
    assert_eq!((c.string(opt::SYNC_HOST, None), c.notes().len()), (None, 1));
}

#[test]
fn a_cut_or_flipped_file_is_read_or_refused() {
    let text = format!("{BASE}sync_timeout: 1h\\\n30m\n# x\nvirtdomains: on\nx_sync_log: 1\n@a: b");
    for at in 0..text.len() {
        let _ = Config::from_text(&text.as_bytes()[..at], "t");
        for bit in 0..8 {
            let mut flipped = text.clone().into_bytes();
            flipped[at] ^= 1 << bit;
            let _ = Config::from_text(&flipped, "t");
        }
    }
}
