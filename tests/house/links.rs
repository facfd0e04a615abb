//! Checks the links of pages, in the sources and in the installed documentation.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns all pages below a directory, without cargo's output and other packages' sources.
pub fn pages(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("own directory").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let is_ours = name != "target" && name != "vendor";
        if is_ours && path.is_dir() && !path.is_symlink() {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|kind| kind == "md") {
            found.push(path);
        }
    }
    found
}

/// Returns the anchor that a heading gets when the page is displayed.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let is_kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    kept.chars().filter(is_kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Fails if a link of one of these pages does not lead to an existing file and heading.
pub fn all_lead_somewhere(pages: &[PathBuf]) {
    let mut broken = Vec::new();
    let mut count = 0;
    for page in pages {
        let text = fs::read_to_string(page).expect("own page");
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        for (link, _) in links {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            if link.contains("://") || link.contains(char::is_whitespace) {
                continue;
            }
            count += 1;
            let target =
                if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let linked = fs::read_to_string(&target).unwrap_or_default();
            let has_heading = heading.is_empty()
                || linked.lines().any(|line| line.starts_with('#') && anchor(line) == heading);
            if !target.exists() || !has_heading {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(count > 100, "only {count} links were found");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
