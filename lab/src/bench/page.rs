//! Writes the tables of docs/performance.md.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::report::{measures, short};
use super::result::{Case, Measure, Report, Row};

/// The lines that enclose the tables.
const BEGIN: &str = "<!-- Written by `bench --docs`: begin -->";
const END: &str = "<!-- Written by `bench --docs`: end -->";

/// Returns the path of a page's picture: `docs/performance.md` shows `docs/img/performance.svg`.
pub fn picture(page: &Path) -> PathBuf {
    let name = page.with_extension("svg");
    let name = name.file_name().unwrap_or_default();
    page.with_file_name("img").join(name)
}

/// Replaces the tables of a page with those of a report.
///
/// # Errors
/// If the page has no place for tables.
pub fn replace(page: &str, report: &Report) -> Result<String, String> {
    between(page, [BEGIN, END], &tables(report))
}

/// Replaces the text between two lines of a page.
///
/// # Errors
/// If the page has no such lines.
pub fn between(page: &str, [begin, end]: [&str; 2], text: &str) -> Result<String, String> {
    let cut = page.split_once(begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(end)?;
        Some((before, after))
    });
    let (before, after) = cut.ok_or_else(|| format!("the page has no lines {begin} and {end}"))?;
    Ok(format!("{before}{begin}\n\n{text}{end}{after}"))
}

fn tables(report: &Report) -> String {
    let mut text = format!("Measured on {}.\n\n", report.machine);
    text.push_str("| what should hold | of | at most | measured | |\n|---|---|---|---|---|\n");
    for target in report.cases.iter().flat_map(|case| &case.targets) {
        let found = target.found.map_or_else(|| "-".to_owned(), short);
        let verdict = if target.is_met() { "" } else { "not met" };
        let (head, most) = (target.measure.head(), short(target.at_most));
        let _ = writeln!(text, "| {} | {head} | {most} | {found} | {verdict} |", target.what);
    }
    for case in &report.cases {
        text.push_str(&table(case));
    }
    text.push('\n');
    text
}

fn table(case: &Case) -> String {
    let rounds = case.rows.iter().map(|row| row.samples.len()).max().unwrap_or(0);
    let rounds = match rounds {
        0 => String::new(),
        1 => " (one round)".to_owned(),
        number => format!(" (median of {number} rounds)"),
    };
    let mut text = format!("\n**{}**{rounds}\n\n", case.title);
    let measures = measures(case);
    if !measures.is_empty() {
        let heads: Vec<&str> = measures.iter().map(|measure| measure.head()).collect();
        let _ = writeln!(text, "| | {} |", heads.join(" | "));
        let _ = writeln!(text, "|---|{}", "---|".repeat(heads.len()));
        for row in &case.rows {
            let cells: Vec<String> = measures.iter().map(|measure| cell(row, *measure)).collect();
            let _ = writeln!(text, "| {} | {} |", row.who, cells.join(" | "));
        }
    }
    let faults = case
        .rows
        .iter()
        .flat_map(|row| row.faults.iter().map(|fault| format!("{} failed: {fault}", row.who)));
    let notes: Vec<String> = case.notes.iter().cloned().chain(faults).collect();
    if !notes.is_empty() {
        let apart = if measures.is_empty() { "" } else { "\n" };
        let _ = writeln!(text, "{apart}{}.", notes.join("; "));
    }
    text
}

/// Returns the median, and in brackets its ratio to the first row.
fn cell(row: &Row, measure: Measure) -> String {
    let Some(value) = row.median.get(&measure) else { return String::new() };
    let ratio = row.ratio.get(&measure).map(|ratio| format!(" ({ratio:.2})"));
    measure.show(*value) + &ratio.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::result::tests::example;

    #[test]
    fn the_table_of_a_page_is_replaced_and_nothing_else() {
        let report = Report { machine: "a machine".to_owned(), cases: vec![example()] };
        let page = format!("before\n{BEGIN}\nyesterday\n{END}\nafter\n");
        let page = replace(&page, &report).expect("it has the lines");
        assert!(
            page.starts_with("before\n")
                && page.ends_with("\nafter\n")
                && !page.contains("yesterday")
        );
        assert!(page.contains("| ours | 1.000 (0.25) |"), "{page}");
        assert!(page.contains("| wall itself | wall, s | 0.90 | 1.00 | not met |"), "{page}");
        assert_eq!(replace(&page, &report).as_ref(), Ok(&page));
        assert!(replace("a page without them", &report).is_err());
    }

    #[test]
    fn the_picture_is_beside_the_page() {
        assert_eq!(
            picture(Path::new("docs/performance.md")),
            Path::new("docs/img/performance.svg")
        );
    }
}
