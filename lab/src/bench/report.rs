//! Formats results as tables for a terminal.

use std::fmt::Write as _;

use super::result::{Case, Measure, Report, Row};

/// Formats a case as a table: medians, and below each contender its ratios to the first one.
pub fn table(case: &Case) -> String {
    let mut text = format!("{}: {}\n", case.name, case.title);
    let measures = measures(case);
    if !case.rows.is_empty() {
        let heads: Vec<String> = measures.iter().map(|m| m.head().to_owned()).collect();
        line(&mut text, "", &heads);
    }
    for row in &case.rows {
        line(&mut text, &row.who, &cells(row, &measures, |measure, value| measure.show(value)));
        if !row.ratio.is_empty() {
            let ratio = Row { median: row.ratio.clone(), ..Row::default() };
            line(&mut text, "  ratio", &cells(&ratio, &measures, |_, value| format!("{value:.2}")));
        }
        for fault in &row.faults {
            let _ = writeln!(text, "  {} failed: {fault}", row.who);
        }
    }
    for note in &case.notes {
        let _ = writeln!(text, "  {note}");
    }
    text
}

/// Formats the targets of all cases.
pub fn targets(report: &Report) -> String {
    let mut text = String::new();
    for target in report.cases.iter().flat_map(|case| &case.targets) {
        if text.is_empty() {
            let _ = writeln!(text, "\n{:62} {:>10} {:>10}", "should hold", "at most", "measured");
        }
        let found = target.found.map_or_else(|| "-".to_owned(), short);
        let verdict = if target.is_met() { "" } else { "  not met" };
        let (what, most) = (&target.what, short(target.at_most));
        let what = format!("{what}: {}", target.measure.head());
        let _ = writeln!(text, "{what:62} {most:>10} {found:>10}{verdict}");
    }
    text
}

/// Formats a number in few characters.
pub fn short(value: f64) -> String {
    if value >= 1000.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// Returns the measures that at least one row has.
pub fn measures(case: &Case) -> Vec<Measure> {
    let has = |measure: &Measure| case.rows.iter().any(|row| row.median.contains_key(measure));
    Measure::ALL.into_iter().filter(has).collect()
}

fn cells(row: &Row, measures: &[Measure], show: impl Fn(Measure, f64) -> String) -> Vec<String> {
    let cell = |measure: &Measure| {
        let value = row.median.get(measure);
        value.map_or_else(String::new, |value| show(*measure, *value))
    };
    measures.iter().map(cell).collect()
}

fn line(text: &mut String, head: &str, cells: &[String]) {
    let _ = write!(text, "  {head:20}");
    for cell in cells {
        let _ = write!(text, " {cell:>13}");
    }
    let kept = text.trim_end().len();
    text.truncate(kept);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::result::tests::example;

    #[test]
    fn a_table_has_medians_ratios_and_what_went_wrong() {
        let mut case = example();
        case.rows[1].faults.push("it fell over".to_owned());
        case.notes.push("a note".to_owned());
        let wanted = "\
some: something & more
                             wall, s
  Cyrus's                      4.000
  ours                         1.000
    ratio                       0.25
  ours failed: it fell over
  a note
";
        assert_eq!(table(&case), wanted);
    }

    #[test]
    fn targets_that_are_not_met_are_marked() {
        let report = Report { machine: String::new(), cases: vec![example()] };
        let text = targets(&report);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert!(lines[0].ends_with("0.25       0.25"), "{text}");
        assert!(lines[1].ends_with("0.90       1.00  not met"), "{text}");
    }
}
