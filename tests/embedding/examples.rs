//! Runs the programs of `examples/` on real servers.

#[path = "../../examples/dry_run.rs"]
#[allow(dead_code, reason = "its main reads a command line")]
mod dry_run;
#[path = "../../examples/one_user.rs"]
#[allow(dead_code, reason = "its main reads a command line")]
mod one_user;
#[path = "../../examples/rolling.rs"]
#[allow(dead_code, reason = "its main reads a command line")]
mod rolling;
#[path = "../../examples/verify.rs"]
#[allow(dead_code, reason = "its main reads a command line")]
mod verify;

use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use cyrsync::event::Verdict;
use cyrsync::monitor::Status;
use cyrsync::{Cancel, Ended, Observer};
use cyrsync_lab::fill::Filler;
use cyrsync_lab::{Imap, Lab};

/// Time limit for each expected event.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns a master with a user who has three messages, and the path of its configuration.
fn filled() -> (Lab, PathBuf) {
    let lab = Lab::default();
    Filler::new(&lab.master, 1).mailbox("user.fred", 3);
    let imapd_conf = lab.master.imapd_conf().to_owned();
    (lab, imapd_conf)
}

fn arrived(lab: &Lab) -> Vec<u32> {
    Imap::login(&lab.replica, "fred").with_selected("INBOX").uids()
}

#[test]
fn one_user_arrives_and_another_is_unknown() {
    let (lab, imapd_conf) = filled();
    one_user::replicate(&imapd_conf, &"fred".into()).expect("nothing hinders");
    assert_eq!(arrived(&lab), [1, 2, 3]);
    let error = one_user::replicate("/no/such/file".as_ref(), &"fred".into());
    assert!(error.unwrap_err().to_string().contains("/no/such/file"));
}

#[test]
fn a_dry_run_plans_and_a_verification_finds_missing_messages() {
    let (_lab, imapd_conf) = filled();
    let mut steps = Vec::new();
    let mut plan = || {
        steps.clear();
        let report = dry_run::plan(&imapd_conf, &mut |step| {
            steps.push((step.command, step.subject.to_string(), step.messages));
        });
        assert_eq!(report.expect("the replica answers").totals.failed, 0);
        steps.clone()
    };
    let planned = plan();
    assert!(planned.contains(&("MAILBOX", "user.fred".to_owned(), 3)), "{planned:?}");
    // The plan has changed nothing.
    assert_eq!(plan(), planned);
    let totals = verify::verify(&imapd_conf).expect("the replica answers");
    assert_eq!(totals.verdict(), Verdict::Different, "{totals:?}");
    one_user::replicate(&imapd_conf, &"fred".into()).expect("nothing hinders");
    let totals = verify::verify(&imapd_conf).expect("the replica answers");
    assert_eq!(totals.verdict(), Verdict::Equal, "{totals:?}");
}

/// Sends the status to a channel.
struct Watch(Mutex<Sender<Status>>);

impl Observer for Watch {
    fn status(&self, status: &Status, _: bool) {
        let _ = self.0.lock().expect("nobody panics").send(status.clone());
    }
}

#[test]
fn rolling_replicates_logged_changes_and_ends_when_cancelled() {
    let (lab, imapd_conf) = filled();
    let append = || {
        let message = b"Subject: one more\r\n\r\n.\r\n";
        let appended = Imap::login(&lab.master, "fred").append("INBOX", "", message);
        assert!(appended.is_ok(), "{appended:?}");
    };
    // Let Cyrus create the directory of the log first. A client that runs as root would create it
    // with owner root.
    append();
    let begun = Instant::now();
    let (sender, statuses) = channel();
    let cancel = Cancel::default();
    let client = thread::spawn({
        let cancel = cancel.clone();
        move || rolling::roll(&imapd_conf, cancel, Arc::new(Watch(Mutex::new(sender))))
    });
    let until = |messages| loop {
        let status = statuses.recv_timeout(PATIENCE).expect("it comes within a minute");
        if status.totals.messages == messages && status.backlog.entries == 0 {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "it does not come: {status:?}");
    };
    until(4);
    append();
    until(5);
    assert_eq!(arrived(&lab), [1, 2, 3, 4, 5]);
    cancel.finish();
    let ended = client.join().expect("it does not panic").expect("nothing hinders");
    assert_eq!(ended, Ended::Stopped);
}
