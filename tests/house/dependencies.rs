//! Checks the program's dependencies with `cargo metadata`. Compares licences, sources and
//! duplicate versions of crates with deny.toml, and checks the lowest supported version of Rust.
//! `cargo deny check`, if installed, checks the same, and also advisories.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

use super::layers::rust_files;

pub(super) static PACKAGES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--format-version", "1", "--all-features"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let meta: Value = serde_json::from_slice(&output.stdout).unwrap();
    // Use only the packages that a build for this system needs.
    let nodes = meta["resolve"]["nodes"].as_array().unwrap();
    let needed: BTreeSet<&str> = nodes.iter().map(|node| node["id"].as_str().unwrap()).collect();
    let all = meta["packages"].as_array().unwrap().iter();
    all.filter(|package| needed.contains(package["id"].as_str().unwrap())).cloned().collect()
});

fn text<'v>(package: &'v Value, key: &str) -> &'v str {
    package[key].as_str().unwrap_or_default()
}

/// Returns the first quoted word on each line of a list in deny.toml.
fn listed(key: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml");
    let all = fs::read_to_string(path).unwrap();
    let start = all.find(&format!("\n{key} = [")).unwrap_or_else(|| panic!("no {key}"));
    let rest = &all[start + 1..];
    let list = rest.lines().take_while(|line| !line.starts_with(']'));
    let words = list.filter_map(|line| line.split('"').nth(1).map(str::to_owned));
    words.collect()
}

/// Returns whether an SPDX expression is satisfied if only these licences are accepted. `/` is an
/// old form of `OR`.
fn allowed(expression: &str, taken: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ");
    // This supports no OR beside a pair of parentheses. No crate has such an expression.
    let and = |part: &str| {
        let inner = part.trim();
        match (inner.strip_prefix('('), inner.rsplit_once(')')) {
            (Some(_), Some((either, rest))) => {
                let either = either.trim_start_matches('(');
                let rest = rest.trim().trim_start_matches("AND").trim();
                either.split(" OR ").any(|one| taken.contains(one.trim()))
                    && (rest.is_empty() || taken.contains(rest))
            }
            _ => inner.split(" AND ").all(|one| taken.contains(one.trim())),
        }
    };
    if expression.contains('(') { and(&expression) } else { expression.split(" OR ").any(and) }
}

#[test]
fn every_licence_is_allowed() {
    let taken = listed("allow");
    assert!(taken.contains("MIT") && taken.contains("Apache-2.0"), "{taken:?}");
    assert!(allowed("(MIT OR Apache-2.0) AND Unicode-3.0", &taken));
    assert!(!allowed("(MIT OR Apache-2.0) AND GPL-3.0-only", &taken));
    assert!(!allowed("GPL-3.0-only", &taken) && allowed("GPL-3.0-only OR MIT", &taken));
    let refused: Vec<String> = PACKAGES
        .iter()
        .filter(|package| !allowed(text(package, "license"), &taken))
        .map(|package| format!("{} {}", text(package, "name"), text(package, "license")))
        .collect();
    // deny.toml has an exception for cbindgen, because it only writes the header. No installed file
    // contains its code.
    assert_eq!(refused, ["cbindgen MPL-2.0"]);
}

#[test]
fn crates_come_from_crates_io() {
    for package in PACKAGES.iter() {
        let source = &package["source"];
        let name = text(package, "name");
        let is_ours = source.is_null() && (name.starts_with("cyrsync") || name == "sync_client");
        let from = source.as_str().unwrap_or_default();
        let is_theirs = from == "registry+https://github.com/rust-lang/crates.io-index";
        assert!(is_ours || is_theirs, "{name} comes from {source}");
    }
}

#[test]
fn only_crates_with_an_exception_have_two_versions() {
    let mut versions = BTreeMap::<&str, Vec<&str>>::new();
    for package in PACKAGES.iter() {
        versions.entry(text(package, "name")).or_default().push(text(package, "version"));
    }
    let excused = listed("skip");
    let mut twice = BTreeSet::new();
    for (name, found) in versions {
        let is_excused = |version: &&str| {
            excused.iter().any(|word| {
                let (of, prefix) = word.split_once('@').expect("crate@version");
                of == name && format!("{version}.").starts_with(&format!("{prefix}."))
            })
        };
        let left: Vec<_> = found.iter().filter(|version| !is_excused(version)).collect();
        assert!(left.len() <= 1, "{name} has the versions {left:?}: see deny.toml");
        twice.extend(found.iter().filter(|version| is_excused(version)).map(|_| name));
    }
    let named: BTreeSet<&str> =
        excused.iter().map(|word| word.split('@').next().unwrap()).collect();
    assert_eq!(twice, named, "deny.toml excuses what is not there");
}

/// Checks that the version of Rust in Cargo.toml is new enough for all dependencies.
#[test]
fn the_required_rust_version_is_enough_for_all_dependencies() {
    let number = |version: &str| -> (u32, u32) {
        let mut parts = version.split('.').map(|part| part.parse().unwrap());
        (parts.next().unwrap(), parts.next().unwrap_or(0))
    };
    let ours = number(env!("CARGO_PKG_RUST_VERSION"));
    let needs = |package: &&Value| package["rust_version"].as_str().map(number);
    let others = PACKAGES.iter().filter(|package| !package["source"].is_null());
    let highest = others.max_by_key(needs).unwrap();
    assert!(Some(ours) >= needs(&highest), "{} needs a later one", text(highest, "name"));
}

/// Checks that the published list of crates contains exactly the crates that are linked.
#[test]
fn the_list_of_contents_has_exactly_the_linked_crates() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output =
        Command::new(root.join("scripts/sbom")).env("CARGO", env!("CARGO")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(list["bomFormat"], "CycloneDX");
    assert_eq!(list["metadata"]["component"]["name"], "cyrsync");
    let components = list["components"].as_array().unwrap();
    let names: BTreeSet<&str> = components.iter().map(|one| text(one, "name")).collect();
    for linked in ["rustls", "ring", "zlib-rs", "libc", "sha1"] {
        assert!(names.contains(linked), "{linked} is missing");
    }
    for other in ["cbindgen", "jsonschema", "syn", "windows-sys", "cyrsync-lab"] {
        assert!(!names.contains(other), "{other} is not linked");
    }
    for component in components {
        assert_eq!(text(&component["hashes"][0], "content").len(), 64, "{component}");
        assert_ne!(text(&component["licenses"][0], "expression"), "", "{component}");
    }
}

/// Programs of Debian's essential packages and of git, which a minimal machine has.
const ESSENTIAL: &[&str] = &[
    "bash",
    "chown",
    "cp",
    "date",
    "dpkg-deb",
    "dpkg-query",
    "find",
    "git",
    "install",
    "mkfifo",
    "mount",
    "sh",
    "sync",
    "umount",
    "unshare",
];
/// Programs that `scripts/setup` installs, each with its package.
const INSTALLED: &[(&str, &str)] = &[
    ("cc", "build-essential"),
    ("clang", "clang"),
    ("ip", "iproute2"),
    ("make", "build-essential"),
    ("nm", "build-essential"),
    ("openssl", "openssl"),
    ("pkg-config", "pkg-config"),
    ("prometheus", "prometheus"),
    ("python3", "python3"),
    ("readelf", "build-essential"),
    ("strace", "strace"),
];

/// A test that starts another program would fail on a machine that has only what README requires,
/// although it passes on most others.
#[test]
fn tests_start_only_programs_that_a_minimal_machine_has_or_gets() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let setup = fs::read_to_string(root.join("scripts/setup")).expect("own file");
    for (program, package) in INSTALLED {
        let installs = setup.split_whitespace().any(|word| word.trim_matches('"') == *package);
        assert!(installs, "scripts/setup does not install {package}, which has {program}");
    }
    let directories = ["tests", "lab/src", "src", "sync_client/src"];
    let mut unknown = BTreeSet::new();
    for file in directories.iter().flat_map(|directory| rust_files(&root.join(directory))) {
        let text = fs::read_to_string(&file).expect("own file");
        for rest in text.split(concat!("Command::new", "(\"")).skip(1) {
            let program = rest.split('"').next().unwrap_or_default();
            let is_known = program.contains('/')
                || ESSENTIAL.contains(&program)
                || INSTALLED.iter().any(|(known, _)| *known == program);
            if !is_known {
                unknown.insert(format!("{}: {program}", file.display()));
            }
        }
    }
    assert!(unknown.is_empty(), "programs that a minimal machine lacks: {unknown:#?}");
}
