//! `make install` installs everything that a C program needs.
#![cfg(feature = "capi")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cyrsync_lab::checkout;

const PROGRAM: &str = "#include <cyrsync.h>\n\
    int main(void) { return cyrsync_version_number() != CYRSYNC_VERSION_NUMBER; }\n";

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
fn what_is_installed_is_enough_to_build_a_c_program() {
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
        "usr/share/doc/cyrsync/operating.md",
        "usr/share/doc/cyrsync/guides/new-replica.md",
        "usr/share/doc/cyrsync/contrib/cyrsync.rules.yml",
        "usr/share/doc/cyrsync/contrib/cyrsync.service",
    ] {
        assert!(root.join(file).exists(), "{file}");
    }
    let source = dir.path().join("program.c");
    fs::write(&source, PROGRAM).unwrap();
    let version = pkg_config(&root, &["--modversion"]);
    assert_eq!(version, [env!("CARGO_PKG_VERSION")]);

    let shared = dir.path().join("shared");
    let words = pkg_config(&root, &["--cflags", "--libs"]);
    run(Command::new("cc").arg("-o").arg(&shared).arg(&source).args(&words));
    run(Command::new(&shared).env("LD_LIBRARY_PATH", root.join("usr/lib")));

    // With only the static library installed, a program still links, with that library's own
    // dependencies.
    for entry in fs::read_dir(root.join("usr/lib")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains(".so") {
            fs::remove_file(path).unwrap();
        }
    }
    let fixed = dir.path().join("static");
    let words = pkg_config(&root, &["--static", "--cflags", "--libs"]);
    let sasl2 = words.iter().any(|word| word == "-lsasl2");
    assert_eq!(sasl2, cfg!(feature = "libsasl2"), "{words:?}");
    run(Command::new("cc").arg("-o").arg(&fixed).arg(&source).args(&words));
    run(&mut Command::new(&fixed));
}

#[test]
fn everything_may_be_put_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["prefix=/opt/mail", "libdir=/opt/mail/lib64", "sbindir=/opt/mail/libexec"];
    let root = install(dir.path(), &args);
    for file in ["lib64/libcyrsync.so", "libexec/sync_client", "include/cyrsync.h"] {
        assert!(root.join("opt/mail").join(file).exists(), "{file}");
    }
    let told = fs::read_to_string(root.join("opt/mail/lib64/pkgconfig/cyrsync.pc")).unwrap();
    assert!(told.contains("libdir=/opt/mail/lib64\n"), "{told}");
    assert!(!told.contains('@'), "{told}");
}

/// Whether a program or library has line numbers for debuggers.
fn has_lines(path: &Path) -> bool {
    let output = run(Command::new("readelf").arg("-SW").arg(path));
    String::from_utf8_lossy(&output.stdout).contains(".debug_line")
}

#[test]
fn what_is_installed_is_stripped_unless_it_is_for_debugging() {
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
