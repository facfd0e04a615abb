//! Shows replication at work: `scripts/demo`.
//!
//! Starts a throwaway Cyrus master with sample mail and an empty replica, runs our sync_client,
//! shows what arrived, compares both servers field by field, and runs it once more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cyrsync_lab::fill::Filler;
use cyrsync_lab::run::{Run, start_cyrus_sync_client, start_sync_client};
use cyrsync_lab::{
    Cyrus, Imap, Lab, Lmtp, Options, Proxy, Sieve, SyncServer, Value, compare, describe, tools,
};

const USAGE: &str = "\
usage: demo [PATH | --cyrus]
  PATH     our sync_client (default: beside this program)
  --cyrus  use Cyrus's own sync_client instead, to compare
";

fn main() {
    // Report a failed check in one line, without a panic message.
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let words = payload.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| payload.downcast_ref::<&str>().copied());
        eprintln!("\nVERDICT: FAILED: {}", words.unwrap_or("unknown reason"));
    }));
    let client = match std::env::args().nth(1).as_deref() {
        Some("--cyrus") => None,
        Some("-h" | "--help") => {
            print!("{USAGE}");
            return;
        }
        Some(path) => Some(PathBuf::from(path)),
        None => std::env::current_exe().ok().map(|own| own.with_file_name("sync_client")),
    };
    demonstrate(client.as_deref());
}

fn demonstrate(client: Option<&Path>) {
    let started = Instant::now();
    let lab = Lab::new(Options::modern());
    let (master, replica) = (&lab.master, &lab.replica);
    heading("A Cyrus master and an empty replica");
    println!("  both ready after {:.1?}, below {}", started.elapsed(), lab.dir().display());
    sample_mail(master);
    show(master);

    heading("First run: sync_client -A -v");
    let proxy = Proxy::new(replica.csync_port(), Duration::ZERO, true);
    master.use_port(proxy.port());
    run(client, master);

    heading("What the replica holds now");
    show(replica);
    verify(master, replica);
    for server in [master, replica] {
        let complaints = tools::reconstruct_complaints(server, "*");
        assert!(complaints.is_empty(), "reconstruct complains: {complaints:?}");
    }
    println!("  Cyrus's own reconstruct -n finds nothing wrong on either side");

    heading("Second run: nothing has changed");
    proxy.reset();
    run(client, master);
    let changes = applied(&proxy);
    assert!(changes.is_empty(), "the second run sent changes: {changes:?}");
    println!("  {} commands, none of which changes anything", proxy.commands().len());

    heading("Third run: a message, a flag, a rename and a delete later");
    change_something(master);
    proxy.reset();
    run(client, master);
    println!("  sent: {}", summary(&applied(&proxy)));
    verify(master, replica);

    println!("\nVERDICT: OK: the replica equals its master, and nothing is sent twice");
}

fn heading(text: &str) {
    println!("\n== {text}");
}

fn sample_mail(master: &Cyrus) {
    let mut admin = Imap::admin(master);
    let mut filler = Filler::new(master, 42);
    for (mailbox, messages) in [
        ("user.anna", 40),
        ("user.anna.Sent", 25),
        ("user.anna.Projects.Cyrus", 15),
        ("user.fred", 60),
        ("user.fred.Archive", 30),
        ("user.fred.Entw&APw-rfe", 3),
        ("user.jo^hn", 10),
        ("lists", 20),
    ] {
        filler.mailbox(mailbox, messages);
    }
    drop(filler);
    admin.ok("SETQUOTA user/anna (STORAGE 100000 MESSAGE 5000)");
    admin.ok("SETQUOTA user/fred (STORAGE 50000 MESSAGE 3000)");
    admin.ok("SETACL lists fred lrswit");

    let mut anna = Imap::login(master, "anna");
    for folder in ["INBOX", "Sent", "Projects/Cyrus"] {
        anna.ok(&format!("SUBSCRIBE {folder}"));
    }
    anna.ok("SETACL Projects/Cyrus fred lrs");
    let mut anna = anna.with_selected("INBOX");
    anna.uid_store("1:5", "+FLAGS (\\Flagged $Important)");
    anna.uid_store("6:9", "+FLAGS (\\Deleted)");
    anna.ok("EXPUNGE");
    anna.annotate_messages("1", "/comment", true, Some(b"answer this week"));
    anna.ok("UNSELECT");
    anna.set_metadata("Sent", "/private/specialuse", Some(b"\\Sent"));

    let mut fred = Imap::login(master, "fred").with_selected("Other Users/anna/Projects/Cyrus");
    fred.uid_store("1:7", "+FLAGS (\\Seen)");
    fred.ok("UNSELECT");
    let mut sieve = Sieve::login(master, "fred");
    sieve.put("main", "require \"fileinto\";\r\nif header :contains \"subject\" \"list\" { fileinto \"INBOX\"; }\r\n");
    sieve.activate("main");
    let delivered = Lmtp::connect(master).deliver("fred", b"Subject: Hello\r\n\r\nBy LMTP\r\n");
    assert!(delivered.is_ok(), "LMTP: {delivered:?}");
}

fn change_something(master: &Cyrus) {
    let mut anna = Imap::login(master, "anna");
    anna.append("INBOX", "\\Seen", b"Subject: One more\r\n\r\nNew\r\n");
    anna.ok("RENAME Projects/Cyrus Projects/cyrsync");
    let mut fred = Imap::login(master, "fred").with_selected("Archive");
    fred.ok("DELETE Entw&APw-rfe");
    fred.uid_store("3", "+FLAGS (\\Answered)");
}

/// Runs the client and prints its output.
fn run(client: Option<&Path>, master: &Cyrus) {
    let started = Instant::now();
    let run: Run = match client {
        Some(path) => start_sync_client(path, master, &["-A", "-v"]),
        None => start_cyrus_sync_client(master, &["-A", "-v"]),
    }
    .wait();
    for line in run.stdout.lines().chain(run.stderr.lines()) {
        println!("  | {line}");
    }
    assert!(run.status.success(), "sync_client ended with {}\n{}", run.status, run.log);
    println!("  {} after {:.2?}", run.status, started.elapsed());
}

/// Returns the commands that change the replica.
fn applied(proxy: &Proxy) -> Vec<String> {
    let commands = proxy.commands().into_iter();
    commands.filter(|c| c.starts_with("APPLY ") && c != "APPLY CAPABILITIES").collect()
}

fn summary(commands: &[String]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for command in commands {
        *counts.entry(command).or_default() += 1;
    }
    let parts: Vec<String> = counts.iter().map(|(c, n)| format!("{n} {c}")).collect();
    parts.join(", ")
}

/// Prints a line for each mailbox, then the data of the users.
fn show(server: &Cyrus) {
    let mut session = SyncServer::spawn(server);
    let mut names = tools::mailbox_names(server);
    names.sort();
    println!("  {:42} {:>8} {:>5} {:>8}", "mailbox", "messages", "seen", "flagged");
    let mut users: Vec<String> = Vec::new();
    for name in &names {
        let Some((_, mailbox)) =
            session.get("FULLMAILBOX", &Value::text(name)).ok().into_iter().next()
        else {
            continue;
        };
        let records = mailbox.get("RECORD").map(Value::items).unwrap_or_default();
        let flags: Vec<String> =
            records.iter().filter_map(|r| r.get("FLAGS")).map(Value::show).collect();
        let live: Vec<&String> = flags.iter().filter(|f| !f.contains("Expunged")).collect();
        let with = |flag: &str| live.iter().filter(|f| f.contains(flag)).count();
        println!("  {name:42} {:>8} {:>5} {:>8}", live.len(), with("Seen"), with("Flagged"));
        if let Some(user) = name.strip_prefix("user.").and_then(|n| n.split('.').next()) {
            users.push(user.replace('^', "."));
        }
    }
    users.dedup();
    for user in users {
        let mut things = Vec::new();
        for (kind, value) in session.get("META", &Value::text(&user)).ok() {
            match kind.as_str() {
                "LSUB" => things.push(format!("{} subscriptions", value.items().len())),
                "SIEVE" => {
                    let file = value.str("FILENAME");
                    things.push(match file.strip_suffix(".bc") {
                        Some(active) => format!("active sieve script {active}"),
                        None => format!("sieve script {}", file.trim_end_matches(".script")),
                    });
                }
                "SEEN" => things.push(format!("has seen {} elsewhere", value.str("SEENUIDS"))),
                _ => {}
            }
        }
        let root = format!("user.{}", user.replace('.', "^"));
        for (_, quota) in session.get("QUOTA", &Value::text(root)).ok() {
            if quota.get("STORAGE").is_some() {
                things.push(format!("quota {} KiB", quota.str("STORAGE")));
            }
        }
        println!("  {user}: {}", if things.is_empty() { "-".into() } else { things.join(", ") });
    }
}

fn verify(master: &Cyrus, replica: &Cyrus) {
    let differences = compare(master, replica);
    assert!(differences.is_empty(), "the replica differs: {}", describe(&differences, 20));
    println!("  compared with the master field by field and file by file: no difference");
}
