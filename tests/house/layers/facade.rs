//! Compares the public names of the library with docs/public-api.txt.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use quote::ToTokens;
use syn::{Attribute, Fields, ImplItem, Item, TraitItem, UseTree, Visibility};

use super::source::Target;
use super::{SOURCES, root, rust_files};

/// Maximum number of names at the root of the library. A reader can take in only some at once.
const MOST_AT_ROOT: usize = 40;

/// A public name: its path, and the file that defines it.
struct Named {
    path: String,
    target: Target,
}

fn parsed(file: &str) -> Vec<Item> {
    let text = fs::read_to_string(root().join(file)).expect("own file");
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{file}: {error}")).items
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Collects the names that the `pub use` items of a module re-export.
fn exported(items: &[Item], module: &str, found: &mut Vec<Named>) {
    for item in items {
        match item {
            Item::Use(item) if is_public(&item.vis) => {
                let mut paths = Vec::new();
                leaves(&item.tree, &mut Vec::new(), &mut paths);
                for path in paths {
                    let name = path.last().expect("a path has an end").clone();
                    // Paths in lib.rs begin at its root.
                    let from = if module == "check" { "src/check/mod.rs" } else { "src/lib.rs" };
                    let target = SOURCES.resolve(from, &path);
                    let target = target.unwrap_or_else(|| panic!("{path:?} leads to nothing"));
                    found.push(Named { path: joined(module, &name), target });
                }
            }
            Item::Mod(item)
                if is_public(&item.vis) && item.ident != "fuzzing" && item.ident != "testing" =>
            {
                let name = item.ident.to_string();
                match &item.content {
                    Some((_, items)) => exported(items, &name, found),
                    None if name == "capi" => {}
                    None => exported(&parsed(&format!("src/{name}/mod.rs")), &name, found),
                }
            }
            Item::Fn(item) if is_public(&item.vis) => {
                found.push(defined(module, &item.sig.ident.to_string()));
            }
            Item::Struct(item) if is_public(&item.vis) => {
                found.push(defined(module, &item.ident.to_string()));
            }
            _ => {}
        }
    }
}

fn joined(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

/// Returns an item that a public module defines itself.
fn defined(module: &str, name: &str) -> Named {
    let file = if module.is_empty() { "src/lib.rs" } else { "src/check/mod.rs" };
    let target = Target { file: file.to_owned(), name: name.to_owned() };
    Named { path: joined(module, name), target }
}

fn leaves(tree: &UseTree, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    match tree {
        UseTree::Path(part) => {
            prefix.push(part.ident.to_string());
            leaves(&part.tree, prefix, found);
            prefix.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, prefix, found)),
        UseTree::Name(name) => {
            let path = prefix.iter().cloned().chain([name.ident.to_string()]);
            found.push(path.collect());
        }
        UseTree::Glob(_) | UseTree::Rename(_) => {
            panic!("the facade names each thing as it is called")
        }
    }
}

/// Formats tokens like rustfmt.
fn tidy(tokens: impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (from, to) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" < ", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" ,", ","),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        ("& ", "&"),
        (" : ", ": "),
        (" ;", ";"),
        (" [", "["),
        ("[ ", "["),
        (" ]", "]"),
        ("->(", "-> ("),
        (",>", ">"),
        (",)", ")"),
    ] {
        text = text.replace(from, to);
    }
    text
}

fn derived(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes {
        if attribute.path().is_ident("derive") || attribute.path().is_ident("non_exhaustive") {
            let _ = write!(text, "{} ", tidy(attribute));
        }
    }
    text
}

fn fields(of: &Fields, path: &str, needs_pub: bool, out: &mut Vec<String>) {
    for (index, field) in of.iter().enumerate() {
        if !needs_pub || is_public(&field.vis) {
            let name = field.ident.as_ref().map_or(index.to_string(), ToString::to_string);
            out.push(format!("{path}.{name}: {}", tidy(&field.ty)));
        }
    }
}

/// Returns the lines of one name: the item, its fields, variants and methods.
fn describe(named: &Named) -> Vec<String> {
    let Named { path, target } = named;
    let mut out = Vec::new();
    for item in parsed(&target.file) {
        match &item {
            Item::Struct(item) if item.ident == target.name => {
                out.push(format!("{}struct {path}", derived(&item.attrs)));
                fields(&item.fields, path, true, &mut out);
            }
            Item::Enum(item) if item.ident == target.name => {
                out.push(format!("{}enum {path}", derived(&item.attrs)));
                for variant in &item.variants {
                    let variant_path = format!("{path}::{}", variant.ident);
                    out.push(format!("{}{variant_path}", derived(&variant.attrs)));
                    fields(&variant.fields, &variant_path, false, &mut out);
                }
            }
            Item::Fn(item) if item.sig.ident == target.name && is_public(&item.vis) => {
                let signature = tidy(&item.sig);
                out.push(signature.replacen(&target.name, path, 1));
            }
            Item::Type(item) if item.ident == target.name => {
                out.push(format!("type {path}{} = {}", tidy(&item.generics), tidy(&item.ty)));
            }
            Item::Const(item) if item.ident == target.name => {
                out.push(format!("const {path}: {}", tidy(&item.ty)));
            }
            Item::Trait(item) if item.ident == target.name => {
                let above = tidy(&item.supertraits);
                out.push(format!("trait {path}: {above}"));
                for member in &item.items {
                    if let TraitItem::Fn(method) = member {
                        let kind = if method.default.is_some() { "provided" } else { "required" };
                        out.push(format!("{path}: {kind} {}", tidy(&method.sig)));
                    }
                }
            }
            _ => {}
        }
    }
    if out.is_empty() {
        out.push(format!("{path}: made by a macro of {}", target.file));
        macro_functions(&target.file, path, &mut out);
    }
    out
}

/// Adds public functions and fields that a macro of the file defines.
fn macro_functions(file: &str, path: &str, out: &mut Vec<String>) {
    let text = fs::read_to_string(root().join(file)).expect("own file");
    let Some((_, body)) = text.split_once("macro_rules!") else { return };
    let lines = body.lines().map(str::trim);
    for line in lines.take_while(|line| !line.starts_with("#[cfg(test)]")) {
        if let Some(rest) = line.strip_prefix("pub fn ") {
            out.push(format!("{path}::{}", rest.trim_end_matches(" {")));
        }
    }
}

/// An `impl` block, and the type that it is for.
type Implementation = (Target, syn::ItemImpl);

/// Returns every `impl` block of the library, except those of tests and of the C ABI.
fn implementations() -> Vec<Implementation> {
    let mut found = Vec::new();
    for path in rust_files(&root().join("src")) {
        let file = path.strip_prefix(root()).expect("below the root").display().to_string();
        if file.starts_with("src/capi/") || file.starts_with("src/sim/") || file.contains("tests") {
            continue;
        }
        for item in parsed(&file) {
            let Item::Impl(item) = item else { continue };
            let syn::Type::Path(of) = &*item.self_ty else { continue };
            let segments = of.path.segments.iter();
            let of: Vec<String> = segments.map(|segment| segment.ident.to_string()).collect();
            if let Some(target) = SOURCES.resolve(&file, &of) {
                found.push((target, item));
            }
        }
    }
    found
}

/// Returns the methods that a macro `setters!` of this file defines.
fn setters(file: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(file)).expect("own file");
    let Some((_, list)) = text.split_once("\nsetters! {\n") else { return Vec::new() };
    let lines = list.lines().map(str::trim).take_while(|line| *line != "}");
    let signatures = lines.filter_map(|line| line.strip_prefix("pub ")?.split_once(" =>"));
    signatures.map(|(signature, _)| format!("{signature} -> Self")).collect()
}

/// Returns the methods of a type in all files, and the traits that it implements.
fn methods(Named { path, target }: &Named, implementations: &[Implementation]) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    out.extend(setters(&target.file).iter().map(|setter| format!("{path}: {setter}")));
    for (of, item) in implementations {
        if (&of.file, &of.name) != (&target.file, &target.name) {
            continue;
        }
        if let Some((_, by, _)) = &item.trait_ {
            out.insert(format!("impl {} for {path}", tidy(by)));
            continue;
        }
        for member in &item.items {
            match member {
                ImplItem::Fn(method) if is_public(&method.vis) => {
                    out.insert(format!("{path}: {}", tidy(&method.sig)));
                }
                ImplItem::Const(constant) if is_public(&constant.vis) => {
                    out.insert(format!("{path}: const {}: {}", constant.ident, tidy(&constant.ty)));
                }
                _ => {}
            }
        }
    }
    out
}

fn names() -> Vec<Named> {
    let mut found = Vec::new();
    exported(&parsed("src/lib.rs"), "", &mut found);
    found.sort_by(|a, b| (a.path.contains(':'), &a.path).cmp(&(b.path.contains(':'), &b.path)));
    found
}

/// Returns the functions of `capi` that only Rust can call.
fn for_rust_in_capi() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for item in parsed("src/capi/host/client.rs") {
        if let Item::Fn(item) = item
            && is_public(&item.vis)
            && item.sig.abi.is_none()
        {
            found.insert(format!("capi: {}", tidy(&item.sig)));
        }
    }
    found
}

#[test]
fn the_public_names_are_those_of_the_committed_list() {
    let implementations = implementations();
    let mut text = String::from(
        "# Everything of the crate cyrsync that a program can name; what `capi` has for C is in\n\
         # include/cyrsync.h. Written by: CYRSYNC_UPDATE=1 cargo test --test house facade\n",
    );
    for named in names() {
        text.push('\n');
        let lines = describe(&named).into_iter().chain(methods(&named, &implementations));
        lines.for_each(|line| text.push_str(&format!("{line}\n")));
    }
    text.push('\n');
    for_rust_in_capi().iter().for_each(|line| text.push_str(&format!("{line}\n")));
    let path = root().join("docs/public-api.txt");
    if std::env::var_os("CYRSYNC_UPDATE").is_some() {
        fs::write(&path, &text).expect("own page");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let (old, new): (BTreeSet<&str>, BTreeSet<&str>) =
        (committed.lines().collect(), text.lines().collect());
    assert!(
        committed == text,
        "docs/public-api.txt is stale: gone {:#?}, new {:#?}; run this test with CYRSYNC_UPDATE=1",
        old.difference(&new),
        new.difference(&old)
    );
}

#[test]
fn the_root_has_few_names_each_with_an_example() {
    let at_root: Vec<Named> =
        names().into_iter().filter(|named| !named.path.contains(':')).collect();
    assert!((20..=MOST_AT_ROOT).contains(&at_root.len()), "{} names", at_root.len());
    for Named { path, target } in at_root {
        let text = fs::read_to_string(root().join(&target.file)).expect("own file");
        let is_documented = |lines: &str| {
            let documentation = lines.rsplit("\n\n").next().unwrap_or(lines);
            lines.ends_with(&target.name) && documentation.contains("/// ```")
        };
        // For each place of the name: the text up to the end of the name. The name follows a
        // keyword, or it is in a macro.
        let places = text.match_indices(&target.name).map(|(at, name)| &text[..at + name.len()]);
        assert!(places.into_iter().any(is_documented), "{path} of {} has no example", target.file);
    }
}

/// Checks that a build without the C ABI needs no crate that writes headers.
#[test]
fn without_the_c_abi_there_is_no_cbindgen() {
    let tree = |arguments: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["tree", "--locked", "--offline", "-p", "cyrsync", "-e", "build,normal"]);
        let output = cargo.args(arguments).current_dir(root()).output().expect("cargo runs this");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("names are text")
    };
    assert!(tree(&[]).contains("cbindgen"), "the tree has what is built");
    let without = tree(&["--no-default-features"]);
    assert!(without.contains("rustls") && !without.contains("cbindgen"), "{without}");
}
