//! Checks that the C header is up to date, self-contained and documented, and that the libraries
//! export exactly its functions.

use std::collections::{BTreeMap, BTreeSet};
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

/// Returns the directory in which cargo puts the libraries that it builds for tests.
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

/// Returns all files below a directory, including subdirectories.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let (directories, mut files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    files.extend(directories.iter().flat_map(|directory| sources(directory)));
    files
}

/// Returns the exported functions of src/capi: name and body.
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
fn the_header_is_self_contained_in_c_and_cpp_and_can_be_included_twice() {
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

/// The line before functions whose result the caller must check.
const ATTRIBUTES: &str = "CYRSYNC_API CYRSYNC_NODISCARD";

#[test]
fn every_item_of_the_header_is_documented() {
    let header = header();
    let body = header.split_once("#include <stdint.h>").unwrap().1;
    let mut documented = false;
    for line in body.lines() {
        let item = !line.starts_with([' ', '}', '#', '/'])
            || line.starts_with("#define CYRSYNC_")
            || line.trim_start().starts_with("CYRSYNC_") && line.contains(" = ");
        // The line "typedef struct x x;" of an opaque type is also an item.
        if item && !line.trim().is_empty() && !line.starts_with("extern \"C\"") {
            assert!(documented, "not documented: {line}");
        }
        // One comment documents all branches of a macro, and all lines of a declaration.
        let goes_on = line.starts_with("#") || line == ATTRIBUTES;
        documented = line.trim() == "*/" || documented && goes_on;
    }
}

#[test]
fn every_export_is_behind_the_panic_boundary() {
    for (name, body) in exported_functions() {
        // A function may define closures first. Its last expression must be a call of a panic
        // boundary.
        let top: Vec<&str> = body
            .lines()
            .filter_map(|line| line.strip_prefix("    "))
            .filter(|line| !line.starts_with([' ', '}']) && !line.starts_with("//"))
            .collect();
        let (last, before) = top.split_last().unwrap();
        assert!(
            ["boundary(", "fallible(", "with_client(", "with_report("]
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

/// Returns the names of the functions that the header declares. A declaration has parameters; names
/// in comments have empty parentheses.
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

/// Returns the declarations of functions in a header by name, each on one line.
fn prototypes(header: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut lines = header.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(rest) = line.strip_prefix("CYRSYNC_API ") else { continue };
        let mut text = if line == ATTRIBUTES { String::new() } else { rest.to_owned() };
        while !text.ends_with(';') {
            text += &format!(" {}", lines.next().unwrap().trim());
        }
        let (before, _) = text.split_once('(').unwrap();
        let name = before.rsplit([' ', '*']).next().unwrap().to_owned();
        all.insert(name, text.trim().replace("( ", "("));
    }
    assert!(all.len() > 70, "{}", all.len());
    all
}

#[test]
fn every_parameter_of_a_function_is_described() {
    let header = header();
    for (name, prototype) in prototypes(&header) {
        let (_, parameters) = prototype.split_once('(').unwrap();
        let parameters = parameters.trim_end_matches(");");
        let at = header
            .match_indices(&format!("{name}("))
            .find(|(at, _)| !header[at + name.len()..].starts_with("()"));
        let (before, _) = header.split_at(at.unwrap().0);
        let (_, comment) = before.rsplit_once("/**").unwrap();
        let described: Vec<&str> = comment
            .lines()
            .filter_map(|line| line.trim().strip_prefix("* @param ")?.split(' ').next())
            .collect();
        let names: Vec<&str> = parameters
            .split(", ")
            .filter(|parameter| *parameter != "void")
            .map(|parameter| parameter.rsplit([' ', '*']).next().unwrap())
            .collect();
        assert_eq!(described, names, "{name}");
    }
}

#[test]
fn every_function_of_the_header_is_called_by_a_c_test() {
    let directory = root("c-tests");
    let mut programs = String::new();
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "c" || kind == "h") {
            programs += &fs::read_to_string(path).unwrap();
        }
    }
    let called = |name: &String| {
        programs.match_indices(&format!("{name}(")).any(|(at, _)| {
            !programs[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        })
    };
    let missing: Vec<String> = declared().into_iter().filter(|name| !called(name)).collect();
    assert!(missing.is_empty(), "no C test calls {missing:?}");
}

#[test]
fn compilers_warn_of_unchecked_results_and_deprecated_functions() {
    let dir = tempfile::tempdir().unwrap();
    let ignored = "cyrsync_client_connect(0, 0);";
    let declaration = "CYRSYNC_DEPRECATED(\"use new_way()\") CYRSYNC_API void old_way(void);\n";
    for (compiler, file) in [("gcc", "a.c"), ("clang", "a.c"), ("c++", "a.cc"), ("clang++", "a.cc")]
    {
        let warns = |body: &str| {
            let source = dir.path().join(file);
            let text = format!(
                "#include \"cyrsync.h\"\n{declaration}void f(void);\nvoid f(void) {{ {body} }}\n"
            );
            fs::write(&source, text).unwrap();
            let mut command = Command::new(compiler);
            command.args(WARNINGS).args(["-c", "-o", "/dev/null", "-I"]).arg(root("include"));
            let output = command.arg(&source).output().unwrap();
            (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
        };
        assert_eq!(warns("cyrsync_client_free(0);"), None, "{compiler}");
        assert!(warns(ignored).unwrap().contains("cyrsync_client_connect"), "{compiler}");
        assert!(warns("old_way();").unwrap().contains("use new_way()"), "{compiler}");
    }
}

/// The directory with the header of the first release and a program that was built with it.
const RELEASED: &str = "c-tests/released/0.1";

#[test]
fn released_functions_and_numbers_stay_unchanged() {
    let path = root(RELEASED).join("cyrsync.h");
    // Until version 0.1.0 is released, its header may change.
    let is_released = env!("CARGO_PKG_VERSION") != "0.1.0";
    if !is_released && std::env::var_os("CYRSYNC_UPDATE").is_some() {
        fs::write(&path, header()).unwrap();
    }
    let (then, now) = (fs::read_to_string(&path).unwrap(), header());
    if !is_released {
        assert!(then == now, "{RELEASED} is stale: run this test with CYRSYNC_UPDATE=1");
    }
    let current = prototypes(&now);
    for (name, prototype) in prototypes(&then) {
        assert_eq!(current.get(&name), Some(&prototype));
    }
    // Returns the lines that give a constant or an enumerator its number.
    let numbers = |header: &str| -> BTreeSet<String> {
        let one = |line: &str| {
            let line = line.trim().trim_end_matches(',');
            let is_number = line.starts_with("CYRSYNC_") && line.contains(" = ")
                || line.starts_with("#define CYRSYNC_FLAG_");
            is_number.then(|| line.to_owned())
        };
        header.lines().filter_map(one).collect()
    };
    let (then, now) = (numbers(&then), numbers(&now));
    assert!(then.len() > 90 && then.is_subset(&now), "{:?}", then.difference(&now));
}

#[test]
fn a_program_of_the_first_release_works_with_the_current_library() {
    let dir = tempfile::tempdir().unwrap();
    let (conf, spool) = (dir.path().join("conf"), dir.path().join("spool"));
    fs::create_dir(&conf).unwrap();
    fs::create_dir(&spool).unwrap();
    let imapd_conf = dir.path().join("imapd.conf");
    let text = format!(
        "configdirectory: {}\ndefaultpartition: default\npartition-default: {}\n",
        conf.display(),
        spool.display(),
    );
    fs::write(&imapd_conf, text).unwrap();
    let program = built(dir.path(), "released-0.1-shared");
    run(Command::new(program).arg(imapd_conf));
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
        let reported = cyrsync::capi::cyrsync_result_name(number.parse().unwrap());
        // The header promises a C string that is valid forever.
        assert_eq!(c_text(reported), name);
        count += 1;
    }
    assert!(count > 30, "{count}");
}

#[allow(unsafe_code, reason = "reads a C string")]
fn c_text(text: *const std::ffi::c_char) -> &'static str {
    // SAFETY: the header says that names are valid forever.
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
fn the_examples_of_the_documentation_are_short_and_compile() {
    let text = fs::read_to_string(root("docs/C-API.md")).unwrap();
    let blocks: Vec<&str> = text.split("```").skip(1).step_by(2).collect();
    let examples: Vec<&str> = blocks.iter().filter_map(|block| block.strip_prefix("c\n")).collect();
    assert_eq!(examples.len(), 5);
    // Other blocks are not compiled, so they must not be C.
    assert!(blocks.iter().all(|block| block.starts_with("c\n") || !block.contains(';')));
    let dir = tempfile::tempdir().unwrap();
    for example in examples {
        assert!(example.lines().count() <= 40, "{}", example.lines().count());
        let source = dir.path().join("example.c");
        fs::write(&source, example).unwrap();
        let mut cc = Command::new("cc");
        cc.args(WARNINGS).arg("-I").arg(root("include")).arg("-o").arg(dir.path().join("example"));
        cc.arg(source);
        if example.contains("int main(") {
            run(cc.arg(libraries().join("libcyrsync.so")));
        } else {
            run(cc.arg("-c"));
        }
    }
}

/// Builds a C program of c-tests into a directory.
fn built(directory: &Path, program: &str) -> PathBuf {
    let mut make = Command::new("make");
    make.arg("-C").arg(root("c-tests")).env_remove("MAKEFLAGS");
    make.arg(format!("LIBDIR={}", libraries().display()));
    make.arg(format!("OUT={}", directory.display()));
    let program = directory.join(program);
    run(make.arg(&program));
    program
}

/// Builds a C program of c-tests and returns its output.
fn printed_by_c(program: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    stdout(&mut Command::new(built(dir.path(), program)))
}

#[test]
fn structures_have_the_same_size_in_c_and_the_version_is_that_of_the_library() {
    use cyrsync::capi::*;
    macro_rules! sizes {
        ($($name:ident)*) => { vec![$((stringify!($name), size_of::<$name>())),*] };
    }
    let ours = sizes! {
        cyrsync_str cyrsync_former_name cyrsync_mailbox_entry cyrsync_mailbox_state
        cyrsync_record cyrsync_message_file cyrsync_annotation cyrsync_seen cyrsync_quota
        cyrsync_sieve cyrsync_host cyrsync_report cyrsync_counters cyrsync_roll_options
        cyrsync_roll_result cyrsync_finding cyrsync_verify_totals cyrsync_progress cyrsync_callbacks
        cyrsync_item cyrsync_event cyrsync_step cyrsync_unreachable cyrsync_check
    };
    let mut expected: Vec<String> =
        ours.iter().map(|(name, size)| format!("{name} {size}")).collect();
    expected.push(format!("version {}", cyrsync_version_number()));
    let reported = printed_by_c("sizes-shared");
    assert_eq!(reported.lines().collect::<Vec<_>>(), expected);
    // The list contains every structure whose members the header shows. Each begins with its size,
    // except the string.
    let whole = header();
    let structures =
        whole.lines().filter_map(|line| line.strip_prefix("typedef struct ")?.strip_suffix(" {"));
    let listed: BTreeSet<&str> = ours.iter().map(|(name, _)| *name).collect();
    assert_eq!(structures.collect::<BTreeSet<_>>(), listed);
    for name in listed.into_iter().filter(|name| *name != "cyrsync_str") {
        let (_, members) = whole.split_once(&format!("typedef struct {name} {{\n")).unwrap();
        let first = members.lines().map(str::trim).find(|line| line.ends_with(';')).unwrap();
        assert_eq!(first, "size_t size;", "{name}");
    }
}

/// Functions of the C library that change the state of the whole process, which a library must not
/// do.
///
/// `signal()` is not in the list, because std's `Command` calls it in the child that it starts;
/// c-tests/cancel.c checks that signal dispositions stay unchanged.
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
fn the_c_api_calls_no_function_that_changes_the_process() {
    // Link a program with the static library and drop all unused sections, so that only the
    // functions that the C API calls are left. This includes functions that the standard library
    // itself needs.
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
