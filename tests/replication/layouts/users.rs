//! Tests files of users that are below `mboxname_userpath` or missing.

use std::fs;
use std::path::{Path, PathBuf};

use cyrsync_lab::{Cyrus, Imap, Lab, Options, places};

use super::populate;
use crate::common::{
    append, assert_equal, assert_idle, assert_verified, create, errors, lines, replicate,
    sync_client_itself,
};

/// Moves the files of all users, also of those in domains, from below one directory to below
/// another.
fn move_users(from: &Path, to: &Path) {
    let domains = from.join("domain");
    let mut bases = vec![PathBuf::new()];
    for hash in fs::read_dir(domains).into_iter().flatten().flatten() {
        for domain in fs::read_dir(hash.path()).into_iter().flatten().flatten() {
            bases.push(Path::new("domain").join(hash.file_name()).join(domain.file_name()));
        }
    }
    for base in bases {
        let users = from.join(&base).join("user");
        if users.exists() {
            fs::create_dir_all(to.join(&base)).expect("own directory");
            fs::rename(users, to.join(&base).join("user")).expect("own directory");
        }
    }
}

/// Tests `mboxname_userpath` of Cyrus 3.13.1 and later, which replaces the directory above `/user`
/// and `/domain` (`mboxname_conf_getpath_legacy`, `mboxid_conf_getpath`). The lab's servers do not
/// have the option, so the files are below it only while our client runs.
fn round(options: Options, conf: &str, [inbox, reader]: [&str; 2]) {
    let lab = super::lab(options, conf, "");
    create(&lab.master, &[&*lab.master.admin_name(reader)]);
    populate(&lab, inbox, reader);
    let user = super::user_of(inbox);
    let elsewhere = lab.master.dir().join("people");
    fs::create_dir(&elsewhere).expect("own directory");
    let conf = lab.master.config_dir();
    let run = |args: &[&str], check: &dyn Fn()| {
        move_users(&conf, &elsewhere);
        lab.master.set_config("mboxname_userpath", elsewhere.to_str());
        let run = sync_client_itself(&lab, &[&["-v"], args].concat());
        assert!(run.status.success(), "{run}");
        assert_eq!(errors(&run), [""; 0], "{run}");
        check();
        lab.master.set_config("mboxname_userpath", None);
        move_users(&elsewhere, &conf);
        lines(&run.stdout)
    };
    let nothing_left = || {
        assert_idle(&lab, &["-A"]);
        assert_verified(&lab, &["-A"]);
    };
    let done = run(&["-A"], &nothing_left);
    assert!(done.iter().any(|line| line.starts_with(&format!("SUB {user} "))), "{done:#?}");
    assert!(done.iter().any(|line| line.starts_with("SEEN ")), "{done:#?}");
    assert_equal(&lab);
    // Data that was replicated before the files were moved must stay on the replica.
    let sent = lab.master.own_name(&format!("{inbox}.Sent.old"));
    Imap::login(&lab.master, &user).ok(&format!("SUBSCRIBE {}", cyrsync_lab::quote(&sent)));
    replicate(&lab, &["-A"]);
    let done = run(&["-s", &user], &|| {});
    assert!(!done.iter().any(|line| line.contains("SUB ")), "{done:#?}");
    let mut imap = Imap::login(&lab.master, &user);
    imap.ok(&format!("UNSUBSCRIBE {}", cyrsync_lab::quote(&sent)));
    append(&mut imap, &lab.master.own_name(inbox), "after the move");
    drop(imap);
    let done = run(&["-u", &user], &nothing_left);
    assert!(done.iter().any(|line| line.starts_with(&format!("UNSUB {user} "))), "{done:#?}");
    assert_equal(&lab);
}

#[test]
fn files_of_users_below_mboxname_userpath() {
    round(Options::modern(), "", ["user.fred", "user.reader"]);
}

#[test]
fn files_of_users_by_name_below_mboxname_userpath_with_domains() {
    let options = Options { virtdomains: true, conversations: true, ..Options::modern() };
    let names = ["example.com!user.f^red", "example.com!user.reader"];
    round(options, "mailbox_legacy_dirs: yes\n", names);
}

/// Returns the file of fred's subscriptions.
fn subscriptions(master: &Cyrus) -> PathBuf {
    places::place(master, "user.fred").user["sub"].clone()
}

fn subscribed(lab: &Lab) -> usize {
    let lines = Imap::login(&lab.replica, "fred").ok("LSUB \"\" *").lines();
    lines.iter().filter(|line| line.starts_with("LSUB ")).count()
}

/// A database of the type flat is empty without entries. Any other has a header, so an empty file
/// was damaged.
#[test]
fn an_empty_file_of_subscriptions_deletes_none_unless_it_is_flat() {
    for (backend, code, left) in [("flat", 0, 0), ("twoskip", 1, 1)] {
        let master_conf = format!("subscription_db: {backend}\n");
        let lab = Lab::new(Options { master_conf, ..Options::default() });
        create(&lab.master, &["user.fred"]);
        let mut fred = Imap::login(&lab.master, "fred");
        fred.ok("SUBSCRIBE INBOX");
        replicate(&lab, &["-A"]);
        let file = subscriptions(&lab.master);
        let intact = fs::read(&file).expect("own file");
        fs::write(&file, "").expect("own file");
        let run = sync_client_itself(&lab, &["-v", "-u", "fred"]);
        assert_eq!((run.status.code(), subscribed(&lab)), (Some(code), left), "{backend}: {run}");
        assert_eq!(run.log.contains("has no content"), code == 1, "{backend}: {run}");
        fs::write(&file, intact).expect("own file");
        replicate(&lab, &["-u", "fred"]);
        // A user who unsubscribes from everything keeps a file without entries.
        fred.ok("UNSUBSCRIBE INBOX");
        replicate(&lab, &["-u", "fred"]);
        assert_eq!(subscribed(&lab), 0, "{backend}");
    }
}

#[test]
fn subscriptions_without_a_file_are_missing_and_not_deleted_on_the_replica() {
    let lab = Lab::new(Options::default());
    create(&lab.master, &["user.fred", "user.fred.Sent", "user.anna"]);
    // A user who never subscribed has no file. This is no error.
    replicate(&lab, &["-A"]);
    let mut fred = Imap::login(&lab.master, "fred");
    fred.ok("SUBSCRIBE INBOX");
    fred.ok("SUBSCRIBE INBOX.Sent");
    replicate(&lab, &["-A"]);
    let file = subscriptions(&lab.master);
    let aside = file.with_extension("aside");
    fs::rename(&file, &aside).expect("own file");
    append(&mut fred, "INBOX", "goes all the same");
    let run = sync_client_itself(&lab, &["-v", "-A"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert!(!run.stdout.contains("UNSUB"), "{run}");
    assert!(run.stdout.contains("MAILBOX user.fred\n"), "{run}");
    for words in [file.to_str().expect("UTF-8"), "--allow-repair=missing -s 'fred'"] {
        assert!(run.log.contains(words), "{words}: {run}");
    }
    let run = sync_client_itself(&lab, &["-v", "-s", "fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    assert_eq!(subscribed(&lab), 2);
    // A log entry does not delete the subscriptions on the replica either.
    let log = lab.master.scratch().join("by-hand");
    fs::write(&log, "UNSUB fred user.fred.Sent\n").expect("own file");
    let run = sync_client_itself(&lab, &["-r", "-v", "-f", log.to_str().expect("UTF-8")]);
    assert!(!run.stdout.contains("UNSUB"), "{run}");
    assert_eq!(subscribed(&lab), 2);
    // A dry run also reports the missing file.
    let run = sync_client_itself(&lab, &["--dry-run", "-u", "fred"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    // After a user unsubscribes from everything, the file still exists.
    fs::rename(&aside, &file).expect("own file");
    fred.ok("UNSUBSCRIBE INBOX.Sent");
    fred.ok("UNSUBSCRIBE INBOX");
    assert!(file.exists());
    replicate(&lab, &["-u", "fred"]);
    assert_eq!(subscribed(&lab), 0);
    // The administrator can allow the deletion with --allow-repair.
    fred.ok("SUBSCRIBE INBOX");
    replicate(&lab, &["-u", "fred"]);
    fs::remove_file(&file).expect("own file");
    sync_client_itself(&lab, &["-s", "fred"]);
    assert_eq!(subscribed(&lab), 1);
    sync_client_itself(&lab, &["--allow-repair=missing", "-s", "fred"]).ok();
    assert_eq!(subscribed(&lab), 0);
    replicate(&lab, &["-A"]);
}
