//! Runs the benchmark at a tiny size on real servers. Each case must measure both clients; the
//! measured values do not matter.

use std::fs;
use std::path::Path;

use cyrsync_lab::bench::{Case, Measure, Report, parse, run};

/// Runs the benchmark with these options and our client.
fn bench(options: &str) -> Report {
    let client = ["--client", env!("CARGO_BIN_EXE_sync_client"), "--rounds", "1"];
    let args = client.into_iter().chain(options.split_whitespace()).map(str::to_owned);
    run(parse(&args.collect::<Vec<_>>()).expect("good options")).expect("files can be written")
}

/// Checks that each contender was measured without an error. Returns their names.
fn contenders(case: &Case) -> Vec<&str> {
    let each = case.rows.iter().map(|row| {
        assert!(row.faults.is_empty(), "{} of {}: {:?}", row.who, case.name, row.faults);
        assert!(row.median[&Measure::Wall] > 0.0, "{} of {}", row.who, case.name);
        row.who.as_str()
    });
    each.collect()
}

fn named<'a>(report: &'a Report, name: &str) -> &'a Case {
    let found = report.cases.iter().find(|case| case.name == name);
    found.unwrap_or_else(|| panic!("there is no result {name}"))
}

#[test]
fn cases_with_both_clients_measure_both_and_are_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    let [json, svg] = ["result.json", "ratios.svg"].map(|name| directory.path().join(name));
    let page = directory.path().join("performance.md");
    let own = cyrsync_lab::checkout().join("docs/performance.md");
    fs::copy(own, &page).expect("own page");
    let report = bench(&format!(
        "first-sync unchanged day --users 2 --folders 2 --messages 3 --unchanged 2 --day 10 \
         --json {} --svg {} --docs {}",
        json.display(),
        svg.display(),
        page.display()
    ));
    for name in ["first-sync", "unchanged", "day"] {
        let case = named(&report, name);
        assert_eq!(contenders(case)[..2], ["Cyrus's", "ours"], "{name}");
        let ours = &case.rows[1];
        for measure in [Measure::Peak, Measure::Sent, Measure::Received, Measure::Turns] {
            assert!(
                ours.median[&measure] > 0.0 && ours.ratio[&measure] > 0.0,
                "{name} {measure:?}"
            );
        }
    }
    // The client must have read the twelve messages, which have at least 600 bytes each.
    let first = &named(&report, "first-sync").rows[1].samples[0];
    assert!(first[&Measure::Read] > 0.0072, "{first:?}");
    let written = |path: &Path| fs::read_to_string(path).expect("it was written");
    assert!(written(&json).contains("\"client_cpu\""));
    assert!(written(&svg).contains("first sync: 12 messages"));
    assert!(written(&page).contains("**first sync: 12 messages"));
    assert!(directory.path().join("img/performance.svg").exists());
}

#[test]
fn a_line_has_a_rate_a_recording_is_applied_and_a_cold_spool_is_read() {
    let report =
        bench("cold line-10m limit --users 4 --folders 1 --messages 2 --line-size 1 --no-calls");
    let line = named(&report, "line-10m");
    assert_eq!(contenders(line)[..3], ["Cyrus's", "ours, level 0", "ours, level 6"]);
    let plain = &line.rows[1].median;
    // The rate is 1.25 MB a second, except for the burst that may be sent at once at the beginning.
    let least = plain[&Measure::Sent] / 1.25 - 0.05;
    assert!(plain[&Measure::Wall] > least, "{plain:?}");
    assert_eq!(contenders(named(&report, "cold")), ["Cyrus's", "ours"]);
    let limit = named(&report, "limit-1");
    assert_eq!(contenders(limit)[0], "played from files");
}

#[test]
fn a_comparison_is_measured_beside_runs_without_changes() {
    let report = bench("verify --unchanged 2 --folders 2 --big 50 --no-calls");
    for name in ["verify", "verify-big"] {
        let case = named(&report, name);
        assert_eq!(contenders(case), ["Cyrus's", "ours", "ours, --verify"], "{name}");
        // With --verify the replica sends all its records.
        let received = |row: usize| case.rows[row].median[&Measure::Received];
        assert!(received(2) > received(1), "{name}");
    }
}
