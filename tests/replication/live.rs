//! Tests replication while mail arrives and is deleted.

use cyrsync_lab::{Imap, Lab, Lmtp};

use crate::common::{append, create, errors, message, ours, replicate};

#[test]
fn a_live_server_is_replicated_while_mail_comes_and_goes() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.anna", "user.fred.Sent", "user.anna.Sent"]);
    std::thread::scope(|scope| {
        for user in ["fred", "anna"] {
            let master = &lab.master;
            scope.spawn(move || mail_user(&mut Imap::login(master, user), user));
            scope.spawn(move || {
                let mut lmtp = Lmtp::connect(master);
                for number in 0..40 {
                    let mail = message(&format!("delivery {number} to {user}"));
                    assert!(lmtp.deliver(user, &mail).is_ok());
                }
            });
        }
        for _ in 0..6 {
            let run = ours(&lab, &["-A", "-v"]).ok();
            assert_eq!(errors(&run), [""; 0], "{run}");
        }
    });
    replicate(&lab, &["-A"]);
}

/// Makes as many changes as a mail client in a quarter of an hour.
fn mail_user(imap: &mut Imap, user: &str) {
    imap.ok("SELECT INBOX");
    for number in 0..30 {
        append(imap, "INBOX.Sent", &format!("{number} of {user}"));
        append(imap, "INBOX", &format!("draft {number} of {user}"));
        imap.ok("UID STORE 1:* +FLAGS (\\Seen)");
        if number % 5 == 4 {
            let uid = imap.uids()[0];
            imap.ok(&format!("UID STORE {uid} +FLAGS (\\Deleted)"));
            imap.ok("EXPUNGE");
        }
        if number % 10 == 9 {
            imap.ok(&format!("CREATE INBOX.f{number}"));
        }
    }
}
