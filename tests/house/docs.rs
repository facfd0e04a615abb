//! Checks that each test named in a table of the documentation exists, and that each link leads to
//! an existing page and heading.

use std::fs;
use std::path::{Path, PathBuf};

use super::links;

/// Collects the functions below `tests/`. Each gets the file name of its module, because the tables
/// name tests in this way.
fn tests(directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).expect("tests are there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            tests(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let module = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).expect("own file");
            let names = text.lines().filter_map(|line| line.strip_prefix("fn "));
            let names = names.filter_map(|rest| rest.split_once("()"));
            found.extend(names.map(|(name, _)| (module.clone(), name.to_owned())));
        }
    }
}

/// Returns the tests that a text names: words with underscores between backticks, some with a
/// module before them.
fn named(text: &str) -> Vec<(Option<String>, String)> {
    let rows = text.lines().filter(|line| line.starts_with('|'));
    let words = rows.flat_map(|row| row.split('`').skip(1).step_by(2).collect::<Vec<_>>());
    let mut named = Vec::new();
    for word in words {
        let (module, name) = match word.rsplit_once("::") {
            Some((module, name)) => (Some(module.rsplit("::").next().unwrap_or(module)), name),
            None => (None, word),
        };
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        // An option of imapd.conf can also contain underscores, but has no module before it and is
        // shorter.
        let long = module.is_some() || name.matches('_').count() >= 3;
        if long && !name.is_empty() && name.chars().all(is_name) {
            named.push((module.map(str::to_owned), name.to_owned()));
        }
    }
    named
}

#[test]
fn every_test_that_a_table_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    tests(&root.join("tests"), &mut found);
    let mut count = 0;
    for page in ["layouts", "mail-types", "verify", "versions"] {
        let text = fs::read_to_string(root.join(format!("docs/{page}.md"))).expect("own page");
        for (module, name) in named(&text) {
            let there = |(of, test): &(String, String)| {
                *test == name && module.as_ref().is_none_or(|module| module == of)
            };
            assert!(found.iter().any(there), "docs/{page}.md names {module:?} {name}");
            count += 1;
        }
    }
    assert!(count > 50, "only {count} names were found: do the tables look otherwise?");
}

/// Returns all pages of the project.
pub(super) fn pages() -> Vec<PathBuf> {
    let pages = links::pages(Path::new(env!("CARGO_MANIFEST_DIR")));
    assert!(pages.len() > 30, "only {} pages were found", pages.len());
    pages
}

#[test]
fn every_link_leads_somewhere() {
    links::all_lead_somewhere(&pages());
}
