//! Tests mailboxes and users with directories named by name, as before Cyrus 3.6, together with
//! directories named by uniqueid.

use std::fs;
use std::path::Path;

use cyrsync_lab::{Imap, Lab, Options, SyncServer, Value, cyrus_sync_client, places, tools};

use super::{assert_sound, change, lab, populate};
use crate::common::{append, create, mailbox_field, ours, replicate_as_cyrus_would, sent};

/// Sets whether new mailboxes get directories named by name.
fn set_legacy(lab: &mut Lab, value: &str) {
    lab.master.stop_server();
    lab.master.set_config("mailbox_legacy_dirs", Some(value));
    lab.master.start_server();
}

/// Returns whether the master's directory of a mailbox is named by uniqueid.
fn by_id(lab: &Lab, mailbox: &str) -> bool {
    below(&places::place(&lab.master, mailbox).data, "uuid")
}

fn below(path: &Path, name: &str) -> bool {
    path.components().any(|part| part.as_os_str() == name)
}

/// Replicates users and shared mailboxes with both kinds of directories. Then moves one folder of a
/// user to a directory by uniqueid, and then the whole user.
fn round(hashimapspool: bool, fulldirhash: bool, domain: &str) {
    let options = Options {
        hashimapspool,
        virtdomains: !domain.is_empty(),
        conversations: true,
        ..Options::modern()
    };
    let hash = if fulldirhash { "fulldirhash: yes\n" } else { "" };
    // The replica's directories are named by uniqueid, and have another hash.
    let mut lab = lab(options, &format!("{hash}mailbox_legacy_dirs: yes\n"), "");
    let name = |local: &str| format!("{domain}{local}");
    let [old, half, reader, late] =
        ["user.old", "user.h^alf", "user.reader", "user.late"].map(name);
    let shared = name("lists.dev");
    let older = format!("{old}.Sent.older");
    create(&lab.master, &[&*lab.master.admin_name(&reader)]);
    super::shared(&lab, &[&shared]);
    populate(&lab, &old, &reader);
    populate(&lab, &half, &reader);
    set_legacy(&mut lab, "no");
    populate(&lab, &late, &reader);
    let files = places::place(&lab.master, &old).user;
    for kind in ["seen", "sub", "counters", "conversations", "sieve"] {
        assert!(!below(&files[kind], "uuid"), "{kind}: {files:?}");
    }
    assert!(!by_id(&lab, &old) && !by_id(&lab, &shared) && by_id(&lab, &late));
    replicate_as_cyrus_would(&lab, &["-A"]);
    assert_sound(&lab);

    // Move one folder of the user `half`; later move the whole user.
    let sent = format!("{half}.Sent");
    tools::run(&lab.master, "relocate_by_id", &["-q", &lab.master.admin_name(&sent)]);
    assert!(by_id(&lab, &sent) && !by_id(&lab, &half));
    for user in [&old, &half, &late] {
        change(&lab, user, &reader);
    }
    replicate_as_cyrus_would(&lab, &["-A"]);
    let user = super::user_of(&half);
    tools::run(&lab.master, "relocate_by_id", &["-q", "-u", &user]);
    assert!(by_id(&lab, &half) && !by_id(&lab, &old));
    let files = places::place(&lab.master, &half).user;
    assert!(files["sub"].exists() && below(&files["sub"], "uuid"), "{files:?}");
    append(&mut Imap::login(&lab.master, &user), "INBOX", "after the move");
    replicate_as_cyrus_would(&lab, &["-u", &user]);

    // Delete mailboxes that are in directories by name.
    let mut admin = Imap::admin(&lab.master);
    admin.ok(&format!("SETACL {older} admin lrswipkxtecda", older = lab.master.admin_name(&older)));
    admin.ok(&format!("DELETE {}", lab.master.admin_name(&older)));
    admin.ok(&format!("DELETE {}", lab.master.admin_name(&shared)));
    replicate_as_cyrus_would(&lab, &["-A"]);
    assert_sound(&lab);
}

#[test]
fn directories_by_name_and_by_id_in_a_hashed_spool() {
    round(true, false, "");
    round(true, true, "example.com!");
}

#[test]
fn directories_by_name_and_by_id_in_a_plain_spool() {
    round(false, true, "");
    round(false, false, "example.com!");
}

#[test]
fn a_replica_with_directories_by_name() {
    for fulldirhash in ["no", "yes"] {
        let options = Options { conversations: true, ..Options::default() };
        let conf = format!("mailbox_legacy_dirs: yes\nfulldirhash: {fulldirhash}\n");
        let lab = lab(options, "mboxname_lockpath:\n", &conf);
        create(&lab.master, &["user.reader"]);
        populate(&lab, "user.fred", "user.reader");
        replicate_as_cyrus_would(&lab, &["-A"]);
        change(&lab, "user.fred", "user.reader");
        replicate_as_cyrus_would(&lab, &["-u", "fred", "reader"]);
        assert!(lab.master.config_dir().join("lock").is_dir());
        assert_sound(&lab);
    }
}

#[test]
fn the_data_of_a_deleted_user_is_not_inherited() {
    let conf = "mailbox_legacy_dirs: yes\n";
    let lab = lab(Options::default(), conf, conf);
    create(&lab.master, &["user.fred", "user.fred.Sent"]);
    let mut fred = Imap::login(&lab.master, "fred");
    append(&mut fred, "INBOX", "one");
    append(&mut fred, "INBOX.Sent", "two");
    fred.ok("SUBSCRIBE INBOX.Sent");
    drop(fred);
    ours(&lab, &["-1"]).ok();
    let files = places::place(&lab.replica, "user.fred").user;
    assert!(files["sub"].exists() && !below(&files["sub"], "uuid"), "{files:?}");
    // With `delete_mode: delayed` the mailboxes stay under deleted names.
    let mut admin = Imap::admin(&lab.master);
    admin.ok("SETACL user.fred admin lrswipkxtecda");
    admin.ok("DELETE user.fred");
    ours(&lab, &["-1"]).ok();
    assert!(!files["sub"].exists(), "{files:?}");
    assert_sound(&lab);
    let names = tools::mailbox_names(&lab.replica);
    let kept = |prefix: &str| names.iter().any(|name| name.starts_with(prefix));
    assert!(kept("DELETED.user.fred.Sent.") && !kept("user.fred"), "{names:#?}");
    // The next user of this name starts without subscriptions.
    admin.ok("CREATE user.fred");
    ours(&lab, &["-1"]).ok();
    ours(&lab, &["-u", "fred"]).ok();
    assert_sound(&lab);
}

#[test]
fn scripts_in_directories_of_users_from_before_3_6() {
    let lab = lab(
        Options { virtdomains: true, ..Options::modern() },
        // Make the program unavailable through which our client would move the scripts at once.
        "mailbox_legacy_dirs: yes\nfulldirhash: yes\nsync_server_path: /nonexistent/sync_server\n",
        "",
    );
    let users = ["user.old", "example.com!user.old", "user.j^r"];
    create(&lab.master, &users.map(|inbox| lab.master.admin_name(inbox)).each_ref().map(|n| &**n));
    for inbox in users {
        let directory = &places::place(&lab.master, inbox).user["sieve"];
        let script = format!("# of {inbox}\r\nkeep;\r\n");
        let made = lab.master.command("/bin/mkdir").arg("-p").arg(directory).status();
        assert!(made.expect("mkdir runs").success());
        fs::write(directory.join("main.script"), script).expect("own file");
    }
    // The replica stores the scripts in mailboxes. Later the master does so too: its own client
    // makes Cyrus move them.
    ours(&lab, &["-A"]).ok();
    assert_main_script(&lab, &users);
    // Cyrus's client fails at the replica's mailboxes. Our client replaces them with the master's.
    let moved = cyrus_sync_client(&lab.master, &["-A"]);
    assert!(moved.log.contains("Mailbox exists with another name or uniqueid"), "{moved}");
    replicate_as_cyrus_would(&lab, &["-A"]);
    assert_main_script(&lab, &users);
}

fn assert_main_script(lab: &Lab, users: &[&str]) {
    let mut server = SyncServer::spawn(&lab.replica);
    for inbox in users {
        let user = super::user_of(inbox);
        let meta = server.get("META", &Value::text(&user)).ok();
        let script = meta.iter().find(|(kind, _)| kind == "SIEVE");
        let name = script.map(|(_, it)| it.str("FILENAME"));
        assert_eq!(name.as_deref(), Some("main.script"), "{user}");
    }
}

#[test]
fn scripts_in_home_directories_are_not_replicated() {
    // With `sieveusehomedir` Cyrus's delivery reads `.sieve` in home directories. Replication never
    // does.
    let lab = lab(Options::default(), "", "");
    // Set the option after the start, because the sieve daemon does not start with it.
    lab.master.set_config("sieveusehomedir", Some("yes"));
    create(&lab.master, &["user.fred", "user.fred.#sieve"]);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "one");
    replicate_as_cyrus_would(&lab, &["-A"]);
}

/// If the master is itself a replica, folders of a renamed user may arrive before the user's INBOX.
#[test]
fn a_folder_of_a_renamed_user_without_an_inbox() {
    let options = Options { conversations: true, ..Options::default() };
    let lab = lab(options, "allowusermoves: yes\n", "allowusermoves: yes\n");
    create(&lab.master, &["user.reader"]);
    populate(&lab, "user.old", "user.reader");
    replicate_as_cyrus_would(&lab, &["-A"]);
    Imap::admin(&lab.master).ok("SETACL user.old.Sent admin lrswipkxtecda");
    let mut upstream = SyncServer::spawn(&lab.master);
    let rename = |from: &str, to: &str| {
        format!("%(OLDMBOXNAME {from} NEWMBOXNAME {to} PARTITION default UIDVALIDITY 0)")
    };
    let mut apply = |from: &str, to: &str| {
        upstream.send(format!("APPLY RENAME {}\r\n", rename(from, to)).as_bytes());
        let reply = upstream.reply();
        assert_eq!(reply.status, cyrsync_lab::Status::Ok, "{from} {to}: {}", reply.text);
    };
    apply("user.old.Sent", "user.new.Sent");
    // The file with the modseq of conversations still has the user's old name.
    append(&mut Imap::admin(&lab.master), "user.new.Sent", "on the way");
    let modseq = mailbox_field(&lab.master, "user.new.Sent", "XCONVMODSEQ");
    assert_ne!(modseq, "0");
    let run = ours(&lab, &["-v", "-v", "-m", "user.new.Sent"]).ok();
    let reported = format!(" XCONVMODSEQ {modseq} ");
    let sent = sent(&run);
    assert!(sent.iter().any(|line| line.contains(&reported)), "{reported}{sent:#?}");
    replicate_as_cyrus_would(&lab, &["-m", "user.new.Sent"]);
    apply("user.old", "user.new");
    apply("user.old.Sent.old", "user.new.Sent.old");
    apply("user.old.#sieve", "user.new.#sieve");
    replicate_as_cyrus_would(&lab, &["-A"]);
}
