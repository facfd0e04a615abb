//! The C header and the libraries: fresh, self-contained, documented, and nothing else exported.
#![cfg(feature = "capi")]

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const GENERATED: &str = concat!(env!("OUT_DIR"), "/cyrsync.h");
const WARNINGS: &[&str] = &["-Wall", "-Wextra", "-Werror", "-pedantic"];

fn root(path: &str) -> PathBuf {
    Path::new(ROOT).join(path)
}

fn header() -> String {
    fs::read_to_string(GENERATED).unwrap()
}

/// Where cargo puts the libraries that it builds for tests: beside the test.
fn libraries() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
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

fn stdout(command: &mut Command) -> String {
    String::from_utf8(run(command).stdout).unwrap()
}

/// The files below a directory.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let (directories, mut files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    files.extend(directories.iter().flat_map(|directory| sources(directory)));
    files
}

/// The functions of the source, from `pub extern "C" fn` to the end of the body.
fn exported_functions() -> Vec<(String, String)> {
    let mut functions = Vec::new();
    for path in sources(&root("src/capi")) {
        let text = fs::read_to_string(path).unwrap();
        for part in text.split("#[unsafe(no_mangle)]\n").skip(1) {
            let name = part.split_once("extern \"C\" fn ").unwrap().1.split_once('(').unwrap().0;
            let body = part.split_once(" {\n").unwrap().1.split_once("\n}\n").unwrap().0;
            functions.push((name.to_owned(), body.to_owned()));
        }
    }
    assert!(functions.len() > 20, "{}", functions.len());
    functions
}

#[test]
fn the_committed_header_is_the_generated_one() {
    let committed = root("include/cyrsync.h");
    if std::env::var_os("CYRSYNC_UPDATE").is_some() {
        fs::write(&committed, header()).unwrap();
    }
    assert!(
        fs::read_to_string(committed).unwrap_or_default() == header(),
        "include/cyrsync.h is stale: run this test with CYRSYNC_UPDATE=1"
    );
}

#[test]
fn the_header_stands_alone_in_c_and_cpp_and_may_come_twice() {
    let dir = tempfile::tempdir().unwrap();
    let twice = "#include \"cyrsync.h\"\n#include \"cyrsync.h\"\n";
    for (name, compiler, standards) in [
        ("twice.c", "cc", &["-std=c99", "-std=c11", "-std=gnu17"]),
        ("twice.cc", "c++", &["-std=c++11", "-std=c++17", "-std=gnu++20"]),
    ] {
        let source = dir.path().join(name);
        fs::write(&source, twice).unwrap();
        for standard in standards {
            let mut command = Command::new(compiler);
            command.arg(standard).args(WARNINGS).arg("-I").arg(root("include"));
            run(command.arg("-fsyntax-only").arg(&source));
        }
    }
}

#[test]
fn every_item_of_the_header_is_documented() {
    let header = header();
    let body = header.split_once("#include <stdint.h>").unwrap().1;
    let mut documented = false;
    for line in body.lines() {
        let item = !line.starts_with([' ', '}', '#', '/'])
            || line.starts_with("#define CYRSYNC_")
            || line.trim_start().starts_with("CYRSYNC_") && line.contains(" = ");
        // "typedef struct x x;" of an opaque type is an item like any other.
        if item && !line.trim().is_empty() && !line.starts_with("extern \"C\"") {
            assert!(documented, "not documented: {line}");
        }
        documented = line.trim() == "*/";
    }
}

#[test]
fn every_export_is_behind_the_panic_boundary() {
    for (name, body) in exported_functions() {
        // Closures may be made before; what runs is the last expression.
        let top: Vec<&str> = body
            .lines()
            .filter_map(|line| line.strip_prefix("    "))
            .filter(|line| !line.starts_with([' ', '}']) && !line.starts_with("//"))
            .collect();
        let (last, before) = top.split_last().unwrap();
        assert!(
            ["boundary(", "fallible(", "with_client(", "set_listener("]
                .iter()
                .any(|call| last.contains(call)),
            "{name} ends in: {last}"
        );
        for line in before {
            assert!(
                line.starts_with("let body = ||") || line.starts_with("let work = |"),
                "{name}: {line}"
            );
        }
    }
}

/// Names of the functions that the header declares: what is followed by parameters. In comments
/// they stand with empty parentheses.
fn declared() -> BTreeSet<String> {
    let header = header();
    let calls = header.match_indices('(').filter(|(at, _)| !header[*at..].starts_with("()"));
    let names = calls.filter_map(|(at, _)| {
        let before = &header[..at];
        let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        Some(before[start + 1..].to_owned())
    });
    names.filter(|name| name.starts_with("cyrsync_")).collect()
}

#[test]
fn the_shared_library_exports_what_the_header_declares_and_nothing_else() {
    let library = libraries().join("libcyrsync.so");
    let symbols =
        stdout(Command::new("nm").args(["-D", "--defined-only", "-f", "posix"]).arg(library));
    let exported: BTreeSet<String> =
        symbols.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    let source: BTreeSet<String> = exported_functions().into_iter().map(|(name, _)| name).collect();
    assert_eq!(exported, source);
    assert_eq!(declared(), source);
}

#[test]
fn the_shared_library_has_its_soname() {
    let library = libraries().join("libcyrsync.so");
    let dynamic = stdout(Command::new("readelf").arg("-d").arg(library));
    assert!(dynamic.contains("Library soname: [libcyrsync.so.0]"), "{dynamic}");
}

#[test]
fn every_result_of_the_header_has_its_name() {
    let mut count = 0;
    for line in header().lines() {
        let Some(rest) = line.trim().strip_prefix("CYRSYNC_RESULT_") else { continue };
        let Some((name, number)) = rest.trim_end_matches(',').split_once(" = ") else { continue };
        let told = cyrsync::capi::cyrsync_result_name(number.parse().unwrap());
        // SAFETY is the library's promise: a C string that lives forever.
        assert_eq!(c_text(told), name);
        count += 1;
    }
    assert!(count > 30, "{count}");
}

#[allow(unsafe_code, reason = "reads a C string")]
fn c_text(text: *const std::ffi::c_char) -> &'static str {
    // SAFETY: the header says that names live forever.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap()
}

#[test]
fn c_programs_work_with_both_forms_of_the_library() {
    let dir = tempfile::tempdir().unwrap();
    let mut make = Command::new("make");
    make.arg("-C").arg(root("c-tests")).arg("check");
    make.arg(format!("LIBDIR={}", libraries().display()));
    make.arg(format!("OUT={}", dir.path().display()));
    make.env_remove("MAKEFLAGS");
    run(&mut make);
}

#[test]
fn the_example_of_the_documentation_is_short_and_compiles() {
    let text = fs::read_to_string(root("docs/C-API.md")).unwrap();
    let example = text.split_once("```c\n").unwrap().1.split_once("```").unwrap().0;
    assert!(example.lines().count() <= 40, "{}", example.lines().count());
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("example.c");
    fs::write(&source, example).unwrap();
    let mut cc = Command::new("cc");
    cc.args(WARNINGS).arg("-I").arg(root("include")).arg("-o").arg(dir.path().join("example"));
    run(cc.arg(source).arg(libraries().join("libcyrsync.so")));
}

/// Builds a C program of c-tests and gives what it prints.
fn told_by_c(program: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut make = Command::new("make");
    make.arg("-C").arg(root("c-tests")).env_remove("MAKEFLAGS");
    make.arg(format!("LIBDIR={}", libraries().display()));
    make.arg(format!("OUT={}", dir.path().display()));
    let program = dir.path().join(program);
    run(make.arg(&program));
    stdout(&mut Command::new(program))
}

#[test]
fn structures_have_the_same_size_in_c_and_the_version_is_that_of_the_library() {
    use cyrsync::capi::*;
    macro_rules! sizes {
        ($($name:ident)*) => { vec![$((stringify!($name), size_of::<$name>())),*] };
    }
    let ours = sizes! {
        cyrsync_str cyrsync_former_name cyrsync_entry cyrsync_mailbox_state
        cyrsync_record cyrsync_message_file cyrsync_annotation cyrsync_seen cyrsync_quota
        cyrsync_sieve cyrsync_host cyrsync_report cyrsync_counters cyrsync_rolling
        cyrsync_finding cyrsync_verified cyrsync_progress
    };
    let mut expected: Vec<String> =
        ours.iter().map(|(name, size)| format!("{name} {size}")).collect();
    expected.push(format!("version {}", cyrsync_version_number()));
    let told = told_by_c("sizes-shared");
    assert_eq!(told.lines().collect::<Vec<_>>(), expected);
    // Every structure whose members the header tells is among them.
    let whole = header();
    let structures =
        whole.lines().filter_map(|line| line.strip_prefix("typedef struct ")?.strip_suffix(" {"));
    let listed: BTreeSet<&str> = ours.iter().map(|(name, _)| *name).collect();
    assert_eq!(structures.collect::<BTreeSet<_>>(), listed);
}

/// That signal dispositions stay as they are is what c-tests/cancel.c looks at: std's `Command` has
/// signal() for the child that it starts.
///
/// Functions of the C library with which a library could do what only a program may.
const FORBIDDEN: &[&str] = &[
    "atexit",
    "closelog",
    "daemon",
    "exit",
    "openlog",
    "printf",
    "putchar",
    "puts",
    "setenv",
    "setlocale",
    "syslog",
    "system",
    "umask",
    "unsetenv",
    "vprintf",
    "vsyslog",
];

#[test]
fn no_function_of_the_capi_ends_in_what_only_a_program_may_do() {
    // Only what the C API reaches counts: a program that is linked with the static library, with
    // all sections that nobody needs left out. The standard library's own needs (abort after a
    // second panic, say) are among them.
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("all.c");
    let mut text = String::from("#include \"cyrsync.h\"\nvoid (*const all[])(void) = {\n");
    for (name, _) in exported_functions() {
        text += &format!("    (void (*)(void)){name},\n");
    }
    text += "};\nint main(int argc, char **argv) { (void)argv; return all[argc] == 0; }\n";
    fs::write(&source, text).unwrap();
    let program = dir.path().join("all");
    let mut cc = Command::new("cc");
    cc.arg("-I").arg(root("include")).arg("-Wl,--gc-sections").arg("-o").arg(&program);
    cc.arg(source).arg(libraries().join("libcyrsync.a"));
    run(cc.args(["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"]));
    let symbols =
        stdout(Command::new("nm").args(["-D", "--undefined-only", "-f", "posix"]).arg(program));
    let imported: BTreeSet<&str> =
        symbols.lines().filter_map(|line| line.split([' ', '@']).next()).collect();
    let found: Vec<&&str> = FORBIDDEN.iter().filter(|name| imported.contains(**name)).collect();
    assert!(imported.contains("read") && found.is_empty(), "{found:?} in {imported:?}");
}
