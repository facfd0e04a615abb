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
    assert_eq!(c.string(opt::SYNC_HOST), None);
    assert_eq!(c.string(opt::DEFAULTDOMAIN), Some("internal"));
    assert_eq!(c.int(opt::SYNC_BATCHSIZE), 8192);
    assert_eq!(c.duration(opt::SYNC_TIMEOUT), Duration::from_secs(1800));
    assert_eq!(c.choice(opt::QUOTA_DB), "quotalegacy");
    assert!(c.switch(opt::UNIXHIERARCHYSEP) && !c.switch(opt::CONVERSATIONS));
    assert!(!c.contains(opt::METAPARTITION_FILES, "index"));
}

#[test]
fn values_of_all_types() {
    let c = config(
        "sync_host: replica.example.com \nSYNC_LOG: on\nsync_batchsize: 0x10\nsync_timeout: 1h30m\n\
         virtdomains: yes\nsubscription_db: twoskip\n\
         metapartition_files: header index\tcache\nsync_reconnect_maxwait: -5\n",
    );
    assert_eq!(c.string(opt::SYNC_HOST), Some("replica.example.com"));
    assert!(c.switch(opt::SYNC_LOG));
    assert_eq!(c.int(opt::SYNC_BATCHSIZE), 16);
    assert_eq!(c.seconds(opt::SYNC_TIMEOUT), 5400);
    assert_eq!(c.choice(opt::VIRTDOMAINS), "on");
    assert_eq!(c.choice(opt::SUBSCRIPTION_DB), "twoskip");
    assert!(c.contains(opt::METAPARTITION_FILES, "cache"));
    assert!(!c.contains(opt::METAPARTITION_FILES, "annotations"));
    assert_eq!(c.seconds(opt::SYNC_RECONNECT_MAXWAIT), -5);
    assert_eq!(c.duration(opt::SYNC_RECONNECT_MAXWAIT), Duration::ZERO);
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
        assert!(e.subject() == "t.conf line 2" && !e.hint_text().is_empty(), "{bad}: {e}");
    }
    assert_eq!(config("imap_foo: \x07 anything\n").overflow("imap_foo"), Some("\x07 anything"));
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
        assert!(error(twice).detail().contains("second time"), "{twice}");
    }
}

#[test]
fn the_service_s_own_setting_wins() {
    for text in
        ["sync_host: a\nsync_client_sync_host: b\n", "sync_client_sync_host: b\nsync_host: a\n"]
    {
        assert_eq!(config(text).string(opt::SYNC_HOST), Some("b"));
    }
    // Of another service: not ours.
    assert_eq!(config("imap_sync_host: b\n").string(opt::SYNC_HOST), None);
    let c = config("partition-x: /a\nsync_client_partition-x: /b\n");
    assert_eq!(Partitions::of(&c).data("x"), Some(Path::new("/b")));
}

#[test]
fn former_names_count_unless_the_new_one_is_there() {
    let c = config("tls_ca_file: /old\ntls_ca_path: /dir\ntls_client_ca_dir: /new\n");
    assert_eq!(c.string(opt::TLS_CLIENT_CA_FILE), Some("/old"));
    assert_eq!(c.string(opt::TLS_CLIENT_CA_DIR), Some("/new"));
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
    assert_eq!(c.channel_string(None, opt::SYNC_HOST), Some("h"));
    assert_eq!(c.channel_string(backup, opt::SYNC_HOST), Some("b"));
    assert_eq!(c.channel_string(other, opt::SYNC_HOST), Some("o"));
    assert_eq!(c.channel_string(backup, opt::SYNC_PORT), None);
    assert!(!c.channel_switch(backup, opt::SYNC_TRY_IMAP));
    assert!(c.channel_switch(other, opt::SYNC_TRY_IMAP));
    assert_eq!(c.channel_seconds(backup, opt::SYNC_REPEAT_INTERVAL), 300);
    assert_eq!(c.channel_seconds(other, opt::SYNC_REPEAT_INTERVAL), 2);
    assert_eq!(c.channel_int(other, opt::SYNC_BATCHSIZE), 8192);
}

#[test]
fn configdirectory_is_put_into_paths() {
    let c = config(
        "mboxlist_db_path: {ConfigDirectory}/m.db\ntemp_path: /x/{configdirectory}\n\
         partition-default: {configdirectory}/spool\n",
    );
    assert_eq!(c.string(opt::MBOXLIST_DB_PATH), Some("/conf/m.db"));
    assert_eq!(c.string(opt::TEMP_PATH), Some("/x/{configdirectory}"));
    assert_eq!(Partitions::of(&c).data("default"), Some(Path::new("{configdirectory}/spool")));
}

#[test]
fn what_must_be_there() {
    let e = Config::from_text(b"sync_host: x\n", "t.conf").unwrap_err();
    assert!(e.detail().contains("configdirectory is not set"), "{e}");
    // Partitions are not looked at before a mailbox lies on one.
    assert_eq!(Partitions::of(&config("defaultpartition: a-b\n")).data("a-b"), None);
    assert_eq!(Partitions::of(&config("partition-abc: /a\n")).data("abc"), Some(Path::new("/a")));
}

#[test]
fn archive_partitions_need_the_switch() {
    let c = config("archivepartition-a: /x\nmetapartition-a: /m\n");
    assert_eq!(
        (Partitions::of(&c).archive("a"), Partitions::of(&c).metadata("a")),
        (None, Some(Path::new("/m")))
    );
    let c = config("archivepartition-a: /x\narchive_enabled: 1\n");
    assert_eq!(Partitions::of(&c).archive("a"), Some(Path::new("/x")));
}

#[test]
fn settings_by_the_host() {
    let mut c = config("sync_host: a\n");
    c.set("sync_host", "b").unwrap();
    c.set("Backup_Sync_Timeout", "5m").unwrap();
    c.set("mboxlist_db_path", "{configdirectory}/x").unwrap();
    c.set("tls_ca_file", "/ca").unwrap();
    assert_eq!(c.string(opt::SYNC_HOST), Some("b"));
    assert_eq!(c.channel_seconds(Some("backup"), opt::SYNC_TIMEOUT), 300);
    assert_eq!(c.string(opt::MBOXLIST_DB_PATH), Some("/conf/x"));
    assert_eq!(c.string(opt::TLS_CLIENT_CA_FILE), Some("/ca"));
    assert_eq!(c.set("sync_log", "perhaps").unwrap_err().kind(), Kind::Config);
    assert_eq!(c.set("sync_host", " ").unwrap_err().kind(), Kind::Config);
}

#[test]
fn passwords_are_not_shown() {
    let c = config("sync_password: xyzzy\nreplica_password: xyzzy\nsync_host: seen\n");
    let shown = format!("{c:?}");
    assert!(shown.contains("seen") && !shown.contains("xyzzy"), "{shown}");
    assert_eq!(c.overflow("replica_password"), Some("xyzzy"));
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
    assert_eq!(Config::load(&outer).unwrap().string(opt::SYNC_HOST), Some("x"));

    let gone = dir.path().join("gone");
    write("inner", format!("@include: {}\n", gone.display()));
    let e = Config::load(&outer).unwrap_err();
    assert_eq!(*e.subject(), format!("{} line 1", inner.display()));
    assert_eq!(e.io_kind(), Some(std::io::ErrorKind::NotFound));
    assert_eq!(*Config::load(&gone).unwrap_err().subject(), gone.display().to_string());

    write("inner", format!("@include: {}\n", outer.display()));
    assert!(Config::load(&outer).unwrap_err().detail().contains("included twice"));
    // The same file under ever other names.
    let spelled = |n: usize| format!("{}{}", "/.".repeat(n), dir.path().display());
    for n in 0..40 {
        write(&format!("f{n}"), format!("@include: {}/f{}\n", spelled(n + 1), n + 1));
    }
    let e = Config::load(dir.path().join("f0")).unwrap_err();
    assert!(e.detail().contains("includes within each other"), "{e}");
}

#[test]
fn odd_bytes() {
    assert!(Config::from_text(b"configdirectory: /c\nsync_host: \xff\n", "t").is_err());
    let c = Config::from_text(b"# \xff\nconfigdirectory: /c\nother: \xff\n", "t").unwrap();
    assert_eq!(c.overflow("other"), Some("\u{fffd}"));
    assert_eq!(c.notes().len(), 1);
    let c = config("sync_host: lost \\\n");
    assert_eq!((c.string(opt::SYNC_HOST), c.notes().len()), (None, 1));
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

/// The text of all sources, tests left out.
fn sources(dir: &Path, text: &mut String) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            sources(&path, text);
        } else if name.ends_with(".rs") && !name.contains("tests") {
            let source = std::fs::read_to_string(&path).unwrap();
            text.push_str(source.split("#[cfg(test)]\nmod tests {").next().unwrap());
        }
    }
}

#[test]
fn every_option_of_the_table_is_read_by_something() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let table = std::fs::read_to_string(root.join("config/opt.rs")).unwrap();
    let identifiers: Vec<&str> = (table.lines())
        .filter_map(|line| line.strip_prefix("    ")?.split_once(": "))
        .filter(|(_, rest)| rest.split_once(" =").is_some_and(|(kind, _)| kind.ends_with("Opt")))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(identifiers.len(), opt::ALL.len(), "{identifiers:?}");
    let mut text = String::new();
    sources(&root, &mut text);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let unread = identifiers.iter().filter(|name| {
        let mut uses = text.split("opt::").skip(1);
        !uses.any(|rest| rest.split(|c| !is_word(c)).next() == Some(**name))
    });
    let unread: Vec<_> = unread.collect();
    assert!(unread.is_empty(), "checked, but read by nothing: {unread:?}");
}
