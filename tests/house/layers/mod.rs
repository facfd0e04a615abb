//! Checks the structure of the sources: which module may import which, and how large files and
//! types may be.
//!
//! [`LAYERS`] is the picture of docs/architecture.md as a table. These tests parse the files below
//! `src/` and `sync_client/` and collect the names in each: in `use` items, in paths, in macros.
//! Unit tests and fuzz targets inside `src/` may import anything.

mod facade;
mod graph;
mod source;
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use graph::Graph;
use source::Sources;

/// The layers from the bottom to the top. A module may name modules of its own layer and of the
/// layers before it in this table, which are below it in the program. It may name no other modules.
const LAYERS: &[Layer] = &[
    Layer { modules: &["sys", "limits", "error", "types"], apart: false },
    Layer { modules: &["config"], apart: true },
    Layer { modules: &["settings"], apart: true },
    Layer { modules: &["dlist", "names", "format", "cyrusdb"], apart: false },
    Layer { modules: &["status"], apart: true },
    Layer { modules: &["events"], apart: true },
    Layer { modules: &["protocol"], apart: true },
    Layer { modules: &["store", "replica"], apart: true },
    // The replica of a repair: a session with a sync_server over the master's own data.
    Layer { modules: &["own_server"], apart: true },
    Layer { modules: &["sync"], apart: true },
    Layer { modules: &["run"], apart: true },
    Layer { modules: &["engine"], apart: true },
    Layer { modules: &["check"], apart: true },
    // The facade only declares and re-exports.
    Layer { modules: &["lib"], apart: true },
    Layer { modules: &["capi", "sync_client"], apart: true },
];

/// Maximum number of lines of a file.
const MOST_LINES: usize = 500;

/// Maximum number of methods of a trait, or of a type in all its `impl` blocks together. Methods of
/// foreign traits, like `Display`, do not count.
const MOST_METHODS: usize = 25;

/// One row of [`LAYERS`].
struct Layer {
    modules: &'static [&'static str],
    /// Whether the modules of this row must not name each other.
    apart: bool,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sources of the library and of the program. The program is a separate crate and names the
/// library `cyrsync`.
static SOURCES: LazyLock<Sources> = LazyLock::new(|| {
    let mut sources = Sources::default();
    sources.add_crate(root(), "cyrsync", "src/lib.rs");
    sources.add_crate(root(), "sync_client", "sync_client/src/lib.rs");
    sources
});

/// Returns the module of [`LAYERS`] that a file belongs to.
fn module_of(file: &str) -> &str {
    let path = file.strip_prefix("src/").unwrap_or(file);
    path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
}

fn level_of(module: &str) -> usize {
    LAYERS.iter().position(|layer| layer.modules.contains(&module)).unwrap_or_else(|| {
        panic!("src/{module} is in no row of LAYERS in tests/house/layers/mod.rs")
    })
}

fn may_name(from: &str, to: &str) -> bool {
    let (above, below) = (level_of(from), level_of(to));
    from == to || above > below || (above == below && !LAYERS[above].apart)
}

/// Fails with a list if anything breaks a rule.
fn holds(rule: &str, broken_by: &BTreeSet<String>) {
    let list: Vec<_> = broken_by.iter().map(String::as_str).collect();
    assert!(list.is_empty(), "{rule}:\n  {}", list.join("\n  "));
}

#[test]
fn no_module_names_a_module_above_it() {
    let graph = Graph::of(&SOURCES);
    let mut upward = BTreeSet::new();
    for (from, to, names) in graph.edges() {
        if !may_name(module_of(from), module_of(to)) {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            println!("{from} -> {to}: {}", names.join(", "));
            upward.insert(format!("{from} -> {to}"));
        }
    }
    holds("files name something above them", &upward);
}

/// Checks that only the settings read options, so that each option is resolved once.
#[test]
fn only_the_settings_read_options() {
    let graph = Graph::of(&SOURCES);
    let table = "src/config/opt.rs";
    let readers: Vec<&str> = graph
        .edges()
        .into_iter()
        .filter(|(_, to, _)| *to == table)
        .map(|(from, _, _)| from)
        .collect();
    assert!(readers.contains(&"src/settings/connection.rs"), "{readers:?}");
    let others = readers.iter().filter(|from| !matches!(module_of(from), "settings" | "config"));
    let others: BTreeSet<String> = others.map(|from| (*from).to_owned()).collect();
    holds("files read options", &others);
}

#[test]
fn no_files_name_each_other_in_a_circle() {
    let graph = Graph::of(&SOURCES);
    let mut files = BTreeSet::new();
    for circle in graph.circles() {
        println!("{} files:", circle.len());
        for (from, to, names) in graph.edges() {
            if circle.contains(from) && circle.contains(to) {
                let names: Vec<_> = names.iter().map(String::as_str).collect();
                println!("  {from} -> {to}: {}", names.join(", "));
            }
        }
        files.extend(circle);
    }
    holds("files name each other in a circle", &files);
}

#[test]
fn no_type_has_too_many_methods() {
    let counts = SOURCES.methods();
    let wide = counts.into_iter().filter(|(_, count)| *count > MOST_METHODS);
    let mut found = BTreeSet::new();
    for ((file, name), count) in wide {
        println!("{name} of {file} has {count} methods");
        found.insert(format!("{file}: {name}"));
    }
    holds("types have too many methods", &found);
}

#[test]
fn no_file_is_too_long() {
    let mut long = BTreeSet::new();
    for directory in ["src", "sync_client", "tests", "lab", "fuzz"] {
        for file in rust_files(&root().join(directory)) {
            let text = fs::read_to_string(&file).expect("own file");
            let lines = text.lines().count();
            if lines > MOST_LINES {
                let name = file.strip_prefix(root()).expect("below the root").display();
                println!("{name} has {lines} lines");
                long.insert(name.to_string());
            }
        }
    }
    holds("files are too long", &long);
}

/// Checks that Cargo.toml lists each test program. Cargo does not find them by itself, because the
/// tests that run `sync_client` belong to the program's package.
#[test]
fn every_test_program_belongs_to_a_package() {
    let manifest = |path| fs::read_to_string(root().join(path)).expect("own file");
    let (library, program) = (manifest("Cargo.toml"), manifest("sync_client/Cargo.toml"));
    let mut found = 0;
    for entry in fs::read_dir(root().join("tests")).expect("own directory").flatten() {
        let name = entry.file_name().into_string().expect("a plain name");
        let file = if entry.path().is_dir() { format!("{name}/main.rs") } else { name.clone() };
        // Skip fixtures and directories that are packages.
        if !root().join("tests").join(&file).exists() {
            continue;
        }
        let name = name.trim_end_matches(".rs");
        let in_library = library.contains(&format!("[[test]]\nname = \"{name}\"\n"));
        let in_program =
            program.contains(&format!("[[test]]\nname = \"{name}\"\npath = \"../tests/{file}\"\n"));
        assert!(in_library != in_program, "tests/{file} is in no manifest, or in two");
        found += 1;
    }
    assert!(found > 8, "only {found} test programs were found");
}

/// Returns the Rust files below a directory, without cargo's output.
pub fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("own directory").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("target") {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
    found
}

/// Checks the parser. If the parser found nothing, all rules would seem to hold.
#[test]
fn names_are_found_where_they_are_defined() {
    let resolved = |from: &str, path: &str| {
        let path: Vec<_> = path.split("::").map(str::to_owned).collect();
        SOURCES.resolve(from, &path).map(|target| target.file)
    };
    // Resolve through the re-export in lib.rs, from the other crate, and from a child module.
    assert_eq!(
        resolved("src/engine/mod.rs", "crate::Error").as_deref(),
        Some("src/error/value.rs")
    );
    let from_program = resolved("sync_client/src/lib.rs", "cyrsync::Error");
    assert_eq!(from_program.as_deref(), Some("src/error/value.rs"));
    let from_child = resolved("src/error/io.rs", "super::Error");
    assert_eq!(from_child.as_deref(), Some("src/error/value.rs"));
    // `check` is a module and also a function in this module.
    let module_and_function = resolved("sync_client/src/check.rs", "cyrsync::check::check");
    assert_eq!(module_and_function.as_deref(), Some("src/check/mod.rs"));
    // Resolve through the re-export of another module.
    let function = resolved("src/events/plan.rs", "super::words::line");
    assert_eq!(function.as_deref(), Some("src/events/words/render.rs"));
    // Items of other crates are not targets.
    assert_eq!(resolved("src/engine/mod.rs", "std::fs::File"), None);

    let graph = Graph::of(&SOURCES);
    assert!(graph.edges().len() > 500, "only {} imports were found", graph.edges().len());
    let methods = SOURCES.methods();
    assert!(methods.len() > 200, "only {} types were found", methods.len());
}
