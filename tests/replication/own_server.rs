//! Tests a repair in which the master's own sync_server fails. The error must name this program,
//! the connection to the replica must stay open, and everything else must be replicated.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cyrsync_lab::run::copy_program;
use cyrsync_lab::trees::Release;
use cyrsync_lab::{Imap, Lab, Options, Proxy, Run};

use crate::common::{append, create, differing, errors, ours, replicate};

/// Returns a command that prints a greeting with the version of the installed Cyrus.
fn greeting() -> String {
    let (major, minor) = Release::installed().version();
    format!("printf '* OK here Cyrus sync server {major}.{minor}.1\\r\\n'\n")
}
/// Reads the command with the client's capabilities, and accepts it.
const AGREES: &str = "read line; printf 'OK success\\r\\n'\n";

/// Starts a lab in which fred's INBOX needs a repair. His other folder and zoe have new mail.
fn split() -> Lab {
    let lab = Lab::new(Options::default());
    create(&lab.master, &["user.fred", "user.fred.Sent", "user.zoe"]);
    append(&mut Imap::login(&lab.master, "fred"), "INBOX", "first");
    replicate(&lab, &["-A"]);
    Imap::login(&lab.replica, "fred").with_selected("INBOX").uid_store("1", "+FLAGS (\\Flagged)");
    append(&mut Imap::login(&lab.master, "fred"), "INBOX.Sent", "second");
    append(&mut Imap::login(&lab.master, "zoe"), "INBOX", "third");
    lab
}

/// Writes a shell script that the cyrus user can run. Returns its path.
fn script(lab: &Lab, name: &str, text: &str) -> PathBuf {
    let path = lab.master.scratch().join(name);
    let draft = path.with_extension("draft");
    fs::write(&draft, format!("#!/bin/sh\n{text}")).expect("own directory");
    copy_program(&draft, &path);
    path
}

/// Replicates everything with `program` as the master's own sync_server. Asserts that only fred's
/// INBOX fails, over one connection, with an error that names the program.
#[track_caller]
fn fails_alone(lab: &Lab, program: &Path, reported: &str) -> Run {
    lab.master.set_config("sync_server_path", Some(&program.display().to_string()));
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    lab.master.use_port(proxy.port());
    lab.master.set_config("sync_jobs", Some("1"));
    let run = ours(lab, &["-A", "-v"]);
    lab.master.set_config("sync_jobs", None);
    lab.master.use_port(lab.replica.csync_port());
    assert_eq!(run.status.code(), Some(1), "{reported}: {run}");
    assert_eq!(proxy.traffic().connections, 1, "{reported}: {run}");
    let line = errors(&run).into_iter().find(|line| line.contains("change mailbox user.fred"));
    let line = line.unwrap_or_else(|| panic!("{reported}: nothing logged: {run}"));
    assert!(line.contains(&program.display().to_string()), "{line}");
    assert!(line.contains(reported), "{reported}: {line}");
    assert!(!line.contains("the replica") && !line.contains("os error"), "{line}");
    let left = differing(lab);
    assert!(!left.is_empty() && left.iter().all(|p| p.starts_with("user.fred ")), "{left:#?}");
    run
}

#[test]
fn an_error_names_the_masters_sync_server_that_cannot_be_started() {
    let lab = split();
    let missing = lab.master.scratch().join("no-such-server");
    let run = fails_alone(&lab, &missing, "it cannot be started: No such file or directory");
    assert!(run.stderr.contains("hint: set sync_server_path"), "{run}");
    assert!(!run.to_string().contains("reconstruct"), "{run}");
    let data = script(&lab, "data", "");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o644)).expect("own file");
    fails_alone(&lab, &data, "it cannot be started: Permission denied");
    let dies = script(&lab, "dies", "echo 'error while loading libcyrus' >&2; exit 75\n");
    fails_alone(&lab, &dies, "ended with exit code 75 and says: error while loading libcyrus");
    let killed = script(&lab, "killed", "kill -9 $$\n");
    fails_alone(&lab, &killed, "it was ended by signal 9");
    // With the default program everything must be replicated.
    lab.master.set_config("sync_server_path", None);
    replicate(&lab, &["-A"]);
}

#[test]
fn an_error_names_the_masters_sync_server_that_behaves_wrongly() {
    let lab = split();
    lab.master.set_config("sync_timeout", Some("3"));
    let greeting = greeting();
    let takes = |end: &str| format!("{greeting}{AGREES}read line\n{end}");
    for (name, text, reported) in [
        (
            "fatal",
            "printf '* Fatal error: must run as the Cyrus user\\r\\n'\n".to_owned(),
            "Cyrus user",
        ),
        ("bye", "printf '* BYE not now\\r\\n'\n".to_owned(), "its greeting is: not now"),
        ("mute", "exec sleep 60\n".to_owned(), "it does not answer for 3 seconds"),
        (
            "web",
            "printf 'HTTP/1.1 400 Bad Request\\r\\n'\n".to_owned(),
            "not the one of a replication server: HTTP/1.1",
        ),
        ("ends", takes("exit 3\n"), "it ended with exit code 3"),
        (
            "no",
            takes("printf 'NO Unknown error\\r\\n'; read line\n"),
            "it refused APPLY MAILBOX user.fred, partition default: Unknown error",
        ),
        ("bad", takes("printf 'BAD what\\r\\n'; read line\n"), "BAD what"),
        ("said-bye", takes("printf '* BYE shutting down\\r\\n'\n"), "BYE shutting down"),
        (
            "nonsense",
            takes("printf 'OKAY\\r\\n'; read line\n"),
            "a line that is not part of a reply",
        ),
    ] {
        fails_alone(&lab, &script(&lab, name, &text), reported);
    }
    lab.master.set_config("sync_server_path", None);
    replicate(&lab, &["-A"]);
}

#[test]
fn a_sync_server_of_another_version_is_not_used_for_repairs() {
    let lab = split();
    let reported = lab.master.scratch().join("reported");
    let (major, minor) = Release::installed().version();
    for (version, short) in [("3.8.1", "3.8"), ("3.12.4", "3.12"), ("3.4.3", "3.4")] {
        let why = format!(
            "its version is {short}, but the Cyrus that runs on this spool has version \
             {major}.{minor}"
        );
        let text = format!(
            "printf '* OK here Cyrus sync server {version}\\r\\n'\n{AGREES}cat >{}\n",
            reported.display()
        );
        fails_alone(&lab, &script(&lab, "other", &text), &why);
        let heard = fs::read_to_string(&reported).unwrap_or_default();
        assert!(!heard.contains("APPLY MAILBOX"), "{heard}");
    }
    // A program that reports no version is refused too.
    let text = format!("printf '* OK ready\\r\\n'\n{AGREES}cat >/dev/null\n");
    fails_alone(&lab, &script(&lab, "other", &text), "its greeting has no version");
    // While no Cyrus runs on this spool, the installed `sync_server` is refused too, because its
    // version may be another one.
    lab.master.set_config("sync_server_path", None);
    let mut lab = lab;
    lab.master.stop_server();
    let run = ours(&lab, &["-A"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let line = errors(&run).into_iter().find(|line| line.contains("change mailbox user.fred"));
    let line = line.unwrap_or_else(|| panic!("nothing logged: {run}"));
    for words in
        ["no running Cyrus uses this configuration", "set sync_server_path", "installed here: /"]
    {
        assert!(line.contains(words), "{line}");
    }
    let installed = ["/usr/lib/cyrus/bin/sync_server", "/usr/libexec/cyrus-imapd/sync_server"];
    let own = installed.iter().find(|path| Path::new(path).exists()).expect("Cyrus is installed");
    lab.master.set_config("sync_server_path", Some(own));
    replicate(&lab, &["-A"]);
}
