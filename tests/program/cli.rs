//! Tests the program from outside: exit codes, messages, signals and log; also compares it with
//! Cyrus's own client if that is installed.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use tempfile::TempDir;

const OURS: &str = env!("CARGO_BIN_EXE_sync_client");
const THEIRS: &[&str] = &["/usr/lib/cyrus/bin/sync_client", "/usr/sbin/sync_client"];
/// No program listens on this port.
const NOBODY: &str = "127.0.0.1:1";

/// Returns a command without environment variables that would change its behaviour. If root runs
/// it, it stays root, so no cyrus user is needed.
fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.arg0("sync_client").stdin(Stdio::null()).env("LC_ALL", "C").env("CYRUS_USER", "root");
    for name in ["POSIXLY_CORRECT", "CYRUS_PREFIX", "CYRUS_GROUP", "CYRUS_SYSLOG_PREFIX"] {
        command.env_remove(name);
    }
    command
}

fn sync_client<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Output {
    command(OURS).args(words).output().unwrap()
}

pub fn code(output: &Output) -> i32 {
    output.status.code().expect("ended by itself")
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A directory with an imapd.conf.
pub struct Site(TempDir);

impl Site {
    pub fn new(more: &str) -> Site {
        let dir = tempfile::tempdir().unwrap();
        for name in ["conf", "spool"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let at = dir.path().display();
        let text = format!(
            "configdirectory: {at}/conf\npartition-default: {at}/spool\n\
             defaultpartition: default\n{more}"
        );
        fs::write(dir.path().join("imapd.conf"), text).unwrap();
        Site(dir)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn command(&self) -> Command {
        let mut command = command(OURS);
        command.arg("-C").arg(self.path("imapd.conf"));
        command
    }

    /// Returns the lines that the command sends to syslog.
    fn captured(&self, command: &mut Command) -> (Output, Vec<String>) {
        let (library, log) = (self.path("capture.so"), self.path("log"));
        let source = cyrsync_lab::checkout().join("c-tests/capture_syslog.c");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source);
        assert!(cc.status().unwrap().success());
        command.env("LD_PRELOAD", library).env("SYSLOG_CAPTURE", &log);
        let output = command.output().unwrap();
        let log = fs::read_to_string(log).unwrap_or_default();
        (output, log.lines().map(str::to_owned).collect())
    }
}

/// Command lines that both Cyrus 3.8.1 and 3.6.1 refuse; 3.6.1 has no long options.
fn bad_command_lines() -> Vec<Vec<OsString>> {
    let mut lines: Vec<Vec<OsString>> = [
        "",
        "fred",
        "-Q",
        "-u -Q",
        "-uQ",
        "-Qu",
        "-vQ fred",
        "fred -u -Q",
        "-u -A",
        "-A -u",
        "-uA",
        "-m -s",
        "-r -R",
        "-R -r",
        "-u -u",
        "-A -A",
        "-r -u",
        "-n",
        "-u -n",
        "-un",
        "-C",
        "-S",
        "-f",
        "-F",
        "-w",
        "-t",
        "-d",
        "-p",
        "-u fred -p",
        "-v -l -L -N -O -o -z",
        "-n chan",
        "-nchan",
        "-n -u",
        "-: ",
        "-?",
        "-W",
        "-;",
        "-u -",
        "-- -u",
        "- -Q",
        "-v -- -Q",
        "-u -m -Q",
        "-u -Q -m",
        "-C /nonexistent -u fred",
        "-C/nonexistent -ufred",
        "-C /nonexistent/imapd.conf -A",
        "-f list -u -C /nonexistent",
    ]
    .iter()
    .map(|line| line.split_whitespace().map(OsString::from).collect())
    .collect();
    lines.push(vec![OsString::from_vec(b"-\xe4".to_vec())]);
    lines.push(vec!["".into()]);
    // -Q is here the argument of -n and not a flag. The line is wrong because it has no mode.
    lines.push(vec!["-n".into(), "-Q".into()]);
    lines
}

#[test]
fn wrong_command_lines_fail_like_cyruss_client() {
    let Some(theirs) = THEIRS.iter().find(|path| Path::new(path).exists()) else {
        eprintln!("skipped: no sync_client of Cyrus is installed");
        return;
    };
    for posixly in [false, true] {
        for line in bad_command_lines() {
            let run = |program: &str| {
                let mut command = command(program);
                if posixly {
                    command.env("POSIXLY_CORRECT", "1");
                }
                command.args(&line).output().unwrap()
            };
            let (ours, theirs) = (run(OURS), run(theirs));
            assert_eq!(stderr(&ours), stderr(&theirs), "{line:?}");
            assert_eq!(code(&ours), code(&theirs), "{line:?}");
            assert!(code(&ours) >= 64 && ours.stdout.is_empty(), "{line:?}");
        }
    }
}

#[test]
fn a_run_without_a_replica_fails_with_cyruss_message() {
    let site = Site::new("");
    let output = site.command().args(["-u", "fred"]).output().unwrap();
    assert_eq!(
        (code(&output), stderr(&output).as_str()),
        (70, "Fatal error: sync_host not defined\n")
    );
}

#[test]
fn wrong_long_options_give_the_messages_of_getopt_long() {
    for (word, complaint) in [
        ("--all-userz", "unrecognized option '--all-userz'"),
        ("--nope=3", "unrecognized option '--nope=3'"),
        ("--verb", "option '--verb' is ambiguous; possibilities: '--verbose-logging' '--verbose'"),
        ("--userids=x", "option '--userids' doesn't allow an argument"),
        ("--us=x", "option '--userids' doesn't allow an argument"),
        ("--chan", "option '--channel' requires an argument"),
    ] {
        let output = sync_client([word]);
        let usage = "Usage: sync_client -S <servername> [-C <alt_config>] [-r] [-v] mailbox...";
        assert_eq!(stderr(&output), format!("sync_client: {complaint}\n{usage}\n"));
        assert_eq!(code(&output), 64);
    }
}

#[test]
fn long_options_can_be_shortened_and_take_arguments_in_both_forms() {
    let site = Site::new("");
    for line in [
        "--userids --server=127.0.0.1:1 --connect-once fred",
        "fred --use --serv 127.0.0.1:1 --conn",
        "-uoS127.0.0.1:1 fred",
    ] {
        let output = site.command().args(line.split(' ')).output().unwrap();
        assert_eq!(code(&output), 1, "{line}: {}", stderr(&output));
        assert!(stderr(&output).ends_with("Can not connect to server '127.0.0.1:1'\n"), "{line}");
    }
}

#[test]
fn help_and_version_go_to_stdout() {
    let help = sync_client(["--help"]);
    assert_eq!((code(&help), stderr(&help).as_str()), (0, ""));
    assert!(help.stdout.starts_with(b"Brings a replica"));
    let version = sync_client(["--version"]);
    let text = String::from_utf8(version.stdout).unwrap();
    let ours = format!("sync_client (cyrsync) {}\n", env!("CARGO_PKG_VERSION"));
    assert!(text.starts_with(&ours) && text.contains("3.8.1"), "{text}");
}

#[test]
fn a_closed_output_pipe_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = command(OURS).arg("--help").stdout(writer).status().unwrap();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn the_manual_page_is_that_of_the_flags() {
    let page = sync_client(["--man"]).stdout;
    let path = cyrsync_lab::checkout().join("docs/sync_client.8");
    if std::env::var_os("CYRSYNC_UPDATE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert!(
        fs::read(path).unwrap_or_default() == page,
        "docs/sync_client.8 is stale: run this test with CYRSYNC_UPDATE=1"
    );
}

#[test]
fn errors_in_the_configuration_exit_with_78() {
    let site = Site::new("sync_reconnect_maxwait: zz\n");
    let output = site.command().args(["-u", "fred", "-S", NOBODY]).output().unwrap();
    assert_eq!(code(&output), 78);
    let text = stderr(&output);
    assert!(text.starts_with("Fatal error: ") && text.contains("sync_reconnect_maxwait"), "{text}");
}

#[test]
fn an_invalid_value_is_reported_with_its_line_before_any_work() {
    for (line, word) in [
        ("sync_port: 70000", "sync_port"),
        ("sync_host: replica/tsl", "sync_host"),
        ("far_sync_tls_fingerprint: sha256:1", "far_sync_tls_fingerprint"),
        ("sync_deflate_level: 12", "sync_deflate_level"),
        ("client_bind: yes", "client_bind"),
        ("tls_versions: tls1_0", "tls_versions"),
        ("sync_bwlimit: fast", "sync_bwlimit"),
        ("far_sync_bwlimit: 1M,18:00=2M", "far_sync_bwlimit"),
    ] {
        let site = Site::new(&format!("# one more\n{line}\n"));
        for mode in ["-A", "-r"] {
            let output = site.command().args([mode, "-S", NOBODY]).output().unwrap();
            assert_eq!(code(&output), 78, "{line}");
            let (reported, place) = (stderr(&output), site.path("imapd.conf"));
            let place = format!("{} line 5: {word}: ", place.display());
            assert!(reported.contains(&place) && reported.contains("hint: "), "{line}: {reported}");
        }
    }
}

#[test]
fn print_config_shows_each_value_with_its_origin() {
    let site = Site::new(
        "sync_host: near.example\nfar_sync_host: far.example\nsync_password: xyzzy\n\
         sync_client_sync_batchsize: 9\n",
    );
    let show = |words: &[&str]| {
        let output = site.command().args(words).arg("--print-config").output().unwrap();
        assert_eq!((code(&output), stderr(&output)), (0, String::new()), "{words:?}");
        let same = site.command().args(words).arg("--show-config").output().unwrap();
        assert_eq!(same.stdout, output.stdout, "{words:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.collect::<Vec<_>>()
    };
    let at = |line: u32| format!("# {} line {line}", site.path("imapd.conf").display());
    let has = |lines: &[String], line: String| assert!(lines.contains(&line), "{line}: {lines:#?}");

    let general = show(&[]);
    has(&general, format!("sync_host: near.example {}", at(4)));
    has(&general, format!("sync_password: (not shown) {}", at(6)));
    has(&general, format!("sync_batchsize: 9 {} as sync_client_sync_batchsize", at(7)));
    has(&general, "sync_timeout: 30m # default".to_owned());
    has(&general, format!("partition-default: {} {}", site.path("spool").display(), at(2)));
    assert!(!general.iter().any(|line| line.contains("xyzzy")));
    // `-r` would go into the background, and `-d` has a meaning only with `-r`. Both work with
    // --print-config.
    let far = show(&["-r", "-n", "far", "-d", "7"]);
    has(&far, format!("sync_host: far.example {} as far_sync_host", at(5)));
    has(&far, "sync_repeat_interval: 7s # command line".to_owned());
    has(&show(&["-A", "-O", "-S", NOBODY]), format!("sync_host: {NOBODY} # command line"));
    let limited = show(&["--bwlimit", "2048K, 22:00-06:00=0", "--exclude", "a*", "--exclude=b"]);
    has(&limited, "sync_bwlimit: 2M,22:00-06:00=off # command line".to_owned());
    has(&limited, "--exclude: a* # command line".to_owned());
    has(&limited, "--exclude: b # command line".to_owned());
    has(&general, "sync_bwlimit: off # default".to_owned());
}

#[test]
fn check_config_needs_no_mode_and_its_exit_code_is_the_result() {
    let site = Site::new("");
    let check = |words: &[&str]| {
        let output = site.command().arg("--check-config").args(words).output().unwrap();
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        assert_eq!(text.lines().count(), 23, "{words:?}: {text}");
        (code(&output), text, stderr(&output))
    };
    let (exit, text, reported) = check(&["-S", NOBODY, "-A"]);
    assert_eq!((exit, reported.as_str()), (1, ""), "{text}");
    assert!(text.contains("\nFAIL connects: connect to 127.0.0.1:1: "), "{text}");
    // If root cannot become the cyrus user, the check does not test that user's access to files.
    if text.contains("FAIL user: this runs as root") {
        assert!(text.contains("\nSKIP databases open: root may read and write"), "{text}");
    }
    let (exit, text, _) = check(&[]);
    assert_eq!(exit, 1);
    assert!(text.contains("\nFAIL name resolves: choose replica: sync_host not defined"), "{text}");

    fs::write(site.path("imapd.conf"), "sync_timeout: soon\n").unwrap();
    let (exit, text, reported) = check(&["-S", NOBODY]);
    assert_eq!((exit, reported.as_str()), (78, ""), "{text}");
    assert!(text.starts_with("FAIL imapd.conf read: "), "{text}");
    assert_eq!(text.matches("\nSKIP ").count(), 22, "{text}");

    let usage = site.command().args(["--check-config", "-A", "-u"]).output().unwrap();
    assert_eq!(code(&usage), 64);
}

#[test]
fn an_unreadable_list_is_reported_before_connecting() {
    let site = Site::new("");
    for mode in ["-u", "-m"] {
        let mut command = site.command();
        let (output, log) = site.captured(command.args([mode, "-S", NOBODY, "-f", "/nonexistent"]));
        assert_eq!(code(&output), 1);
        assert_eq!(stderr(&output), "Unable to open /nonexistent: No such file or directory\n");
        let line = "5 Unable to open /nonexistent: No such file or directory";
        assert!(log.iter().any(|logged| logged == line), "{log:#?}");
    }
}

#[test]
fn an_invalid_limit_or_pattern_is_a_usage_error() {
    let site = Site::new("");
    for (words, reported) in [
        (&["--bwlimit", "fast"][..], "Fatal error: --bwlimit: \"fast\" is not a rate: "),
        (
            &["--bwlimit=1M,8-18=2M"],
            "Fatal error: --bwlimit: \"8-18=2M\" is not a time with a rate: ",
        ),
        (&["--exclude", "u[1"], "Fatal error: --exclude: read pattern u[1: "),
    ] {
        let output = site.command().args(words).args(["-A", "-S", NOBODY]).output().unwrap();
        assert_eq!((code(&output), stderr(&output).lines().count()), (64, 1), "{words:?}");
        assert!(stderr(&output).starts_with(reported), "{}", stderr(&output));
    }
}

#[test]
fn root_needs_a_cyrus_user_to_become() {
    let site = Site::new("");
    let mut command = site.command();
    let output =
        command.env("CYRUS_USER", "no-such-user-here").args(["-u", "fred"]).output().unwrap();
    // If another user than root runs this test, the client does not change its user. It then fails
    // later, with exit code 70, because no replica is named.
    if code(&output) == 70 {
        eprintln!("skipped: needs to be run by root");
        return;
    }
    assert_eq!(code(&output), 64);
    let reported = stderr(&output);
    assert!(reported.contains("no-such-user-here"), "{reported}");
    assert!(reported.ends_with("Fatal error: must run as the Cyrus user\n"), "{reported}");
}

#[test]
fn syslog_is_opened_like_in_cyrus() {
    let site = Site::new("syslog_prefix: mail1\nsyslog_facility: mail\n");
    let (_, log) = site.captured(site.command().args(["-u", "fred"]));
    assert_eq!(
        log,
        [
            "open ident=sync_client pid=1 echo=0 facility=22",
            "open ident=mail1/sync_client pid=1 echo=0 facility=2",
            "3 Fatal error: sync_host not defined",
        ]
    );
}

#[test]
fn the_prefix_in_the_environment_overrides_and_a_wrong_facility_is_reported() {
    let site = Site::new("syslog_prefix: mail1\nsyslog_facility: nonsense\n");
    let mut command = site.command();
    let (_, log) = site.captured(command.env("CYRUS_SYSLOG_PREFIX", "env").args(["-u", "-vv"]));
    assert_eq!(
        log,
        [
            "open ident=env/sync_client pid=1 echo=1 facility=22",
            "3 config error: syslog name nonsense not recognised",
            "open ident=env/sync_client pid=1 echo=1 facility=22",
            "3 Fatal error: sync_host not defined",
        ]
    );
}

#[test]
fn names_cannot_forge_log_lines_or_formats() {
    let site = Site::new("");
    let mut command = site.command();
    let list = "/nonexistent/%s%n\nroot: x";
    let (output, log) = site.captured(command.args(["-u", "-S", NOBODY, "-f", list]));
    assert_eq!(code(&output), 1);
    let line = "5 Unable to open /nonexistent/%s%n\\x0aroot: x: No such file or directory";
    assert!(log.iter().any(|logged| logged == line), "{log:#?}");
}

/// A run that waits for a replica that does not exist.
struct Waiting {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Waiting {
    fn start(site: &Site, words: &[&str]) -> Waiting {
        let mut command = site.command();
        command.args(["-u", "-S", NOBODY, "fred"]).args(words).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Waiting { child, stderr }
    }

    fn await_line(&mut self, wanted: &str) {
        let mut line = String::new();
        while line.trim_end() != wanted {
            line.clear();
            assert_ne!(self.stderr.read_line(&mut line).unwrap(), 0, "never told: {wanted}");
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        // Uses the shell's built-in kill, because there may be no separate program.
        let kill = format!("kill -s {name} {pid}");
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn signals_end_the_wait_for_a_replica() {
    let site = Site::new("");
    for signal in ["TERM", "INT", "QUIT"] {
        let mut waiting = Waiting::start(&site, &[]);
        waiting
            .await_line(&format!("Can not connect to server '{NOBODY}', retrying in 15 seconds"));
        waiting.signal(signal);
        assert_eq!(waiting.child.wait().unwrap().code(), Some(75), "{signal}");
    }
}

#[test]
fn sighup_makes_the_client_retry_at_once() {
    let site = Site::new("sync_reconnect_maxwait: 20\n");
    let mut waiting = Waiting::start(&site, &[]);
    for seconds in [15, 20, 20] {
        let line = format!("Can not connect to server '{NOBODY}', retrying in {seconds} seconds");
        waiting.await_line(&line);
        waiting.signal("HUP");
    }
    waiting.signal("TERM");
    assert_eq!(waiting.child.wait().unwrap().code(), Some(75));
}

#[test]
fn the_wait_for_a_debugger_can_be_ended() {
    let site = Site::new("");
    let mut waiting = Waiting::start(&site, &["-w", "600"]);
    waiting.await_line("Waiting for 600 seconds for gdb attach...");
    waiting.signal("TERM");
    assert_eq!(waiting.child.wait().unwrap().code(), Some(75));
}
