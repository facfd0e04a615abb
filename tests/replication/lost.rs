//! Tests a connection that is lost in the middle of a run. The run must continue over a new
//! connection.

use std::time::Duration;

use cyrsync_lab::{Imap, Lab, Proxy};

use crate::common::{append, assert_equal, create, errors, ours, replicate};

#[test]
fn a_run_continues_after_one_lost_connection() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred", "user.fred.Sent", "lists"]);
    Imap::admin(&lab.master).ok("SETACL lists fred lrswipt");
    Imap::login(&lab.master, "fred").ok("SUBSCRIBE INBOX.Sent");
    replicate(&lab, &["-A"]);
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    lab.master.use_port(proxy.port());
    let mut fred = Imap::login(&lab.master, "fred");
    let mut round = 0;
    let modes = [
        &["-u", "fred"][..],
        &["-m", "user.fred", "user.fred.Sent", "lists"],
        &["-A"],
        &["-s", "fred"],
    ];
    for args in modes {
        // Cut the connection during a query, in a message, in an update, and later.
        let sent: &[u64] = if args[0] == "-s" { &[120, 128, 136] } else { &[150, 250, 450, 900] };
        for &bytes in sent {
            round += 1;
            if args[0] != "-s" {
                for mailbox in ["INBOX", "INBOX.Sent", "lists"] {
                    append(&mut fred, mailbox, &format!("{round} in {mailbox}"));
                }
                if args[0] == "-u" {
                    ours(&lab, &["-m", "lists"]).ok();
                }
            }
            if args[0] != "-m" {
                let word = if round % 2 == 0 { "SUBSCRIBE" } else { "UNSUBSCRIBE" };
                fred.ok(&format!("{word} INBOX.Sent"));
            }
            proxy.reset();
            proxy.cut_once_after(bytes);
            let run = ours(&lab, &[&["-v"], args].concat());
            assert!(!proxy.cut_is_due(), "{args:?} sent less than {bytes} bytes: {run}");
            let login = run.stderr.contains("retrying in");
            assert!(!login, "a lost connection needs no pause: {args:?} {bytes} {run}");
            assert!(run.status.success(), "{args:?} after {bytes} bytes: {run}");
            assert!(errors(&run).iter().all(|line| !line.contains("SYNCERROR")), "{run}");
            assert_equal(&lab);
        }
    }
}

#[test]
fn a_connection_that_is_always_lost_ends_the_run() {
    let lab = Lab::default();
    create(&lab.master, &["user.fred"]);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", &"long ".repeat(2000));
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    lab.master.use_port(proxy.port());
    for args in [&["-u", "fred"][..], &["-m", "user.fred"]] {
        proxy.reset();
        // The proxy cuts the second and the third connection at once, so no mailbox is the cause.
        proxy.cut_after(1500);
        let run = ours(&lab, &[&["-o"], args].concat());
        assert_eq!(run.status.code(), Some(1), "{run}");
        assert!(run.stderr.contains("closed the connection"), "{run}");
    }
    proxy.never_cut();
    replicate(&lab, &["-A"]);
}
