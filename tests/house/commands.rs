//! Checks commands and settings that scripts, workflows and pages contain.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::dependencies::PACKAGES;
use super::docs::pages;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns all files in which a command of this project can be: scripts, makefiles, workflows,
/// Debian's rules, pages.
fn files_with_commands() -> Vec<PathBuf> {
    let mut found = pages();
    for directory in ["scripts", ".ci", ".github/workflows"] {
        let entries = fs::read_dir(root().join(directory)).expect("own directory").flatten();
        found.extend(entries.map(|entry| entry.path()));
    }
    let others = ["Makefile", "c-tests/Makefile", "cyrus-host/Makefile", "debian/rules"];
    found.extend(others.map(|name| root().join(name)));
    found.push(root().join("packaging/cyrsync.spec"));
    found
}

/// Returns the words that follow `--test` in a text, without placeholders such as `NAME`.
fn test_programs(text: &str) -> BTreeSet<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let pairs = words.windows(2).filter(|pair| pair[0].trim_start_matches('`') == "--test");
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let names = pairs.map(|pair| pair[1].chars().take_while(|c| is_name(*c)).collect::<String>());
    names.filter(|name| name.chars().any(|c| c.is_ascii_lowercase())).collect()
}

/// A command with another name fails only when somebody runs it, which may be at a release.
#[test]
fn every_test_program_that_a_command_runs_exists() {
    let targets: BTreeSet<&str> = PACKAGES
        .iter()
        .flat_map(|package| package["targets"].as_array().expect("a list"))
        .filter(|target| target["kind"][0] == "test")
        .filter_map(|target| target["name"].as_str())
        .collect();
    let mut count = 0;
    let mut unknown = BTreeSet::new();
    for file in files_with_commands() {
        let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for name in test_programs(&text) {
            count += 1;
            if !targets.contains(name.as_str()) {
                unknown.insert(format!("{}: --test {name}", file.display()));
            }
        }
    }
    assert!(count > 15, "only {count} commands were found");
    assert!(unknown.is_empty(), "no such test program: {unknown:#?}");
}

/// Returns the value of the last line of a unit that sets an option.
fn option<'t>(unit: &'t str, name: &str) -> Option<&'t str> {
    let lines = unit.lines().filter_map(|line| line.trim().split_once('='));
    lines.filter(|(key, _)| *key == name).map(|(_, value)| value).next_back()
}

/// The client ends with 75 if another client works on the channel. If systemd then restarted it too
/// fast, the service would reach systemd's limit of starts and stay failed.
#[test]
fn systemd_never_gives_up_restarting_the_service() {
    let page = fs::read_to_string(root().join("docs/rolling.md")).expect("own page");
    let (_, sample) = page.split_once("\n[Service]\n").expect("the page has a unit");
    let (sample, _) = sample.split_once("```").expect("the end of the unit");
    let read = |name| fs::read_to_string(root().join("contrib/systemd").join(name)).expect(name);
    let one = read("cyrsync.service");
    for unit in [&one, &read("cyrsync@.service"), sample] {
        // A number of seconds without a unit. systemd's own values are 100 ms, 10 s and 5.
        let number = |name, default| {
            option(unit, name).map_or(default, |value| value.parse::<f64>().expect("a number"))
        };
        let time = number("RestartSec", 0.1) * number("StartLimitBurst", 5.0);
        assert!(time > number("StartLimitIntervalSec", 10.0), "{unit}");
        let others = ["Type", "ExecReload", "WatchdogSec", "Restart", "SuccessExitStatus"];
        for name in others.into_iter().chain(["RestartSec", "RestartForceExitStatus"]) {
            assert!(option(unit, name).is_some(), "{name} is missing: {unit}");
            assert_eq!(option(unit, name), option(&one, name), "{name}: {unit}");
        }
    }
}

/// Returns the lines that contain a whole section of cyrus.conf.
fn sections_in_one_line(text: &str) -> Vec<&str> {
    let sections = ["START", "SERVICES", "EVENTS", "DAEMON"];
    let is_section = |line: &&str| {
        let found = sections.iter().filter_map(|name| line.split_once(name));
        found.into_iter().any(|(_, rest)| {
            rest.trim_start().strip_prefix('{').is_some_and(|inside| inside.contains("cmd="))
        })
    };
    text.lines().filter(is_section).collect()
}

/// Cyrus ignores a section whose entries are on the line of its name, without any message.
#[test]
fn no_section_of_cyrus_conf_is_in_one_line() {
    assert_eq!(sections_in_one_line("x\nDAEMON { a cmd=\"b\" }\n").len(), 1);
    assert_eq!(sections_in_one_line("DAEMON {\n  a cmd=\"b\"\n}\n").len(), 0);
    let mut files = pages();
    files.extend(["docs/sync_client.8", "docs/cyrsync-imapd.conf.5"].map(|p| root().join(p)));
    files.extend(["debian/README.Debian", "scripts/demo"].map(|p| root().join(p)));
    let mut seen = 0;
    for file in files {
        let text = fs::read_to_string(&file).expect("own file");
        seen += text.matches("DAEMON {\n").count();
        let lines = sections_in_one_line(&text);
        assert!(lines.is_empty(), "{}: {lines:#?}", file.display());
    }
    assert!(seen > 5, "only {seen} sections were found");
}
