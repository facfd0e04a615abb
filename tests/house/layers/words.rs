//! Finds phrases that the house style replaces with plainer ones, in comments and documents. Code
//! and quoted text are not checked.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{holds, root};

/// Phrases to avoid, each with its replacement.
const INSTEAD: &[(&str, &str)] = &[
    ("anew", "again"),
    ("are told", "are reported; receive"),
    ("hear of", "receive"),
    ("hears", "receives"),
    ("hears of", "receives"),
    ("is told", "is reported; receives"),
    ("lest", "so that ... not"),
    ("let go", "release"),
    ("lets go", "releases"),
    ("none is", "there is no"),
    ("said of", "reported about"),
    ("says of", "reports about"),
    ("tell of", "report"),
    ("tells of", "reports"),
    ("was told", "was reported; received"),
    ("were told", "were reported; received"),
    ("whoever", "any"),
];

/// Words that make a following "alone" acceptable, because it does not mean "only" there.
const LEFT_ALONE: &[&str] = &["leave", "leaves", "leaving", "left", "let", "stand", "stands"];

/// The directories to check, below the root.
const PLACES: &[&str] =
    &["src", "lab", "tests", "fuzz", "include", "c-tests", "cyrus-host", "scripts", "docs", ".ci"];

/// Comments or paragraphs: first line, and text.
type Texts = Vec<(usize, String)>;

#[test]
fn comments_and_documents_avoid_the_listed_phrases() {
    let mut files: Vec<PathBuf> =
        PLACES.iter().flat_map(|place| all(&root().join(place))).collect();
    files.extend(["README.md", "CHANGELOG.md", "build.rs", "Cargo.toml"].map(|it| root().join(it)));
    let (mut found, mut read) = (BTreeSet::new(), 0);
    for file in &files {
        let Ok(text) = fs::read_to_string(file) else { continue };
        let texts = match file.extension().and_then(|it| it.to_str()) {
            Some("md") => paragraphs(&text),
            Some("rs" | "c" | "h") => comments(&text, &["//!", "///", "//", "/*", "*/", "*"]),
            Some("txt" | "json" | "eml" | "svg") => continue,
            _ => comments(&text, &["#"]),
        };
        let name = file.strip_prefix(root()).expect("below the root").display();
        read += texts.len();
        for (line, text) in texts {
            found.extend(offences(&text).map(|offence| format!("{name}:{line}: {offence}")));
        }
    }
    assert!(read > 5000, "only {read} comments and paragraphs were found");
    holds("words that have better ones (see INSTEAD in tests/house/layers/words.rs)", &found);
}

#[test]
fn a_phrase_is_found_across_lines_but_not_in_quotes() {
    let text = "/// The observer is\n/// told. `anew` \"lest\"\nlet x = 1; // left alone\n";
    let texts = comments(text, &["///", "//"]);
    let found: Vec<_> = texts.iter().flat_map(|(_, text)| offences(text)).collect();
    assert_eq!(found, ["is told: is reported; receives"]);
    assert_eq!(offences(" of ours alone ").count(), 1);
    assert_eq!(offences(" those are left alone ").count(), 0);
    assert_eq!(paragraphs("one\ntwo\n\n```\nanew\n```\nthree\n").len(), 2);
}

/// Returns the phrases to avoid in a text, each with its replacement.
fn offences(text: &str) -> impl Iterator<Item = String> {
    let words = words(text);
    // These two phrases are plain English.
    let line =
        format!(" {} ", words.join(" ")).replace(" told apart ", " ").replace(" told to ", " ");
    let known = INSTEAD.iter().filter(move |(word, _)| line.contains(&format!(" {word} ")));
    let known: Vec<String> = known.map(|(word, better)| format!("{word}: {better}")).collect();
    let alone = words.iter().enumerate().any(|(at, word)| {
        let before = &words[at.saturating_sub(6)..at];
        word == "alone" && !before.iter().any(|word| LEFT_ALONE.contains(&word.as_str()))
    });
    known.into_iter().chain(alone.then(|| "alone: only".to_owned()))
}

/// Returns the words of a text in lower case, without quoted words.
fn words(text: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut within = None;
    for letter in text.chars() {
        match within {
            Some(quote) if letter == quote => within = None,
            Some(_) => {}
            None if letter == '`' || letter == '"' => within = Some(letter),
            None => plain.push(letter),
        }
    }
    let parts = plain.split(|letter: char| !letter.is_alphanumeric() && letter != '\'');
    parts.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// Returns the comments of a source. Adjacent comment lines are one comment.
fn comments(text: &str, marks: &[&str]) -> Texts {
    let mut found: Texts = Vec::new();
    let mut goes_on = false;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_start();
        let whole = marks.iter().find_map(|mark| line.strip_prefix(mark));
        let behind = || line.split_once(" // ").map(|(_, comment)| comment);
        match (whole, found.last_mut()) {
            (Some(comment), Some((_, text))) if goes_on => {
                text.push(' ');
                text.push_str(comment);
            }
            (Some(comment), _) => found.push((at + 1, comment.to_owned())),
            (None, _) => found.extend(behind().map(|comment| (at + 1, comment.to_owned()))),
        }
        goes_on = whole.is_some();
    }
    found
}

/// Returns the paragraphs of a page, without code blocks.
fn paragraphs(text: &str) -> Texts {
    let mut found: Texts = Vec::new();
    let (mut listing, mut goes_on) = (false, false);
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            listing = !listing;
        }
        let counts = !listing && !line.trim().is_empty() && !line.trim_start().starts_with("```");
        match found.last_mut() {
            Some((_, text)) if counts && goes_on => {
                text.push(' ');
                text.push_str(line);
            }
            _ if counts => found.push((at + 1, line.to_owned())),
            _ => {}
        }
        goes_on = counts;
    }
    found
}

/// Returns all files below a directory, without build output and fixtures.
fn all(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if !path.is_dir() {
            found.push(path);
        } else if !path.ends_with("target") && !path.ends_with("fixtures") {
            found.extend(all(&path));
        }
    }
    found
}
