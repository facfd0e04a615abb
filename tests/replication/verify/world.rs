//! Starts a lab with data of every kind and equal servers, and runs `--verify` on it.

use cyrsync_lab::{Imap, Lab, Options, Run, Sieve, SyncServer, Value, compare};

use crate::common::{actions, append, create, errors, message, sync_client_itself};

/// The output of a run of `--verify`.
#[derive(Debug)]
pub struct Found {
    pub code: i32,
    /// All lines of the report except the last.
    pub lines: Vec<String>,
    /// The last line of the report.
    pub summary: String,
    pub run: Run,
}

/// Verifies. Asserts that this changed nothing on either side: `compare` must find the same
/// differences before and after.
#[track_caller]
pub fn verify(lab: &Lab, args: &[&str]) -> Found {
    let before = compare(&lab.master, &lab.replica);
    let found = verify_only(lab, args);
    assert_eq!(compare(&lab.master, &lab.replica), before, "{}", found.run);
    found
}

/// Verifies without the assertion of [`verify`], which takes long.
#[track_caller]
pub fn verify_only(lab: &Lab, args: &[&str]) -> Found {
    let all: Vec<&str> = if args.iter().any(|arg| arg.starts_with("--verify")) {
        Vec::new()
    } else {
        vec!["--verify"]
    };
    let run = sync_client_itself(lab, &[&all, args].concat());
    let mut lines: Vec<String> = run.stdout.lines().map(str::to_owned).collect();
    let summary = lines.pop().unwrap_or_default();
    assert!(summary.starts_with("compared "), "{run}");
    let mut errors = errors(&run);
    // Ignore the replica's reply about a missing file.
    errors.retain(|line| !line.contains("FETCH received NO response"));
    let may_show_wire = args.iter().filter(|arg| **arg == "-v").count() > 1;
    assert!(run.stderr.is_empty() || may_show_wire, "{run}");
    assert_eq!(errors, [""; 0], "{run}");
    let code = run.status.code().expect("it ends by itself");
    Found { code, lines, summary, run }
}

/// Asserts that verification finds both sides equal and prints only the last line.
#[track_caller]
pub fn verify_equal(lab: &Lab, args: &[&str]) -> Found {
    let found = verify(lab, args);
    assert_eq!((found.code, found.lines.as_slice()), (0, &[][..]), "{}", found.run);
    assert!(found.summary.ends_with(": equal"), "{}", found.run);
    found
}

/// Starts a lab with fred, who has mail of every kind, anna, who reads it, and shared mailboxes.
/// All data is replicated.
pub fn world(options: Options) -> Lab {
    let lab = Lab::new(options);
    let master = &lab.master;
    create(
        master,
        &["user.fred", "user.fred.Sent", "user.fred.Open", "user.anna", "lists", "lists.rust"],
    );
    create(master, &["user.fred.a.b", "user.fred.Gone", "user.fred.Gone2"]);
    let mut admin = Imap::admin(master);
    admin.ok(
        "SETQUOTA user.fred (STORAGE 5000 MESSAGE 200 X-ANNOTATION-STORAGE 30 X-NUM-FOLDERS 20)",
    );
    admin.ok("SETQUOTA lists (STORAGE 900)");
    admin.ok("SETACL lists.rust anyone lrswipt");
    assert!(admin.set_metadata("", "/shared/comment", Some(b"a server")).is_ok());
    let mut fred = Imap::login(master, "fred");
    fred.ok("SETACL INBOX.Open anna lrs");
    for number in 1..=6 {
        append(&mut fred, "INBOX", &format!("message {number}"));
        append(&mut fred, "INBOX.Sent", &format!("answer {number}"));
        append(&mut fred, "INBOX.Open", &format!("shared {number}"));
        append(&mut fred, "lists.rust", &format!("post {number}"));
        append(&mut fred, "INBOX.Gone", &format!("old {number}"));
    }
    fred.ok("SELECT INBOX");
    fred.ok("UID STORE 2 +FLAGS (\\Seen \\Answered \\Flagged \\Draft)");
    fred.ok("UID STORE 3:4 +FLAGS (\\Deleted)");
    fred.ok("EXPUNGE");
    fred.ok("SELECT INBOX.Sent");
    fred.ok("UID STORE 1 +FLAGS ($Label $Other)");
    assert!(fred.annotate_messages("1", "/comment", true, Some(b"a note")).is_ok());
    assert!(fred.annotate_messages("2", "/comment", false, Some(b"shared note")).is_ok());
    assert!(fred.set_metadata("INBOX.Sent", "/shared/comment", Some(b"sent mail")).is_ok());
    fred.ok("UNSELECT");
    fred.ok("SUBSCRIBE INBOX.Sent");
    fred.ok("SUBSCRIBE lists.rust");
    fred.ok("DELETE INBOX.Gone");
    let mut anna = Imap::login(master, "anna").with_selected("user.fred.Open");
    anna.ok("UID STORE 1,3:4 +FLAGS (\\Seen)");
    anna.ok("UNSELECT");
    drop((fred, anna));
    let script = "require \"fileinto\";\r\nfileinto \"INBOX.Sent\";\r\n";
    let mut sieve = Sieve::login(master, "fred");
    sieve.put("main", script);
    sieve.activate("main");
    drop(sieve);
    // Deleting a mailbox without the mailboxes below it leaves a name without a mailbox.
    SyncServer::spawn(master).apply("UNMAILBOX", &Value::text("user.fred.a")).ok();
    settle(&lab);
    lab
}

/// Appends a message to one of fred's mailboxes.
pub fn mail(lab: &Lab, mailbox: &str, subject: &str) {
    let response = Imap::login(&lab.master, "fred").append(mailbox, "", &message(subject));
    assert!(response.is_ok(), "{response:?}");
}

/// Replicates all differences.
#[track_caller]
pub fn settle(lab: &Lab) {
    actions(lab, &["-A"]);
    // The protocol does not transfer the UIDVALIDITY of names without a mailbox.
    let left = compare(&lab.master, &lab.replica);
    assert!(left.iter().all(|left| left.path.ends_with(" V")), "{left:?}");
}
