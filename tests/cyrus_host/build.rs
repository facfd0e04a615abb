//! Builds the C programs against the headers of the installed Cyrus, or of that in a tree.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use cyrsync_lab::run::copy_program;
use cyrsync_lab::trees::{Release, Tree};
use cyrsync_lab::{Cyrus, checkout};

fn must_succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Where cargo leaves the libraries that belong to this test.
fn libraries() -> PathBuf {
    let program = std::env::current_exe().expect("the test has a path");
    program.parent().expect("it lies in a directory").to_owned()
}

/// Makes all programs in a directory, for the installed Cyrus or that of a tree.
fn make(out: &Path, compiler: &str, tree: Option<&Tree>) {
    let mut headers = Command::new(checkout().join("scripts/cyrus-headers"));
    let mut make = Command::new("make");
    make.arg("-s").arg("-C").arg(checkout().join("cyrus-host")).env_remove("MAKEFLAGS");
    make.arg(format!("LIBDIR={}", libraries().display())).arg(format!("OUT={}", out.display()));
    if let Some(tree) = tree {
        let release = tree.root().file_name().expect("a tree has a name").to_string_lossy();
        headers.arg(&*release);
        let cyrus = checkout().join(format!("target/cyrus-{release}"));
        make.arg(format!("CYRUS={}", cyrus.display()));
        make.arg(format!("TREE={}", tree.root().display()));
    }
    must_succeed(&mut headers);
    must_succeed(make.arg(format!("CC={compiler}")));
}

/// Tests run side by side, maybe in several processes; make, and what fetches the headers, do not.
fn exclusive(out: &Path) -> fs::File {
    fs::create_dir_all(out).expect("cargo's directory can be written to");
    let lock = fs::File::create(out.join("lock")).expect("a file of our own");
    lock.lock().expect("it can be locked");
    lock
}

/// Returns the path of one of the programs, built for the server's version of Cyrus, in a place
/// where the cyrus user can run it.
pub fn program(cyrus: &Cyrus, name: &str) -> PathBuf {
    static BUILT: [OnceLock<PathBuf>; 3] = [const { OnceLock::new() }; 3];
    let (once, name_of_tree) = match cyrus.release() {
        Release::Bookworm => (&BUILT[0], None),
        Release::Trixie => (&BUILT[1], Some("trixie")),
        Release::Forky => (&BUILT[2], Some("forky")),
        other => panic!("{other:?} is not among those that this is compiled for"),
    };
    let built = once.get_or_init(|| {
        let out = libraries().join("cyrus-host");
        let _lock = exclusive(&out);
        let out = name_of_tree.map_or_else(|| out.clone(), |name| out.join(name));
        make(&out, "cc", name_of_tree.map(|_| Tree::of(cyrus.release())).as_ref());
        out
    });
    let there = cyrus.scratch().join(name);
    copy_program(&built.join(name), &there);
    there
}

#[test]
fn what_is_installed_is_for_building_services_and_for_preloading() {
    let out = libraries().join("cyrus-host");
    let _lock = exclusive(&out);
    make(&out, "cc", None);
    let root = out.join("installed");
    let _ = fs::remove_dir_all(&root);
    let mut install = Command::new("make");
    install.arg("-s").arg("-C").arg(checkout().join("cyrus-host")).env_remove("MAKEFLAGS");
    install.arg(format!("LIBDIR={}", libraries().display())).arg(format!("OUT={}", out.display()));
    must_succeed(
        install.arg("PREFIX=/usr").arg(format!("DESTDIR={}", root.display())).arg("install"),
    );
    for (object, names) in
        [("cyrsync_cyrus.o", "cyrsync_"), ("sync_checkpoint.o", "__wrap_sync_checkpoint")]
    {
        let object = root.join("usr/lib/cyrsync").join(object);
        // No name can meet one of Cyrus's programs, in which these are linked.
        let output = Command::new("nm").args(["-g", "--defined-only"]).arg(&object).output();
        let output = output.expect("binutils are there");
        let defined = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut defined = defined.lines().filter_map(|line| line.split(' ').nth(2)).peekable();
        assert!(defined.peek().is_some(), "{}", object.display());
        let other: Vec<&str> = defined.filter(|name| !name.starts_with(names)).collect();
        assert_eq!(other, [""; 0], "{}", object.display());
    }
    // The header stands by itself.
    let program =
        "#include <cyrsync_cyrus.h>\nint main(void) { cyrsync_cyrus_begin(); return 0; }\n";
    let source = root.join("program.c");
    fs::write(&source, program).expect("a file of our own");
    let mut compile = Command::new("cc");
    compile.args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"]);
    compile.arg("-I").arg(root.join("usr/include")).arg("-I").arg(checkout().join("include"));
    must_succeed(compile.arg(source));
    assert!(root.join("usr/lib/cyrsync/libcyrsync_cyrus.so").exists());
}

/// What valgrind must not complain of: what Cyrus and its libraries leave behind.
pub fn suppressions() -> PathBuf {
    checkout().join("cyrus-host/tests/cyrus.supp")
}

#[test]
fn another_compiler_has_no_warnings_either() {
    let out = libraries().join("cyrus-host");
    let _lock = exclusive(&out);
    make(&out.join("clang"), "clang", None);
}
