//! Runs Cyrus's own tools for checks and dumps.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cyrus::Cyrus;
use crate::dlist::Value;

/// Runs one of Cyrus's tools. Returns its standard output followed by its standard error.
///
/// # Panics
/// If it fails.
#[track_caller]
pub fn run(cyrus: &Cyrus, tool: &str, args: &[&str]) -> String {
    let (success, text) = try_run(cyrus, tool, args);
    assert!(success, "{tool} {args:?} failed: {text}");
    text
}

/// Like [`run`], but returns whether the tool succeeded instead of panicking.
pub fn try_run(cyrus: &Cyrus, tool: &str, args: &[&str]) -> (bool, String) {
    let mut command = cyrus.program(tool);
    finish(command.args(args), tool)
}

fn finish(command: &mut Command, tool: &str) -> (bool, String) {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.output().unwrap_or_else(|e| panic!("cannot start {tool}: {e}"));
    let bytes = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns every complaint of `reconstruct -n` about the mailboxes that match a pattern (`user.*`
/// or `*`), including its log lines. It changes nothing. An empty result means that index, files
/// and headers agree.
pub fn reconstruct_complaints(cyrus: &Cyrus, pattern: &str) -> Vec<String> {
    let log = cyrus.scratch().join("reconstruct.log");
    let _ = std::fs::remove_file(&log);
    let mut command = cyrus.program("reconstruct");
    command.args(["-n", "-r", "-G", pattern]).env("CYRSYNC_LAB_SYSLOG", &log);
    let (success, printed) = finish(&mut command, "reconstruct");
    let logged = std::fs::read_to_string(&log).unwrap_or_default();
    // A mailbox without a problem is printed as its name only.
    let mailboxes = mailbox_names(cyrus);
    let known = |line: &&str| mailboxes.iter().any(|m| m == line || cyrus.admin_name(m) == **line);
    let mut complaints: Vec<String> =
        printed.lines().filter(|l| !known(l) && !l.is_empty()).map(str::to_owned).collect();
    let loud = logged.lines().filter(|l| !l.starts_with("INFO") && !l.starts_with("DEBUG"));
    complaints.extend(loud.map(str::to_owned));
    if !success {
        complaints.push("reconstruct failed".to_owned());
    }
    complaints
}

/// Returns the differences between Cyrus's stored quota usage and the spool, in the words of `quota
/// -f`. That command corrects them, so a second call finds nothing.
pub fn quota_complaints(cyrus: &Cyrus) -> Vec<String> {
    let printed = run(cyrus, "quota", &["-f"]);
    printed
        .lines()
        .filter(|l| l.contains(" usage was ") || l.ends_with(": removed"))
        .map(str::to_owned)
        .collect()
}

/// Returns the internal names of all mailboxes, including deleted ones but no tombstones.
pub fn mailbox_names(cyrus: &Cyrus) -> Vec<String> {
    let records = dump(cyrus, "mailboxes.db", &database_type(cyrus, "mboxlist_db"));
    let names = records.into_iter().filter_map(|(key, value)| {
        let name = key.strip_prefix('N')?;
        let (entry, _) = Value::parse(value.as_bytes()).ok()?;
        let deleted = entry.get("T").is_some_and(|types| types.show().contains('d'));
        (!deleted).then(|| internal_name(name))
    });
    names.collect()
}

/// Converts a name from its form in mailboxes.db to an internal name. There, a unit separator
/// replaces each dot, a dot replaces `^`, and a group separator follows a domain
/// (`mboxname_to_dbname` in `imap/mboxname.c`).
pub fn internal_name(database: &str) -> String {
    if let Some((domain, rest)) = database.split_once('\u{1d}') {
        return format!("{domain}!{}", internal_name(rest));
    }
    let change = |c| match c {
        '.' => '^',
        '\u{1f}' => '.',
        other => other,
    };
    database.chars().map(change).collect()
}

/// Returns the type of the databases that an option of imapd.conf configures.
///
/// # Panics
/// If replication does not read these databases.
pub fn database_type(cyrus: &Cyrus, option: &str) -> String {
    let default = match option {
        "mboxlist_db" | "annotation_db" | "seenstate_db" => "twoskip",
        "subscription_db" => "flat",
        "quota_db" => "quotalegacy",
        "conversations_db" => "skiplist",
        other => panic!("{other} is no database of a user or mailbox"),
    };
    let text = std::fs::read_to_string(cyrus.imapd_conf()).expect("imapd.conf was written");
    let mut words = text.lines().rev().filter_map(|line| line.split_once(": "));
    words.find(|(name, _)| *name == option).map_or(default, |(_, word)| word).to_owned()
}

/// Converts the databases that an option configures to another type, and sets the option.
///
/// # Panics
/// If the server is running, or has no such database.
pub fn convert_databases(cyrus: &Cyrus, option: &str, to: &str) {
    assert!(!cyrus.is_running(), "{} runs", cyrus.name());
    let from = database_type(cyrus, option);
    let mut paths = Vec::new();
    let conf = cyrus.config_dir();
    match option {
        "mboxlist_db" => paths.push(conf.join("mailboxes.db")),
        "quota_db" => paths.push(conf.join("quotas.db")),
        "annotation_db" => {
            paths.push(conf.join("annotations.db"));
            find_files(&cyrus.partition_dir("default"), "cyrus.annotations", &mut paths);
        }
        "seenstate_db" => find_files(&conf.join("user"), "seen.db", &mut paths),
        "subscription_db" => find_files(&conf.join("user"), "sub.db", &mut paths),
        _ => find_files(&conf.join("user"), "conversations.db", &mut paths),
    }
    assert!(!paths.is_empty(), "there are no databases of {option}");
    for path in paths {
        let old = path.display().to_string();
        let new = format!("{old}.converted");
        run(cyrus, "cvt_cyrusdb", &[&old, &from, &new, to]);
        std::fs::rename(&new, &path).expect("the directory can be written to");
    }
    if from == "quotalegacy" {
        std::fs::remove_dir_all(conf.join("quota")).expect("there were quotas");
    }
    cyrus.set_config(option, Some(to));
}

fn find_files(dir: &Path, name: &str, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            find_files(&entry.path(), name, out);
        } else if entry.file_name() == name {
            out.push(entry.path());
        }
    }
}

/// Returns the keys and values of a database below `configdirectory`, as `cyr_dbtool show` prints
/// them. A database that does not exist gives no records.
pub fn dump(cyrus: &Cyrus, file: &str, format: &str) -> Vec<(String, String)> {
    let path = cyrus.config_dir().join(file);
    if !path.exists() {
        return Vec::new();
    }
    let path = path.display().to_string();
    let mut command = cyrus.program("cyr_dbtool");
    command.args(["-n", &path, format, "show"]);
    let (success, printed) = finish(&mut command, "cyr_dbtool");
    assert!(success, "cyr_dbtool {path}: {printed}");
    let lines = printed.lines().filter_map(|l| l.split_once('\t'));
    lines.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

/// Changes the entry of a mailbox in mailboxes.db, by name and by uniqueid. `change` gets the text
/// that `cyr_dbtool` shows. The server must not run.
///
/// # Panics
/// If there is no such mailbox.
#[track_caller]
pub fn set_entry(cyrus: &Cyrus, internal: &str, change: impl Fn(&str) -> String) {
    let records = dump(cyrus, "mailboxes.db", "twoskip");
    let id = records.iter().find_map(|(key, value)| {
        let found = internal_name(key.strip_prefix('N')?) == internal;
        let (entry, _) = Value::parse(value.as_bytes()).ok().filter(|_| found)?;
        Some(entry.str("I"))
    });
    let id = id.unwrap_or_else(|| panic!("{} has no {internal}", cyrus.name()));
    for (key, value) in &records {
        let by_name = key.strip_prefix('N').is_some_and(|name| internal_name(name) == internal);
        if by_name || key.strip_prefix('I') == Some(&id) {
            set_record(cyrus, "mailboxes.db", key, &change(value));
        }
    }
}

/// Sets one record of a twoskip database below `configdirectory`.
///
/// # Panics
/// If the tool fails.
#[track_caller]
pub fn set_record(cyrus: &Cyrus, file: &str, key: &str, value: &str) {
    let path = cyrus.config_dir().join(file).display().to_string();
    run(cyrus, "cyr_dbtool", &[&path, "twoskip", "set", key, value]);
}
