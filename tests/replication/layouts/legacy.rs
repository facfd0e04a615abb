//! Mailboxes and users in directories by name, as before 3.6, beside those by uniqueid.

use std::fs;
use std::path::Path;

use cyrsync_lab::{Imap, Lab, Options, SyncServer, Value, cyrus_sync_client, places, tools};

use super::{assert_sound, change, lab, populate};
use crate::common::{append, create, mailbox_field, ours, replicate_as_cyrus_would, sent};

/// Switches directories by name on or off for new mailboxes.
fn set_legacy(lab: &mut Lab, value: &str) {
    lab.master.stop_server();
    lab.master.set_config("mailbox_legacy_dirs", Some(value));
    lab.master.start_server();
}

/// Whether the directory of a mailbox on the master is by uniqueid.
fn by_id(lab: &Lab, mailbox: &str) -> bool {
    below(&places::place(&lab.master, mailbox).data, "uuid")
}

fn below(path: &Path, name: &str) -> bool {
    path.components().any(|part| part.as_os_str() == name)
}

/// Replicates old and new users and shared mailboxes, first with half of them moved, then with all.
fn round(hashimapspool: bool, fulldirhash: bool, domain: &str) {
    let options = Options {
        hashimapspool,
        virtdomains: !domain.is_empty(),
        conversations: true,
        ..Options::modern()
    };
    let hash = if fulldirhash { "fulldirhash: yes\n" } else { "" };
    // The replica uses the other kind of directories, and another hash.
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

    // One user loses a folder; the other loses everything except folders that are created later.
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
fn by_name_and_by_id_hashed() {
    round(true, false, "");
    round(true, true, "example.com!");
}

#[test]
fn by_name_and_by_id_plain() {
    round(false, true, "");
    round(false, false, "example.com!");
}

#[test]
fn a_replica_by_name() {
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
fn scripts_in_directories_of_users_from_before_3_6() {
    let lab = lab(
        Options { virtdomains: true, ..Options::modern() },
        // The program through which our client would move them at once is not available.
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
    // The replica keeps the scripts in mailboxes. The master will once Cyrus has moved them there:
    // here its own client makes Cyrus do that.
    ours(&lab, &["-A"]).ok();
    assert_main_script(&lab, &users);
    // Cyrus's client fails over the replica's mailboxes; our client replaces them by the master's.
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
fn scripts_in_home_directories_are_left_alone() {
    // With this option Cyrus's delivery reads `.sieve` in homes; replication never does.
    let lab = lab(Options::default(), "", "");
    // The sieve daemon does not start with this option, so it is set later.
    lab.master.set_config("sieveusehomedir", Some("yes"));
    create(&lab.master, &["user.fred", "user.fred.#sieve"]);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "one");
    replicate_as_cyrus_would(&lab, &["-A"]);
}

/// On a master that is itself a replica, folders of a renamed user may arrive before the INBOX.
#[test]
fn a_user_in_the_middle_of_a_rename() {
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
    // The modseq of conversations is still in the file of the former name.
    append(&mut Imap::admin(&lab.master), "user.new.Sent", "on the way");
    let modseq = mailbox_field(&lab.master, "user.new.Sent", "XCONVMODSEQ");
    assert_ne!(modseq, "0");
    let run = ours(&lab, &["-v", "-v", "-m", "user.new.Sent"]).ok();
    let told = format!(" XCONVMODSEQ {modseq} ");
    let sent = sent(&run);
    assert!(sent.iter().any(|line| line.contains(&told)), "{told}{sent:#?}");
    replicate_as_cyrus_would(&lab, &["-m", "user.new.Sent"]);
    apply("user.old", "user.new");
    apply("user.old.Sent.old", "user.new.Sent.old");
    apply("user.old.#sieve", "user.new.#sieve");
    replicate_as_cyrus_would(&lab, &["-A"]);
}
