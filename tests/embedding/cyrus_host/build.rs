//! Builds the C programs against the headers of the installed Cyrus, or of the Cyrus in a tree.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use cyrsync_lab::run::{copy_program, start};
use cyrsync_lab::trees::{Release, Tree};
use cyrsync_lab::{Cyrus, Lab, checkout};

fn must_succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Returns the directory in which cargo puts the libraries that were built with this test.
fn libraries() -> PathBuf {
    let program = std::env::current_exe().expect("the test has a path");
    program.parent().expect("it lies in a directory").to_owned()
}

/// Builds all programs in a directory, for the installed Cyrus or the Cyrus in a tree.
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

/// Locks a directory. Tests run in parallel, maybe in several processes, but only one of them may
/// run make or fetch headers at a time.
fn exclusive(out: &Path) -> fs::File {
    fs::create_dir_all(out).expect("cargo's directory can be written to");
    let lock = fs::File::create(out.join("lock")).expect("a file of our own");
    lock.lock().expect("it can be locked");
    lock
}

/// Builds the programs for the server's version of Cyrus. Returns the path of a copy of one of them
/// that the cyrus user can run.
pub fn program(cyrus: &Cyrus, name: &str) -> PathBuf {
    static BUILT: [OnceLock<PathBuf>; 3] = [const { OnceLock::new() }; 3];
    let (once, name_of_tree) = match cyrus.release() {
        installed if installed == Release::installed() => (&BUILT[0], None),
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
fn make_install_installs_objects_header_and_library() {
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
        // All global names must have our prefix, so that they do not collide with names in the
        // Cyrus program into which the object is linked.
        let output = Command::new("nm").args(["-g", "--defined-only"]).arg(&object).output();
        let output = output.expect("binutils are there");
        let defined = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut defined = defined.lines().filter_map(|line| line.split(' ').nth(2)).peekable();
        assert!(defined.peek().is_some(), "{}", object.display());
        let other: Vec<&str> = defined.filter(|name| !name.starts_with(names)).collect();
        assert_eq!(other, [""; 0], "{}", object.display());
    }
    // The header must compile without other includes.
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

/// Makes a directory of headers like that of `scripts/cyrus-headers`, from links to the originals.
/// The files of `include/lib` are copies, which a test may change.
fn linked_headers(at: &Path) -> PathBuf {
    let headers = checkout().join("target/cyrus");
    let _ = fs::remove_dir_all(at);
    fs::create_dir_all(at.join("include/lib")).expect("a directory of our own");
    let link = |from: &Path, to: &Path| symlink(from, to).expect("a directory of our own");
    link(&headers.join("source"), &at.join("source"));
    for entry in fs::read_dir(headers.join("include")).expect("it was fetched").flatten() {
        if entry.file_name() != "lib" {
            link(&entry.path(), &at.join("include").join(entry.file_name()));
        }
    }
    for entry in fs::read_dir(headers.join("include/lib")).expect("it was fetched").flatten() {
        let there = at.join("include/lib").join(entry.file_name());
        fs::copy(entry.path(), there).expect("a directory of our own");
    }
    fs::copy(headers.join("stamp"), at.join("stamp")).expect("it was fetched");
    at.to_owned()
}

/// Returns a make command for one file, with other headers of Cyrus.
fn make_with(headers: &Path, out: &Path, file: &str) -> Command {
    let mut make = Command::new("make");
    make.arg("-s").arg("-C").arg(checkout().join("cyrus-host")).env_remove("MAKEFLAGS");
    make.arg(format!("LIBDIR={}", libraries().display())).arg(format!("OUT={}", out.display()));
    make.arg(format!("CYRUS={}", headers.display())).arg(out.join(file));
    make
}

#[test]
fn objects_are_built_again_when_the_headers_of_cyrus_have_changed() {
    let out = libraries().join("cyrus-host");
    let _lock = exclusive(&out);
    make(&out, "cc", None);
    let headers = linked_headers(&out.join("changed-headers"));
    let out = out.join("changed");
    let is_current = || {
        let make = make_with(&headers, &out, "src/channel.o").arg("-q").output();
        make.expect("make is there").status.success()
    };
    must_succeed(&mut make_with(&headers, &out, "src/channel.o"));
    assert!(is_current());
    let later = SystemTime::now() + Duration::from_secs(5);
    let touch = |path: &Path, seconds| {
        let file = fs::File::options().append(true).open(path);
        let time = later + Duration::from_secs(seconds);
        file.and_then(|file| file.set_modified(time)).expect("a file of our own");
    };
    // scripts/cyrus-headers writes the stamp last. Headers keep their older dates.
    touch(&headers.join("stamp"), 0);
    assert!(!is_current());
    touch(&out.join("src/channel.o"), 1);
    assert!(is_current());
    // A source tree of Cyrus has no stamp.
    touch(&headers.join("include/lib/imapopts.h"), 2);
    assert!(!is_current());
}

#[test]
fn options_with_other_numbers_are_noticed() {
    let out = libraries().join("cyrus-host");
    let _lock = exclusive(&out);
    make(&out, "cc", None);
    let headers = linked_headers(&out.join("other-headers"));
    let lab = Lab::default();
    let fits = |out: &Path| {
        must_succeed(&mut make_with(&headers, out, "unfit"));
        let unfit = lab.master.scratch().join("unfit");
        copy_program(&out.join("unfit"), &unfit);
        start(&lab.master, &mut lab.master.linked_program(&unfit)).wait().ok()
    };
    let run = fits(&out.join("same"));
    assert!(run.stdout.starts_with("fits\n"), "{run}");
    let options = headers.join("include/lib/imapopts.h");
    let text = fs::read_to_string(&options).expect("it was copied");
    let without = text.replacen("  IMAPOPT_ALLOWPLAINTEXT,\n", "", 1);
    assert_ne!(without, text);
    fs::write(&options, without).expect("a file of our own");
    let run = fits(&out.join("other"));
    assert_eq!(run.stdout, "", "{run}");
    assert!(run.log.contains("cyrus-host was built for another revision of Cyrus"), "{run}");
}

#[test]
fn every_option_that_is_read_is_compared() {
    let sources = checkout().join("cyrus-host");
    let compared = fs::read_to_string(sources.join("src/process.c")).expect("a source");
    let mut used = 0;
    for part in ["src", "client", "service"] {
        for entry in fs::read_dir(sources.join(part)).expect("a directory").flatten() {
            let text = fs::read_to_string(entry.path()).expect("a source");
            for rest in text.split("IMAPOPT_").skip(1) {
                let end = rest.find(|c: char| !c.is_ascii_uppercase() && c != '_');
                let name = &rest[..end.unwrap_or(rest.len())];
                let line = format!("{{ IMAPOPT_{name}, \"{}\" }}", name.to_lowercase());
                assert!(compared.contains(&line), "{line} is missing in src/process.c");
                used += 1;
            }
        }
    }
    assert!(used > 15, "{used} uses");
}

/// Returns the path of valgrind's suppressions: known reports that Cyrus and its libraries cause.
pub fn suppressions() -> PathBuf {
    checkout().join("cyrus-host/tests/cyrus.supp")
}

#[test]
fn another_compiler_has_no_warnings_either() {
    let out = libraries().join("cyrus-host");
    let _lock = exclusive(&out);
    make(&out.join("clang"), "clang", None);
}
