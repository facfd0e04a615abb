//! Helpers for the scenarios: they run the client, compare both sides, and check that a second run
//! has nothing to do.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cyrsync_lab::run::{Running, start_sync_client};
use cyrsync_lab::{
    Cyrus, Imap, Lab, Run, SyncServer, Value, compare, cyrus_sync_client, describe, places,
    sync_client,
};

/// The program to test: sync_client, or in the package `tests/host_store` the same program with a
/// host store.
pub const OURS: &str =
    match (option_env!("CARGO_BIN_EXE_sync_client"), option_env!("CARGO_BIN_EXE_through_host")) {
        (Some(program), _) | (None, Some(program)) => program,
        (None, None) => panic!("neither package has a program"),
    };

/// Returns the path of the program to test: [`OURS`], or the program in the environment variable
/// `CYRSYNC_CLIENT`, such as that of `cyrus-host`. It has the same command line.
pub fn program() -> PathBuf {
    std::env::var_os("CYRSYNC_CLIENT").map_or_else(|| OURS.into(), PathBuf::from)
}

/// Time limit for each expected event.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs our client on the master.
pub fn ours(lab: &Lab, args: &[&str]) -> Run {
    sync_client(program(), &lab.master, args)
}

/// Runs [`OURS`] on the master, and never the program of `CYRSYNC_CLIENT`. Used for options that
/// other programs do not have.
pub fn sync_client_itself(lab: &Lab, args: &[&str]) -> Run {
    sync_client(OURS, &lab.master, args)
}

/// Like [`ours`], but does not wait for the end.
pub fn start_ours(lab: &Lab, args: &[&str]) -> Running {
    start_sync_client(program(), &lab.master, args)
}

/// Waits until the program's output so far (stdout, stderr, syslog) satisfies a condition. After a
/// minute it panics with all of the output.
#[track_caller]
pub fn until(mut running: Running, wanted: impl Fn(&[String; 3]) -> bool) -> Running {
    let end = Instant::now() + PATIENCE;
    while !wanted(&running.so_far()) {
        assert!(Instant::now() < end, "it does not come: {:#?}", running.so_far());
        // The output is in files. No event announces a change, so check again.
        match running.wait_within(Duration::from_millis(2)) {
            Ok(run) => panic!("it ended before that: {run}"),
            Err(still_running) => running = still_running,
        }
    }
    running
}

/// Runs our client with `-v`. It must succeed without a warning. Returns the actions that it
/// prints.
#[track_caller]
pub fn actions(lab: &Lab, args: &[&str]) -> Vec<String> {
    let run = ours(lab, &[&["-v"], args].concat()).ok();
    assert_eq!(run.stderr, "", "{run}");
    assert_eq!(errors(&run), [""; 0], "{run}");
    let mut actions = lines(&run.stdout);
    actions.retain(|line| !is_of_the_run(line));
    actions
}

/// Returns whether a line of `-v` is about the connection or the run as a whole.
pub fn is_of_the_run(line: &str) -> bool {
    line.starts_with("ENABLE ") || line.starts_with("SUMMARY ")
}

/// Replicates, then asserts that both servers are equal, that a second run sends nothing, and that
/// verification finds no difference. Returns the actions of the first run.
#[track_caller]
pub fn replicate(lab: &Lab, args: &[&str]) -> Vec<String> {
    let done = actions(lab, args);
    assert_equal(lab);
    assert_idle(lab, args);
    assert_verified(lab, args);
    done
}

/// Asserts that verification finds both sides equal.
#[track_caller]
pub fn assert_verified(lab: &Lab, args: &[&str]) {
    let run = sync_client_itself(lab, &[&["--verify"], args].concat());
    assert_eq!(run.status.code(), Some(0), "verification: {run}");
    assert_eq!(run.stdout.lines().count(), 1, "verification: {run}");
}

/// Like [`replicate`], and asserts that Cyrus's own client also finds nothing to do.
#[track_caller]
pub fn replicate_as_cyrus_would(lab: &Lab, args: &[&str]) -> Vec<String> {
    let done = replicate(lab, args);
    assert_cyrus_idle(lab, args);
    done
}

/// Asserts that both servers are equal.
#[track_caller]
pub fn assert_equal(lab: &Lab) {
    let differences = compare(&lab.master, &lab.replica);
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
}

/// Returns the paths in which the two servers differ.
pub fn differing(lab: &Lab) -> Vec<String> {
    compare(&lab.master, &lab.replica).into_iter().map(|d| d.path).collect()
}

/// Asserts that our client compares both sides and sends no change.
#[track_caller]
pub fn assert_idle(lab: &Lab, args: &[&str]) {
    let run = ours(lab, &[&["-v", "-v"], args].concat()).ok();
    assert!(idle(&run), "there was something left to do:\n{run}");
    let mut applied = sent(&run);
    applied.retain(|l| l.starts_with("APPLY") && !l.starts_with("APPLY CAPABILITIES"));
    assert!(applied.is_empty(), "the replica was told to change:\n{run}");
}

/// Asserts that Cyrus's own client finds nothing to do.
#[track_caller]
pub fn assert_cyrus_idle(lab: &Lab, args: &[&str]) {
    let run = cyrus_sync_client(&lab.master, &[&["-v"], args].concat()).ok();
    assert!(idle(&run), "Cyrus's client found something to do:\n{run}");
}

/// Returns whether a run with `-v` printed no change.
fn idle(run: &Run) -> bool {
    let known = ["USER ", "META ", "MAILBOXES "];
    let is_known = |line: &str| known.iter().any(|word| line.starts_with(word));
    run.stdout.lines().all(|line| is_known(line) || is_of_the_run(line))
}

/// Returns the commands that a run with `-v -v` sent, each only up to its first line end.
pub fn sent(run: &Run) -> Vec<String> {
    let after_mark = |line: &str| {
        let (time, command) = line.strip_prefix('>')?.split_once('>')?;
        time.bytes().all(|b| b.is_ascii_digit()).then(|| command.to_owned())
    };
    run.stderr.lines().filter_map(after_mark).collect()
}

/// Returns the errors that a run logged.
pub fn errors(run: &Run) -> Vec<String> {
    run.log.lines().filter(|line| line.starts_with("ERR")).map(str::to_owned).collect()
}

/// Returns the lines of a text.
pub fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// Creates mailboxes as the administrator.
#[track_caller]
pub fn create(cyrus: &Cyrus, mailboxes: &[&str]) {
    let mut admin = Imap::admin(cyrus);
    for mailbox in mailboxes {
        admin.ok(&format!("CREATE {}", cyrsync_lab::quote(mailbox)));
    }
}

/// Returns a small message. Another subject gives another message.
pub fn message(subject: &str) -> Vec<u8> {
    format!("From: a@example.org\r\nSubject: {subject}\r\n\r\nThis is {subject}.\r\n").into_bytes()
}

/// Appends a small message to a mailbox as its owner.
#[track_caller]
pub fn append(imap: &mut Imap, mailbox: &str, subject: &str) {
    let response = imap.append(mailbox, "", &message(subject));
    assert!(response.is_ok(), "APPEND {mailbox}: {response:?}");
}

/// Returns the uniqueid of a mailbox.
#[track_caller]
pub fn uniqueid(cyrus: &Cyrus, internal: &str) -> String {
    mailbox_field(cyrus, internal, "UNIQUEID")
}

/// Returns a field of a mailbox as the replication server reports it.
#[track_caller]
pub fn mailbox_field(cyrus: &Cyrus, internal: &str, field: &str) -> String {
    let mut server = SyncServer::spawn(cyrus);
    let found = server.get("MAILBOXES", &Value::texts([internal])).ok();
    let mailbox = found.first().unwrap_or_else(|| panic!("no {internal} on {}", cyrus.name()));
    mailbox.1.str(field)
}

/// Returns the path of a message file.
#[track_caller]
pub fn message_file(cyrus: &Cyrus, internal: &str, uid: u64) -> PathBuf {
    let [path, _] = places::place(cyrus, internal).message(uid);
    assert!(path.exists(), "{} is missing", path.display());
    path
}

/// A separate process that holds an exclusive lock on one of the master's lock files. It ends when
/// this value is dropped.
pub struct Holder(Child);

impl Holder {
    /// Locks the file with this name below the master's lock directory. An earlier run must have
    /// created the file.
    #[track_caller]
    pub fn of(lab: &Lab, name: &str) -> Holder {
        let root = lab.master.dir().join("lock");
        let path = find(&root, name).unwrap_or_else(|| panic!("no lock {name}"));
        let script = "import fcntl, sys\n\
                      file = open(sys.argv[1], 'r+')\n\
                      fcntl.lockf(file, fcntl.LOCK_EX)\n\
                      print('locked', flush=True)\n\
                      sys.stdin.read()\n";
        let mut command = lab.master.command("/usr/bin/python3");
        command.args(["-c", script]).arg(&path).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python3 is there");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("the holder tells");
        assert_eq!(line, "locked\n");
        Holder(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Kills the processes that serve replication. Returns their number. The master process starts new
/// ones on demand.
pub fn kill_sync_servers(cyrus: &Cyrus) -> usize {
    signal_sync_servers(cyrus, "KILL")
}

/// Sends a signal (`KILL`, `STOP`, ...) to the processes that serve replication. Returns their
/// number.
pub fn signal_sync_servers(cyrus: &Cyrus, signal: &str) -> usize {
    let conf = cyrus.imapd_conf().display().to_string();
    let mut count = 0;
    for process in fs::read_dir("/proc").expect("/proc is there").flatten() {
        let words = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).into_owned();
        if words.contains("sync_server") && words.contains(&conf) {
            // Uses the shell's built-in kill, because there may be no separate program.
            let kill = format!("kill -{signal} {}", process.file_name().display());
            let status = Command::new("sh").args(["-c", &kill]).status().expect("sh runs");
            count += usize::from(status.success());
        }
    }
    count
}

/// Returns the first file of this name below a directory.
pub fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    for entry in fs::read_dir(dir).ok()?.flatten() {
        let path = entry.path();
        let found = match path.is_dir() {
            true => find(&path, name),
            false => path.file_name().is_some_and(|n| n == name).then_some(path),
        };
        if found.is_some() {
            return found;
        }
    }
    None
}
