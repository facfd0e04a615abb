//! Tests the Debian packages. The tests in this file need no built package. `make packages` builds
//! the packages and runs [`installed`] in trees of Debian 12 and 13.

mod installed;
mod tree;

use std::fs;
use std::path::Path;
use std::process::Command;

fn root() -> &'static Path {
    cyrsync_lab::checkout()
}

#[test]
fn the_packages_have_the_version_of_the_program() {
    let changelog = fs::read_to_string(root().join("debian/changelog")).unwrap();
    let head = changelog.lines().next().unwrap();
    let version = concat!("cyrsync (", env!("CARGO_PKG_VERSION"), "-");
    assert!(head.starts_with(version), "debian/changelog begins with {head}");
    let spec = fs::read_to_string(root().join("packaging/cyrsync.spec")).unwrap();
    let version = format!("Version: {}", env!("CARGO_PKG_VERSION"));
    assert!(spec.lines().any(|line| line.split_whitespace().eq(version.split_whitespace())));
}

#[test]
fn the_packages_require_the_needed_rust_version() {
    let needed = format!("(>= {}) <!pkg.cyrsync.rustup>", env!("CARGO_PKG_RUST_VERSION"));
    let control = fs::read_to_string(root().join("debian/control")).unwrap();
    for tool in ["cargo", "rustc"] {
        assert!(control.contains(&format!(" {tool} {needed}")), "{tool} {needed}");
    }
    let workflow = fs::read_to_string(root().join(".github/workflows/ci.yml")).unwrap();
    let checks = concat!("cargo +", env!("CARGO_PKG_RUST_VERSION"), " check ");
    assert!(workflow.contains(checks), "{checks} is in no workflow");
}

#[test]
fn the_maintainer_scripts_are_sound() {
    for script in ["cyrsync.preinst", "cyrsync.postinst", "cyrsync.prerm", "cyrsync.postrm"] {
        let checked = Command::new("sh").arg("-n").arg(root().join("debian").join(script)).status();
        assert!(checked.unwrap().success(), "{script}");
    }
}

/// Checks that bash completes exactly the options that the program lists.
#[test]
fn bash_completes_the_options_of_the_program() {
    let program = env!("CARGO_BIN_EXE_sync_client");
    let complete = |word: &str| {
        let script = format!(
            "source {}/contrib/completion/sync_client\n\
             COMP_WORDS=({program} {word}) COMP_CWORD=1\n_sync_client\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            root().display()
        );
        let output = Command::new("bash").args(["--norc", "-c", &script]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut words: Vec<_> = text.lines().map(str::to_owned).collect();
        words.sort();
        words
    };
    assert_eq!(complete("--ver"), ["--verbose", "--verbose-logging", "--verify", "--version"]);
    assert_eq!(complete("--forget"), ["--forget-tls"]);
    let all = complete("-");
    for option in ["-u", "-A", "-r", "--userids", "--status"] {
        assert!(all.iter().any(|word| word == option), "{option} is not among {all:?}");
    }
}
