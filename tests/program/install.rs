//! Tests that `make install` installs everything that a C program needs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cyrsync_lab::checkout;

use super::links;

const PROGRAM: &str = "#include <cyrsync.h>\n\
    int main(void) { return cyrsync_version_number() != CYRSYNC_VERSION_NUMBER; }\n";

/// Returns the commands of docs/C-API.md that build a program: with the shared library, and with the
/// static one.
fn build_commands() -> [String; 2] {
    let page = fs::read_to_string(checkout().join("docs/C-API.md")).unwrap();
    let commands = page.lines().filter_map(|line| line.strip_prefix("    cc main.c "));
    let commands: Vec<String> = commands.map(|rest| format!("cc main.c {rest}")).collect();
    commands.try_into().expect("the page has two commands")
}

/// Builds `main.c` in `dir` with a command of the documentation. Returns the path of the program.
fn build(command: &str, dir: &Path, root: &Path) -> PathBuf {
    let mut shell = Command::new("sh");
    shell.args(["-ec", command]).current_dir(dir).env("PKG_CONFIG_SYSROOT_DIR", root);
    run(shell.env("PKG_CONFIG_PATH", root.join("usr/lib/pkgconfig")));
    dir.join("a.out")
}

/// Returns whether a program needs the shared library.
fn needs_library(program: &Path) -> bool {
    let output = run(Command::new("readelf").arg("-d").arg(program));
    String::from_utf8_lossy(&output.stdout).contains("libcyrsync.so.0")
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Collects the files built for this test in one directory, as `make` expects them.
fn built(dir: &Path) -> PathBuf {
    let built = dir.join("built");
    fs::create_dir(&built).unwrap();
    let libraries = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    for library in ["libcyrsync.so", "libcyrsync.a"] {
        symlink(libraries.join(library), built.join(library)).unwrap();
    }
    symlink(env!("CARGO_BIN_EXE_sync_client"), built.join("sync_client")).unwrap();
    built
}

fn install(dir: &Path, args: &[&str]) -> PathBuf {
    let root = dir.join("root");
    let mut make = Command::new("make");
    make.arg("-C").arg(checkout()).arg("install").args(args).env_remove("MAKEFLAGS");
    make.arg(format!("DESTDIR={}", root.display()));
    run(make.arg(format!("BUILT={}", built(dir).display())));
    root
}

/// Returns the output of pkg-config, word by word, for the installation below `root`.
fn pkg_config(root: &Path, args: &[&str]) -> Vec<String> {
    let mut command = Command::new("pkg-config");
    command.args(args).arg("cyrsync").env("PKG_CONFIG_SYSROOT_DIR", root);
    let output = run(command.env("PKG_CONFIG_PATH", root.join("usr/lib/pkgconfig")));
    let words = String::from_utf8(output.stdout).unwrap();
    words.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn a_c_program_can_be_built_with_the_installed_files() {
    let dir = tempfile::tempdir().unwrap();
    let root = install(dir.path(), &["PREFIX=/usr"]);
    for file in [
        "usr/sbin/sync_client",
        "usr/include/cyrsync.h",
        "usr/lib/libcyrsync.so.0",
        "usr/lib/libcyrsync.a",
        "usr/lib/pkgconfig/cyrsync.pc",
        "usr/share/man/man8/sync_client.8",
        "usr/share/man/man5/cyrsync-imapd.conf.5",
        "usr/share/bash-completion/completions/sync_client",
        "usr/share/doc/cyrsync/docs/operating.md",
        "usr/share/doc/cyrsync/docs/guides/new-replica.md",
        "usr/share/doc/cyrsync/contrib/prometheus/cyrsync.rules.yml",
        "usr/share/doc/cyrsync/contrib/systemd/cyrsync.service",
    ] {
        assert!(root.join(file).exists(), "{file}");
    }
    fs::write(dir.path().join("main.c"), PROGRAM).unwrap();
    let version = pkg_config(&root, &["--modversion"]);
    assert_eq!(version, [env!("CARGO_PKG_VERSION")]);

    let [shared, fixed] = build_commands();
    let program = build(&shared, dir.path(), &root);
    assert!(needs_library(&program));
    run(Command::new(&program).env("LD_LIBRARY_PATH", root.join("usr/lib")));

    // Both libraries are installed, and the program must use the static one.
    let program = build(&fixed, dir.path(), &root);
    assert!(!needs_library(&program));
    run(&mut Command::new(&program));
    let words = pkg_config(&root, &["--static", "--cflags", "--libs"]);
    let sasl2 = words.iter().any(|word| word == "-lsasl2");
    assert_eq!(sasl2, cfg!(feature = "libsasl2"), "{words:?}");
}

#[test]
fn the_links_of_the_installed_pages_lead_somewhere() {
    let dir = tempfile::tempdir().unwrap();
    let root = install(dir.path(), &["PREFIX=/usr"]);
    let pages = links::pages(&root.join("usr/share/doc/cyrsync"));
    assert!(pages.len() > 30, "only {} pages are installed", pages.len());
    links::all_lead_somewhere(&pages);
}

#[test]
fn all_directories_of_make_install_can_be_changed() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["prefix=/opt/mail", "libdir=/opt/mail/lib64", "sbindir=/opt/mail/libexec"];
    let root = install(dir.path(), &args);
    let units = root.join("opt/mail/share/doc/cyrsync/contrib/systemd");
    for (unit, arguments) in [("cyrsync.service", "-R"), ("cyrsync@.service", "-R -n %i")] {
        let text = fs::read_to_string(units.join(unit)).unwrap();
        let start = format!("ExecStart=/opt/mail/libexec/sync_client {arguments}");
        assert!(text.lines().any(|line| line == start), "{unit}: {text}");
    }
    for file in ["lib64/libcyrsync.so", "libexec/sync_client", "include/cyrsync.h"] {
        assert!(root.join("opt/mail").join(file).exists(), "{file}");
    }
    let reported = fs::read_to_string(root.join("opt/mail/lib64/pkgconfig/cyrsync.pc")).unwrap();
    assert!(reported.contains("libdir=/opt/mail/lib64\n"), "{reported}");
    assert!(!reported.contains('@'), "{reported}");
}

/// Returns whether a program or library contains line numbers for debuggers.
fn has_lines(path: &Path) -> bool {
    let output = run(Command::new("readelf").arg("-SW").arg(path));
    String::from_utf8_lossy(&output.stdout).contains(".debug_line")
}

#[test]
fn install_strip_removes_line_numbers_and_install_debug_keeps_them() {
    for (target, stripped) in [("install-strip", true), ("install-debug", false)] {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        let mut make = Command::new("make");
        make.arg("-C").arg(checkout()).arg(target).arg("PREFIX=/usr").env_remove("MAKEFLAGS");
        make.arg(format!("DESTDIR={}", root.display()));
        run(make.arg(format!("BUILT={}", built(dir.path()).display())));
        for file in ["sbin/sync_client", "lib/libcyrsync.so.0"] {
            let path = root.join("usr").join(file);
            assert_eq!(has_lines(&path), !stripped, "{target} {file}");
        }
        let output = run(Command::new(root.join("usr/sbin/sync_client")).arg("--version"));
        assert!(output.stdout.starts_with(b"sync_client (cyrsync)"));
    }
}
