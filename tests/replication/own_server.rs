//! A repair in which the master's own sync_server fails: the error names that program, the
//! connection to the replica stays, and everything else goes on.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cyrsync_lab::{Imap, Lab, Options, Proxy, Run};

use crate::common::{append, create, differing, errors, ours, replicate};

/// A greeting of the Cyrus that the lab runs.
const GREETING: &str = "printf '* OK here Cyrus sync server 3.6.1\\r\\n'\n";
/// Accepts the capabilities.
const AGREES: &str = "read line; printf 'OK success\\r\\n'\n";

/// Returns a lab in which fred's INBOX needs a repair; his other folder and zoe have new mail.
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

/// Writes a program for this lab.
fn script(lab: &Lab, name: &str, text: &str) -> PathBuf {
    let path = lab.master.scratch().join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}")).expect("own directory");
    let all = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&path, all).expect("chmod of own file");
    path
}

/// Replicates all with this program as the master's own server. Asserts that it fails only for
/// fred's INBOX, over one connection, with an error that names the program.
#[track_caller]
fn fails_alone(lab: &Lab, program: &Path, told: &str) -> Run {
    lab.master.set_config("sync_server_path", Some(&program.display().to_string()));
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    lab.master.use_port(proxy.port());
    lab.master.set_config("sync_jobs", Some("1"));
    let run = ours(lab, &["-A", "-v"]);
    lab.master.set_config("sync_jobs", None);
    lab.master.use_port(lab.replica.csync_port());
    assert_eq!(run.status.code(), Some(1), "{told}: {run}");
    assert_eq!(proxy.traffic().connections, 1, "{told}: {run}");
    let line = errors(&run).into_iter().find(|line| line.contains("change mailbox user.fred"));
    let line = line.unwrap_or_else(|| panic!("{told}: nothing logged: {run}"));
    assert!(line.contains(&program.display().to_string()), "{line}");
    assert!(line.contains(told), "{told}: {line}");
    assert!(!line.contains("the replica") && !line.contains("os error"), "{line}");
    let left = differing(lab);
    assert!(!left.is_empty() && left.iter().all(|p| p.starts_with("user.fred ")), "{left:#?}");
    run
}

#[test]
fn the_masters_own_server_that_cannot_be_started_is_named() {
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
    // Without such a program everything works.
    lab.master.set_config("sync_server_path", None);
    replicate(&lab, &["-A"]);
}

#[test]
fn the_masters_own_server_that_does_not_do_as_it_should_is_named() {
    let lab = split();
    lab.master.set_config("sync_timeout", Some("3"));
    let takes = |end: &str| format!("{GREETING}{AGREES}read line\n{end}");
    for (name, text, told) in [
        (
            "fatal",
            "printf '* Fatal error: must run as the Cyrus user\\r\\n'\n".to_owned(),
            "Cyrus user",
        ),
        ("bye", "printf '* BYE not now\\r\\n'\n".to_owned(), "it greets with: not now"),
        ("mute", "exec sleep 60\n".to_owned(), "it does not answer for 3 seconds"),
        ("web", "printf 'HTTP/1.1 400 Bad Request\\r\\n'\n".to_owned(), "but says: HTTP/1.1"),
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
            "a line that is no part of a reply",
        ),
    ] {
        fails_alone(&lab, &script(&lab, name, &text), told);
    }
    lab.master.set_config("sync_server_path", None);
    replicate(&lab, &["-A"]);
}

#[test]
fn a_server_of_another_version_does_not_get_to_write() {
    let lab = split();
    let told = lab.master.scratch().join("told");
    for (version, why) in [
        ("3.8.1", "version 3.8, and the Cyrus that runs on this spool is of version 3.6"),
        ("3.12.4", "version 3.12, and the Cyrus that runs on this spool is of version 3.6"),
        ("3.4.3", "version 3.4, and the Cyrus that runs on this spool is of version 3.6"),
    ] {
        let text = format!(
            "printf '* OK here Cyrus sync server {version}\\r\\n'\n{AGREES}cat >{}\n",
            told.display()
        );
        fails_alone(&lab, &script(&lab, "other", &text), why);
        let heard = fs::read_to_string(&told).unwrap_or_default();
        assert!(!heard.contains("APPLY MAILBOX"), "{heard}");
    }
    // A program that does not report its version is refused too.
    let text = format!("printf '* OK ready\\r\\n'\n{AGREES}cat >/dev/null\n");
    fails_alone(&lab, &script(&lab, "other", &text), "it does not tell its version");
    // If no Cyrus runs on this spool, a `sync_server` that is merely installed is refused too.
    lab.master.set_config("sync_server_path", None);
    let mut lab = lab;
    lab.master.stop_server();
    let run = ours(&lab, &["-A"]);
    assert_eq!(run.status.code(), Some(1), "{run}");
    let line = errors(&run).into_iter().find(|line| line.contains("change mailbox user.fred"));
    let line = line.unwrap_or_else(|| panic!("nothing logged: {run}"));
    for words in
        ["no Cyrus runs on this configuration", "set sync_server_path", "installed here: /"]
    {
        assert!(line.contains(words), "{line}");
    }
    let installed = ["/usr/lib/cyrus/bin/sync_server", "/usr/libexec/cyrus-imapd/sync_server"];
    let own = installed.iter().find(|path| Path::new(path).exists()).expect("Cyrus is installed");
    lab.master.set_config("sync_server_path", Some(own));
    replicate(&lab, &["-A"]);
}
