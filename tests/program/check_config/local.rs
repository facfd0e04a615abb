//! Tests the report about problems on the master itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use cyrsync_lab::{Options, places};

use super::common::{NAMES, check, conf, lab, set};

fn mode(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("own file");
}

#[test]
fn wrong_options_are_reported_with_file_and_line() {
    let lab = lab(Options::default());
    let at = |option: &str| {
        let text = fs::read_to_string(lab.master.imapd_conf()).unwrap();
        let line = text.lines().position(|line| line.starts_with(option)).unwrap() + 1;
        format!("{} line {line}", lab.master.imapd_conf().display())
    };
    set(&lab, &[("sync_hots", "a"), ("backup_sync_pasword", "b"), ("tls_ca_file", "/dev/null")]);
    let checked = check(&lab, &["-S", "127.0.0.1"]);
    checked.fails(&[]).says(
        "options",
        "WARN",
        &[
            &format!("{}: sync_hots is not an option (did you mean sync_host?)", at("sync_hots")),
            &format!("{}: backup_sync_pasword is not an option (", at("backup_sync_pasword")),
            "(did you mean backup_sync_password?)",
            "tls_ca_file is called tls_client_ca_file",
            "; correct the name",
        ],
    );
    set(&lab, &[("sync_hots", ""), ("backup_sync_pasword", ""), ("tls_ca_file", "")]);

    for (option, value) in [("sync_tls", "maybe"), ("client_bind", "yes")] {
        set(&lab, &[(option, value), ("servername", "")]);
        let checked = check(&lab, &[]);
        let place = format!("{}: {option}: ", at(option));
        checked.says("imapd.conf read", "FAIL", &[&place, "; "]);
        assert_eq!(checked.with("FAIL"), ["imapd.conf read"], "{}", checked.run);
        // A wrong option gives the same exit code in every mode of the program.
        assert_eq!(checked.run.status.code(), Some(78), "{}", checked.run);
        // If imapd.conf can be read but has a wrong option, the checks that need only the file
        // still run.
        let rest = if option == "sync_tls" { &NAMES[1..] } else { &NAMES[3..] };
        assert_eq!(checked.with("SKIP"), rest, "{}", checked.run);
        checked.says("login", "SKIP", &["the configuration cannot be used"]);
        set(&lab, &[(option, "")]);
    }
    let absent = check(&lab, &["-C", "/nonexistent/imapd.conf"]);
    absent.says("imapd.conf read", "FAIL", &["/nonexistent/imapd.conf", "No such file"]);
    assert_eq!(absent.run.status.code(), Some(78), "{}", absent.run);
}

#[test]
fn included_files_are_named() {
    let lab = lab(Options::default());
    let more = lab.master.scratch().join("more.conf");
    fs::write(&more, "sync_batchsize: 100\n").unwrap();
    let line = format!("@include: {}\n", more.display());
    let text = fs::read_to_string(lab.master.imapd_conf()).unwrap();
    fs::write(lab.master.imapd_conf(), line + &text).unwrap();
    let both = format!("{}, {}", lab.master.imapd_conf().display(), more.display());
    check(&lab, &[]).fails(&[]).says("imapd.conf read", "OK", &[&both]);
}

#[test]
fn logs_and_channels_that_are_not_written_are_reported() {
    let lab = lab(Options::default());
    set(&lab, &[("sync_log", "")]);
    let checked = check(&lab, &[]);
    checked.fails(&[]).warns(&["sync_log on"]);
    checked.says("sync_log on", "WARN", &["-r", "; set sync_log: yes"]);
    set(&lab, &[("sync_log", "yes"), ("sync_log_channels", "near far")]);
    let checked = check(&lab, &[]);
    checked.fails(&[]).says("channel known", "WARN", &["only to near, far", "; choose one"]);
    check(&lab, &["-n", "far"]).fails(&[]).says("channel known", "OK", &["far is in sync_log"]);
    let checked = check(&lab, &["-n", "fra"]);
    checked.fails(&["channel known"]);
    checked.says(
        "channel known",
        "FAIL",
        &["fra is not in sync_log_channels", "known channels: near, far"],
    );
    checked.says("databases open", "OK", &[]).says("login", "SKIP", &["the channel is not known"]);
    set(&lab, &[("fra_sync_batchsize", "100")]);
    let checked = check(&lab, &["-n", "fra"]);
    checked.fails(&[]).says("channel known", "WARN", &["Cyrus logs nothing to it"]);

    // First the client may not write to the directory `sync`, then a directory has the name of the
    // log.
    let sync = conf(&lab.master, "sync");
    fs::create_dir_all(&sync).unwrap();
    std::os::unix::fs::chown(&sync, Some(owner(&lab.master.config_dir())), None).unwrap();
    mode(&sync, 0o500);
    let checked = check(&lab, &["-n", "far"]);
    checked.fails(&["log writable"]);
    checked.says("log writable", "FAIL", &["Permission denied", "; give the directory sync"]);
    mode(&sync, 0o755);
    let log = sync.join("far/log");
    fs::create_dir_all(&log).unwrap();
    for path in [&log, &sync.join("far")] {
        std::os::unix::fs::chown(path, Some(owner(&sync)), None).unwrap();
    }
    let checked = check(&lab, &["-n", "far"]);
    checked.fails(&["log writable"]);
    checked.says("log writable", "FAIL", &["log is not a regular file"]);
    fs::remove_dir(&log).unwrap();
    // Root created the log, and only root may write to it.
    fs::write(&log, "").unwrap();
    mode(&log, 0o644);
    check(&lab, &["-n", "far"]).fails(&["log writable"]);
    mode(&log, 0o666);
    let checked = check(&lab, &["-n", "far"]);
    checked.fails(&[]).says("log writable", "WARN", &["far/log belongs to root"]);
}

fn owner(path: &std::path::Path) -> u32 {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata(path).expect("it is there"))
}

#[test]
fn missing_unreadable_or_unconfigured_partitions_are_reported() {
    let lab = lab(Options::default());
    let spool = lab.master.partition_dir("default");
    mode(&spool, 0);
    let checked = check(&lab, &[]);
    checked.says("spool readable", "FAIL", &["partition-default", "Permission denied", "; check"]);
    mode(&spool, 0o755);

    let second = lab.master.partition_dir("second");
    fs::rename(&second, second.with_extension("away")).unwrap();
    let checked = check(&lab, &[]);
    checked.fails(&["spool readable"]);
    checked.says("spool readable", "FAIL", &["partition-second", "No such file or directory"]);
    fs::rename(second.with_extension("away"), &second).unwrap();

    // The directory of a mailbox is missing from the place that mailboxes.db gives.
    let place = places::place(&lab.master, "user.fred.Sent").data;
    fs::rename(&place, place.with_extension("away")).unwrap();
    let checked = check(&lab, &[]);
    checked.fails(&["spool readable"]);
    checked.says("spool readable", "FAIL", &["mailbox user.fred.Sent", "reconstruct"]);
    fs::rename(place.with_extension("away"), &place).unwrap();

    let users = lab.master.dir().join("nowhere");
    lab.master.set_config("mboxname_userpath", users.to_str());
    let checked = check(&lab, &[]);
    let says = ["mboxname_userpath", "nowhere", "No such file or directory"];
    checked.says("spool readable", "FAIL", &says);
    lab.master.set_config("mboxname_userpath", None);

    set(&lab, &[("partition-default", "")]);
    let checked = check(&lab, &[]);
    let says = [
        "6 mailboxes on default, a partition that imapd.conf does not define",
        "; add partition-default",
    ];
    checked.says("spool readable", "FAIL", &says);
}

#[test]
fn unreadable_databases_are_reported() {
    let lab = lab(Options { conversations: true, ..Options::default() });
    check(&lab, &[]).fails(&[]).warns(&[]);
    let list = conf(&lab.master, "mailboxes.db");
    let good = fs::read(&list).unwrap();
    fs::write(&list, vec![b'x'; good.len()]).unwrap();
    let checked = check(&lab, &[]);
    checked
        .fails(&["databases open"])
        .says("databases open", "FAIL", &["mailboxes.db", "; "])
        .says("spool readable", "WARN", &["because mailboxes.db cannot be read"])
        .says("replica partitions", "SKIP", &["not known"])
        .says("admin rights", "OK", &[]);
    fs::write(&list, &good).unwrap();

    let files = places::place(&lab.master, "user.anna").user;
    for (what, name) in [("conversations", "conversations.db"), ("seen", "seen.db")] {
        let path = &files[what];
        let before = fs::read(path).ok();
        fs::write(path, vec![b'x'; 500]).unwrap();
        let checked = check(&lab, &[]);
        checked.fails(&["databases open"]).says("databases open", "FAIL", &[name, "; "]);
        match before {
            Some(bytes) => fs::write(path, bytes).unwrap(),
            None => fs::remove_file(path).unwrap(),
        }
    }
    set(&lab, &[("mboxlist_db", "sql")]);
    let checked = check(&lab, &[]);
    checked.fails(&["databases open"]).says("databases open", "FAIL", &["sql"]);
}

#[test]
fn a_sync_server_that_cannot_be_started_for_repairs_is_a_warning() {
    let lab = lab(Options::default());
    set(&lab, &[("sync_server_path", "/nonexistent/sync_server")]);
    let checked = check(&lab, &[]);
    checked.fails(&[]).warns(&["own sync_server"]);
    checked.says(
        "own sync_server",
        "WARN",
        &["/nonexistent/sync_server", "; set sync_server_path"],
    );
    check(&lab, &["-O"]).warns(&[]).says("own sync_server", "OK", &["not needed"]);
}
