//! Tests C programs that replicate from a real master, with the shared and with the static library.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cyrsync_lab::fill::Filler;
use cyrsync_lab::{Imap, Lab, Proxy, compare, describe};

/// Returns the directory in which cargo puts the libraries that were built with this test.
fn libraries() -> PathBuf {
    let program = std::env::current_exe().expect("the test has a path");
    program.parent().expect("it lies in a directory").to_owned()
}

/// Builds C programs into a directory that the cyrus user can read.
fn build(out: &Path, programs: &[&str], args: &[&str]) {
    let programs = programs.iter().map(|program| out.join(program));
    let mut make = Command::new("make");
    make.arg("-C").arg(cyrsync_lab::checkout().join("c-tests"));
    make.args(programs).args(args);
    make.arg(format!("LIBDIR={}", libraries().display())).arg(format!("OUT={}", out.display()));
    let output = make.env_remove("MAKEFLAGS").output().expect("make is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_c_program_replicates_a_user_with_either_library() {
    let lab = Lab::default();
    let programs = lab.master.scratch();
    build(&programs, &["sync_user-shared", "sync_user-static"], &[]);
    let conf = lab.master.imapd_conf();
    for (seed, user, form) in [(1, "fred", "shared"), (2, "mary", "static")] {
        let mut filler = Filler::new(&lab.master, seed);
        filler.mailbox(&format!("user.{user}"), 20);
        filler.mailbox(&format!("user.{user}.Sent"), 10);
        drop(filler);
        let program = programs.join(format!("sync_user-{form}"));
        let mut command = lab.master.command(&program);
        let output = command.arg(&conf).arg("").arg(user).output().expect("it starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{form}: {stderr}");
        let differences = compare(&lab.master, &lab.replica);
        assert!(differences.is_empty(), "{form}:\n{}", describe(&differences, 20));
    }
}

#[test]
fn a_c_program_replicates_a_log_in_memory_and_the_log_on_disk() {
    let lab = Lab::default();
    let programs = lab.master.scratch();
    build(&programs, &["checkpoint-shared"], &[]);
    Filler::new(&lab.master, 1).mailbox("user.fred", 5);
    let mut admin = Imap::admin(&lab.master);
    admin.ok("CREATE user.mary");
    let mut command = lab.master.command(programs.join("checkpoint-shared"));
    let log = "MAILBOX user.fred\r\nSUB fred user.fred\n";
    let output = command.arg(lab.master.imapd_conf()).arg(log).output().expect("it starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    // fred is only in the program's own log in memory, because the filler logs nothing. mary is in
    // the log on disk.
    let differences = compare(&lab.master, &lab.replica);
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
}

#[test]
fn a_c_program_checks_a_configuration_and_sends_only_get() {
    let lab = Lab::default();
    let programs = lab.master.scratch();
    build(&programs, &["check_config-shared"], &[]);
    Filler::new(&lab.master, 1).mailbox("user.fred", 1);
    // The program sets the umask itself, because the library does not.
    lab.master.set_config("umask", Some("022"));
    let check = |code| {
        let mut command = lab.master.command(programs.join("check_config-shared"));
        let output = command.arg(lab.master.imapd_conf()).output().expect("it starts");
        let sent = String::from_utf8_lossy(&output.stderr).into_owned();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}{sent}");
        let program = env!("CARGO_BIN_EXE_sync_client");
        let run = cyrsync_lab::sync_client(program, &lab.master, &["--check-config"]);
        // The free space may differ a little.
        let lines = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.contains(" MiB free")).map(str::to_owned).collect()
        };
        assert_eq!(lines(&said), lines(&run.stdout), "{run}");
        assert_eq!(lines(&said).len(), 22, "{said}");
        sent
    };
    let sent = check(0);
    assert!(sent.contains("GET MAILBOXES") && !sent.contains("APPLY"), "{sent}");
    lab.master.set_config("sync_password", Some("wrong"));
    let sent = check(1);
    assert!(!sent.contains("GET"), "{sent}");
}

#[test]
fn a_c_program_gets_the_error_of_a_failed_run() {
    let mut lab = Lab::default();
    let programs = lab.master.scratch();
    build(&programs, &["sync_user-shared"], &[]);
    lab.replica.stop_server();
    let mut command = lab.master.command(programs.join("sync_user-shared"));
    let output = command.arg(lab.master.imapd_conf()).arg("").arg("fred").output();
    let output = output.expect("it starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("connect to 127.0.0.1:"), "{stderr}");
}

#[test]
fn a_c_program_sees_how_far_the_replica_is_behind() {
    let lab = Lab::default();
    let programs = lab.master.scratch();
    build(&programs, &["status-shared"], &[]);
    let status = |warn_lag: &str| {
        let mut command = lab.master.command(programs.join("status-shared"));
        let output = command.arg(lab.master.imapd_conf()).args([warn_lag, "0"]).output();
        let output = output.expect("it starts");
        (output.status.code(), String::from_utf8(output.stdout).expect("it is text"))
    };
    // No client is rolling: level 1. A logged change that waits: level 2.
    let (level, stderr) = status("0");
    assert_eq!(level, Some(1), "{stderr}");
    Imap::admin(&lab.master).ok("CREATE user.mary");
    let (level, stderr) = status("0");
    assert_eq!(level, Some(2), "{stderr}");
    assert!(stderr.contains("\"version\":1,\"channel\":null,\"server\":\"127.0.0.1\""), "{stderr}");
    let backlog = stderr.lines().find_map(|line| line.strip_prefix("backlog "));
    assert!(backlog.is_some_and(|entries| entries != "0"), "{stderr}");
}

/// Runs a C program with the master's configuration. If `under` is not empty, it is the command of
/// a program such as valgrind that runs the C program.
fn run(lab: &Lab, under: &[&str], program: &Path) {
    run_with(lab, under, program, &[]);
}

/// Like [`run`], with more arguments.
fn run_with(lab: &Lab, under: &[&str], program: &Path, args: &[String]) {
    let mut command = match under.split_first() {
        None => lab.master.command(program),
        Some((first, rest)) => {
            let mut command = lab.master.command(Path::new(first));
            command.args(rest).arg(program);
            command
        }
    };
    let output = command.arg(lab.master.imapd_conf()).args(args).output().expect("it starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {}\n{stderr}", program.display(), output.status);
}

/// The C programs whose master is in memory, in groups. Each group starts with an empty replica,
/// because some programs require it.
const RUNS: [&[&str]; 6] = [
    &["host_memory-shared", "cancel-shared"],
    &["callbacks-shared"],
    &["settings-shared"],
    &["host_fails-shared"],
    &["host_lies-shared"],
    &["host_versions-shared"],
];

const VALGRIND: &[&str] = &[
    "/usr/bin/valgrind",
    "-q",
    "--error-exitcode=99",
    "--leak-check=full",
    "--show-leak-kinds=definite,indirect",
    // Leaves out memory of threads in the standard library, which valgrind calls possibly lost.
    "--errors-for-leak-kinds=definite,indirect",
];

/// Checks that the replica has the data of the master in c-tests/memory.c.
fn assert_memory_arrived(lab: &Lab) {
    let mut imap = Imap::login(&lab.replica, "memory").with_selected("INBOX");
    assert_eq!(imap.uids(), [1, 2, 4]);
    let text = imap.ok("UID FETCH 1:* (FLAGS BODY.PEEK[])").lines().join("\n");
    for content in ["The first.", "The second.", "The third."] {
        assert!(text.contains(content), "{text}");
    }
    assert_eq!(text.matches("Important").count(), 2, "{text}");
    let text = imap.ok("GETMETADATA INBOX (/shared/comment)").lines().join("\n");
    assert!(text.contains("kept in memory"), "{text}");
    let text = imap.ok("LSUB \"\" *").lines().join("\n");
    assert!(text.contains("Sent"), "{text}");
    let text = Imap::admin(&lab.replica).ok("GETQUOTA user.memory").lines().join("\n");
    assert!(text.contains("123456"), "{text}");
    let mut imap = imap.with_selected("INBOX.Sent");
    assert_eq!(imap.uids(), [1]);
}

#[test]
fn a_master_in_the_memory_of_a_c_program_is_replicated() {
    for (compiler, form) in [("gcc", "shared"), ("clang", "static")] {
        let lab = Lab::default();
        let programs = lab.master.scratch();
        let program = format!("host_memory-{form}");
        build(&programs, &[&program], &[&format!("CC={compiler}")]);
        run(&lab, &[], &programs.join(program));
        assert_memory_arrived(&lab);
    }
}

#[test]
fn a_host_that_fails_or_lies_gives_an_error_and_loses_nothing() {
    arrives_with(&["host_fails-shared", "host_lies-shared"]);
}

#[test]
fn structures_of_earlier_and_later_headers_are_accepted() {
    arrives_with(&["host_versions-shared"]);
}

/// Runs programs that check their results themselves. Then asserts that the replica has all data of
/// the master in memory.
fn arrives_with(programs: &[&str]) {
    for program in programs {
        let lab = Lab::default();
        let scratch = lab.master.scratch();
        build(&scratch, &[program], &[]);
        run(&lab, &[], &scratch.join(program));
        assert_memory_arrived(&lab);
    }
}

/// Runs a program that repairs a master in memory. Returns what its INBOX then contains.
fn repaired(lab: &Lab, under: &[&str], program: &Path) -> Vec<String> {
    let (first, rest) = under.split_first().map_or((None, under), |(f, r)| (Some(f), r));
    let mut command = lab.master.command(first.map_or(program, |first| Path::new(*first)));
    command.args(rest);
    if first.is_some() {
        command.arg(program);
    }
    command.arg(lab.master.imapd_conf()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut stderr = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("it says that it is ready");
    assert_eq!(line, "ready\n");
    let mut imap = Imap::login(&lab.replica, "memory");
    let there = b"From: e@example.org\r\nSubject: there\r\n\r\nWritten there meanwhile.\r\n";
    assert!(imap.append("INBOX", "", there).is_ok());
    let mut imap = imap.with_selected("INBOX");
    imap.uid_store("4", "+FLAGS (\\Flagged)");
    imap.uid_store("2", "+FLAGS (\\Deleted)");
    imap.ok("EXPUNGE");
    child.stdin.take().expect("a pipe").write_all(b"go on\n").expect("it reads");
    let left: Vec<String> = stderr.lines().map(|line| line.expect("text")).collect();
    assert!(child.wait().expect("own child").success(), "{left:?}");
    left
}

#[test]
fn a_master_in_the_memory_of_a_c_program_is_repaired() {
    for (under, args) in [(&[][..], &["SANITIZE=address", "CC=gcc"][..]), (VALGRIND, &[])] {
        let lab = Lab::default();
        let programs = lab.master.scratch();
        build(&programs, &["host_repair-shared"], args);
        let left = repaired(&lab, under, &programs.join("host_repair-shared"));
        // Two messages had UID 6. Both must be there, with UIDs that neither side had used before.
        let (flagged, mut uids) = ("4 2 Subject: three", Vec::new());
        assert_eq!(left.len(), 4, "{left:?}");
        assert!(left[0] == "1 16 Subject: one" && left[1] == flagged, "{left:?}");
        for subject in ["Subject: here", "Subject: there"] {
            let line = left.iter().find(|line| line.ends_with(subject)).expect(subject);
            uids.push(line.split(' ').next().expect("a UID").parse::<u32>().expect("a number"));
        }
        assert!(uids.iter().all(|uid| *uid > 6), "{left:?}");
        let mut imap = Imap::login(&lab.replica, "memory").with_selected("INBOX");
        uids.extend([1, 4]);
        uids.sort_unstable();
        assert_eq!(imap.uids(), uids);
        let text = imap.ok("UID FETCH 1:* (FLAGS BODY.PEEK[])").lines().join("\n");
        for content in ["Written here meanwhile.", "Written there meanwhile.", "The third."] {
            assert!(text.contains(content), "{text}");
        }
        assert!(!text.contains("The second."), "{text}");
    }
}

#[test]
fn clients_in_many_threads_of_a_c_program_replicate_at_once() {
    let lab = Lab::default();
    let programs = lab.master.scratch();
    let users: Vec<String> = (0..8).map(|number| format!("thread{number}")).collect();
    for (round, (args, under)) in
        [(&["CC=gcc", "SANITIZE=address"][..], &[][..]), (&[], VALGRIND)].into_iter().enumerate()
    {
        let mut filler = Filler::new(&lab.master, round as u64);
        let folder = ["", ".Second"][round];
        users.iter().for_each(|user| filler.mailbox(&format!("user.{user}{folder}"), 10));
        drop(filler);
        let out = programs.join(format!("threads{round}"));
        build(&out, &["threads_live-shared"], args);
        let program = out.join("threads_live-shared");
        run_with(&lab, under, &program, &users);
        let differences = compare(&lab.master, &lab.replica);
        assert!(differences.is_empty(), "{}", describe(&differences, 20));
    }
}

#[test]
fn settings_of_a_c_program_take_effect() {
    for (form, args) in [("shared", &[][..]), ("static", &["whole".to_owned()])] {
        let lab = Lab::default();
        let programs = lab.master.scratch();
        let program = format!("settings-{form}");
        build(&programs, &[&program], &[]);
        run_with(&lab, &[], &programs.join(program), args);
    }
}

#[test]
fn a_c_program_is_stopped_from_a_signal_handler_and_from_another_thread() {
    let lab = Lab::default();
    let programs = lab.master.scratch();
    build(&programs, &["cancel-shared", "cancel-static"], &[]);
    for form in ["shared", "static"] {
        run(&lab, &[], &programs.join(format!("cancel-{form}")));
    }
}

#[test]
fn valgrind_finds_neither_error_nor_leak_in_an_embedded_client() {
    for programs in RUNS {
        let lab = Lab::default();
        let scratch = lab.master.scratch();
        build(&scratch, programs, &[]);
        for program in programs {
            run(&lab, VALGRIND, &scratch.join(program));
        }
        assert_memory_arrived(&lab);
    }
}

#[test]
fn address_sanitizer_finds_nothing_in_an_embedded_client() {
    for programs in RUNS {
        let lab = Lab::default();
        let scratch = lab.master.scratch();
        build(&scratch, programs, &["CC=gcc", "SANITIZE=address"]);
        for program in programs {
            run(&lab, &[], &scratch.join(program));
        }
        assert_memory_arrived(&lab);
    }
}

#[test]
fn the_example_of_the_documentation_replicates_a_user() {
    let lab = Lab::default();
    let programs = lab.master.scratch();
    // `build` also puts the library in this directory.
    build(&programs, &["sync_user-shared"], &[]);
    let root = cyrsync_lab::checkout();
    let text = std::fs::read_to_string(root.join("docs/C-API.md")).expect("own page");
    let (_, rest) = text.split_once("```c\n").expect("the page has an example");
    let (source, program) = (programs.join("example.c"), programs.join("example"));
    std::fs::write(&source, rest.split_once("```").expect("it ends").0).expect("own directory");
    let mut cc = Command::new("cc");
    cc.arg("-I").arg(root.join("include")).arg("-o").arg(&program).arg(&source);
    cc.arg(programs.join("libcyrsync.so.0")).arg("-Wl,-rpath,$ORIGIN");
    assert!(cc.status().expect("a compiler is installed").success());
    Filler::new(&lab.master, 1).mailbox("user.fred", 8);
    let mut command = lab.master.command(&program);
    let output = command.arg(lab.master.imapd_conf()).arg("fred").output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let differences = compare(&lab.master, &lab.replica);
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
}

/// Returns the steps that c-tests/plan.c prints.
fn steps(lab: &Lab, how: &str, log: &str) -> Vec<String> {
    let mut command = lab.master.command(lab.master.scratch().join("plan-shared"));
    let output = command.arg(lab.master.imapd_conf()).args([how, log]).output();
    let output = output.expect("it starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{how} {log}: {stderr}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn a_plan_lists_the_steps_of_the_run_and_changes_nothing() {
    let lab = Lab::default();
    build(&lab.master.scratch(), &["plan-shared"], &[]);
    let users = ["folder", "rename", "flags", "split"];
    let mut filler = Filler::new(&lab.master, 1);
    users.iter().for_each(|user| filler.mailbox(&format!("user.{user}"), 3));
    drop(filler);
    let mut admin = Imap::admin(&lab.master);
    admin.ok("CREATE user.rename.Old");
    for user in users {
        steps(&lab, "run", &format!("USER {user}\n"));
    }
    admin.ok("CREATE user.folder.New");
    admin.ok("RENAME user.rename.Old user.rename.New");
    Imap::login(&lab.master, "flags").with_selected("INBOX").uid_store("1:2", "+FLAGS (\\Flagged)");
    for (server, text) in [(&lab.master, "here"), (&lab.replica, "there")] {
        let message = format!("Subject: {text}\r\n\r\n{text}\r\n");
        assert!(Imap::login(server, "split").append("INBOX", "", message.as_bytes()).is_ok());
    }
    let before = describe(&compare(&lab.master, &lab.replica), 1000);
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    lab.master.use_port(proxy.port());
    let plans = users.map(|user| steps(&lab, "plan", &format!("USER {user}\n")));
    let commands = proxy.commands();
    // These commands begin and end a connection. All commands in between must be `GET`.
    let frame = ["AUTHENTICATE PLAIN", "APPLY CAPABILITIES", "EXIT"];
    let between = commands.iter().filter(|command| !frame.contains(&command.as_str()));
    assert!(between.clone().count() >= users.len(), "{commands:?}");
    assert!(between.clone().all(|command| command.starts_with("GET ")), "{commands:?}");
    assert_eq!(describe(&compare(&lab.master, &lab.replica), 1000), before);
    for (user, plan) in users.iter().zip(plans) {
        let mut done = steps(&lab, "run", &format!("USER {user}\n"));
        // Events about the connection are not steps.
        let mut known = HashSet::new();
        done.retain(|step| !step.starts_with("ENABLE ") && known.insert(step.clone()));
        assert!(plan.len() > 1, "{user}: {plan:?}");
        assert_eq!(plan, done, "{user}");
        if *user == "split" {
            assert!(done.contains(&"FULLMAILBOX user.split".to_owned()), "{done:?}");
        }
    }
    // UID 4, which two messages had, is expunged. Its records differ and are not compared.
    let mut differences = compare(&lab.master, &lab.replica);
    differences
        .retain(|one| !describe(std::slice::from_ref(one), 1).contains("user.split RECORD 4 "));
    assert!(differences.is_empty(), "{}", describe(&differences, 20));
    for server in [&lab.master, &lab.replica] {
        assert_eq!(Imap::login(server, "split").with_selected("INBOX").uids(), [1, 2, 3, 5, 6]);
    }
}

#[test]
fn c_programs_plan_users_mailboxes_metadata_and_a_channel() {
    let lab = Lab::default();
    build(&lab.master.scratch(), &["plan-shared"], &[]);
    Filler::new(&lab.master, 1).mailbox("user.fred", 2);
    let user = steps(&lab, "user", "fred");
    assert_eq!(user, steps(&lab, "plan", "USER fred\n"));
    assert_eq!(user, ["USER fred", "MAILBOX user.fred"]);
    let mailbox = steps(&lab, "mailbox", "user.fred");
    assert_eq!(mailbox, ["MAILBOXES user.fred", "MAILBOX user.fred"]);
    steps(&lab, "run", "USER fred\n");
    Imap::login(&lab.master, "fred").ok("SUBSCRIBE INBOX");
    assert_eq!(steps(&lab, "meta", "fred"), ["META fred", "SUB fred user.fred"]);
    assert_eq!(steps(&lab, "channel", ""), ["SUB fred user.fred"]);
}

#[test]
fn a_plan_in_c_gives_the_reason_for_any_mailbox_name() {
    let lab = Lab::default();
    build(&lab.master.scratch(), &["plan-shared"], &[]);
    Filler::new(&lab.master, 1).mailbox("user.fred", 1);
    let mut fred = Imap::login(&lab.master, "fred");
    let names = ["A b", "A", "Caf&AOk- au lait", "[x] - y", "a -= b : c"];
    for name in names {
        fred.ok(&format!("CREATE \"INBOX.{name}\""));
    }
    let mut command = lab.master.command(lab.master.scratch().join("plan-shared"));
    let output = command.arg(lab.master.imapd_conf()).args(["plan", "USER fred\n"]).output();
    let output = output.expect("it starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    for name in names {
        let line = format!("MAILBOX user.fred.{name}: not on the replica");
        assert!(stderr.lines().any(|stderr| stderr == line), "{line}: {stderr}");
    }
}

#[test]
fn a_c_client_works_on_after_a_repair_that_lacks_the_masters_sync_server() {
    let lab = Lab::default();
    let programs = lab.master.scratch();
    build(&programs, &["own_server-shared"], &[]);
    let mut filler = Filler::new(&lab.master, 1);
    ["fred", "zoe"].iter().for_each(|user| filler.mailbox(&format!("user.{user}"), 3));
    drop(filler);
    let missing = programs.join("no-such-server").display().to_string();
    lab.master.set_config("sync_server_path", Some(&missing));
    run_with(&lab, &[], &programs.join("own_server-shared"), &["prepare".to_owned()]);
    // fred's INBOX needs a repair; zoe has only new mail.
    Imap::login(&lab.replica, "fred")
        .with_selected("INBOX")
        .uid_store("1:*", "+FLAGS (\\Flagged Own)");
    assert!(
        Imap::login(&lab.master, "zoe").append("INBOX", "", b"Subject: x\r\n\r\nx\r\n").is_ok()
    );
    let proxy = Proxy::new(lab.replica.csync_port(), Duration::ZERO, true);
    lab.master.use_port(proxy.port());
    run_with(&lab, &[], &programs.join("own_server-shared"), &["repair".to_owned(), missing]);
    assert_eq!(proxy.traffic().connections, 1, "one client, one connection");
    let left = compare(&lab.master, &lab.replica);
    assert!(!left.is_empty() && left.iter().all(|d| d.path.starts_with("user.fred ")), "{left:?}");
}
