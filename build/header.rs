//! Generates `cyrsync.h`: cbindgen translates the files of `src/capi` section by section, and this
//! module joins the sections.

use std::path::{Path, PathBuf};
use std::{env, fs};

use cbindgen::{Builder, Config};

/// The sections of the header, in the order in which a reader needs them. Each has a title and its
/// files of `src/capi`.
const SECTIONS: &[(&str, &[&str])] = &[
    ("Version", &["version"]),
    ("Strings", &["strings"]),
    ("Results and errors", &["result", "error", "inspect"]),
    ("Callbacks", &["notices", "finding", "topics", "reached", "callbacks"]),
    ("Configurations", &["config", "check"]),
    (
        "The host store (most programs skip this section)",
        &["failure", "host/structs", "host/functions"],
    ),
    ("Clients", &["handle", "client", "pieces", "matching"]),
    ("Sync logs", &["log_append", "rolling"]),
    ("Plans", &["plan"]),
    ("Verification", &["verify"]),
    ("Progress and status", &["progress", "status"]),
];

/// The greatest width of a declaration, in columns. A wider declaration gets a line for each
/// parameter.
const WIDTH: usize = 96;

pub fn generate() {
    println!("cargo:rerun-if-changed=cbindgen.toml");
    println!("cargo:rerun-if-changed=src/capi");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let config = Config::from_file(root.join("cbindgen.toml"))
        .expect("cbindgen.toml is a configuration of cbindgen");
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    let mut header = text(&config.header);
    for (title, files) in SECTIONS {
        let line = "-".repeat(WIDTH.saturating_sub(title.len() + 11));
        header += &format!("\n/* ---- {title} {line} */\n\n");
        header += &section(&config, &root.join("src/capi"), files, &out);
    }
    header += &text(&config.trailer);
    fs::write(out.join("cyrsync.h"), header).expect("OUT_DIR can be written to");
}

/// Returns one section of the header. cbindgen does not read the files of other sections: names of
/// types are the same in Rust and in C.
fn section(config: &Config, directory: &Path, files: &[&str], out: &Path) -> String {
    let mut config = config.clone();
    (config.header, config.trailer) = (None, None);
    let mut sources = String::new();
    let mut builder = Builder::new();
    for name in files {
        let mut path = directory.join(name).with_extension("rs");
        let source = fs::read_to_string(&path).expect("a file of src/capi");
        config.export.include.extend(types(&source));
        if let Some(plain) = without_macro(&source) {
            path = out.join("table.rs");
            fs::write(&path, plain).expect("OUT_DIR can be written to");
        }
        sources += &source;
        builder = builder.with_src(path);
    }
    let bindings = builder.with_config(config).generate().expect("src/capi can be put in C");
    let mut text = Vec::new();
    bindings.write(&mut text);
    let text = String::from_utf8(text).expect("src/capi is UTF-8");
    with_initial_values(&declarations(&text), &sources)
}

/// Returns the names of the types that a file defines. Without this list cbindgen leaves out types
/// that no function of the section uses.
fn types(source: &str) -> impl Iterator<Item = String> {
    let item = |line: &str| {
        let rest = ["struct ", "enum ", "type "]
            .iter()
            .find_map(|kind| line.strip_prefix("pub ")?.strip_prefix(kind))?;
        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().map(str::to_owned)
    };
    source.lines().filter_map(item).filter(|name| name.starts_with("cyrsync_"))
}

/// Returns the enumeration of a `results!` table as plain Rust, because cbindgen does not expand
/// macros. Returns `None` if the file has no such table.
fn without_macro(source: &str) -> Option<String> {
    let (_, table) = source.split_once("\nresults! {\n")?;
    let (table, _) = table.split_once("\n}\n")?;
    let mut plain = String::new();
    for line in table.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("enum ") {
            plain += &format!("#[repr(C)]\npub enum {} {{\n", name.trim_end_matches(';'));
        } else if let (false, Some((row, _))) = (line.starts_with("//"), line.split_once(',')) {
            plain += &format!("{row},\n");
        } else {
            plain += &format!("{line}\n");
        }
    }
    Some(plain + "}\n")
}

/// Puts the parameters of long declarations on lines of their own, and removes `struct` and `enum`
/// before names of types.
fn declarations(text: &str) -> String {
    let mut out = String::new();
    let mut pending = String::new();
    let mut is_comment = false;
    for line in text.lines() {
        let trimmed = line.trim();
        is_comment |= trimmed.starts_with("/*");
        let begins =
            line.starts_with("CYRSYNC_API") || line.contains('(') && !line.starts_with('#');
        if is_comment || pending.is_empty() && !begins {
            is_comment &= !trimmed.ends_with("*/");
            out += &format!("{}\n", if is_comment { line.to_owned() } else { plain(line) });
            continue;
        }
        if pending.is_empty() {
            pending = line.to_owned();
        } else {
            pending += &format!("{}{trimmed}", if pending.ends_with('(') { "" } else { " " });
        }
        if trimmed.ends_with(';') {
            out += &broken(&plain(&std::mem::take(&mut pending)));
        }
    }
    out
}

/// Removes `struct` and `enum` before the names of types, except where a type is defined.
fn plain(line: &str) -> String {
    if line.starts_with("typedef struct") || line.starts_with("typedef enum") {
        return line.to_owned();
    }
    line.replace("struct cyrsync_", "cyrsync_").replace("enum cyrsync_", "cyrsync_")
}

/// Breaks a declaration into lines, one for each parameter, if it is too wide for one line.
fn broken(declaration: &str) -> String {
    let Some((before, parameters)) = declaration.rsplit_once('(') else {
        return format!("{declaration}\n");
    };
    // A function with these two attributes gets a line for them.
    const BOTH: &str = "CYRSYNC_API CYRSYNC_NODISCARD";
    let (attributes, before) = match before.strip_prefix(BOTH) {
        Some(rest) => (format!("{BOTH}\n"), rest.trim_start()),
        None => (String::new(), before),
    };
    if before.len() + parameters.len() < WIDTH {
        return format!("{attributes}{before}({parameters}\n");
    }
    let indent = " ".repeat(before.len() - before.trim_start().len() + 4);
    let each: Vec<String> = parameters.split(", ").map(|one| format!("\n{indent}{one}")).collect();
    format!("{attributes}{before}({}\n", each.join(","))
}

/// Adds the macro for an initial value after each structure that has one. The comment of the
/// structure's size member names the macro.
fn with_initial_values(text: &str, sources: &str) -> String {
    // A comment may break the line before "sets it".
    let words: Vec<&str> = sources.split_whitespace().filter(|word| *word != "///").collect();
    let comments = words.join(" ");
    let mut out = String::new();
    for line in text.lines() {
        out += &format!("{line}\n");
        let Some(name) = line.strip_prefix("} ").and_then(|rest| rest.strip_suffix(';')) else {
            continue;
        };
        let initial = format!("{}_INIT", name.to_ascii_uppercase());
        // The macro for cyrsync_host also sets the version, so it is written out in cbindgen.toml.
        if comments.contains(&format!("{initial} sets it")) && name != "cyrsync_host" {
            out += &format!(
                "\n/**\n * Initial value of a {name}: its size, and all other members 0.\n */\n\
                 #define {initial} CYRSYNC_SIZED_INIT({name})\n"
            );
        }
    }
    out
}
