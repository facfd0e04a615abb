//! Parses the modules of a crate, and resolves the items that each defines, imports and names.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Item, ItemImpl, UseTree};

/// The item to which a path leads.
#[derive(Debug)]
pub struct Target {
    /// The file that defines the item.
    pub file: String,
    /// The name of the item in that file.
    pub name: String,
}

/// The meaning of a name in a module: an own item, or an import with this path.
enum Meaning {
    Defined,
    Imported(Vec<String>),
}

/// The end of a path: a module, or an item of a module.
enum End {
    Module(usize),
    Thing(usize, String),
}

struct Module {
    parent: Option<usize>,
    root: usize,
    file: String,
    /// Child modules. They are separate from the other names, because a module and a function may
    /// have the same name.
    children: HashMap<String, usize>,
    names: HashMap<String, Meaning>,
    globs: Vec<Vec<String>>,
    /// Every path with at least two parts in the module's items.
    paths: Vec<Vec<String>>,
    /// For each `impl` block: type, trait, number of methods.
    methods: Vec<(Vec<String>, Option<Vec<String>>, usize)>,
}

/// All modules of the crates that were added.
#[derive(Default)]
pub struct Sources {
    modules: Vec<Module>,
    crates: HashMap<String, usize>,
}

/// Maximum length of a chain of re-exports.
const DEEPEST: usize = 20;

impl Sources {
    /// Reads a crate. `first` is its root file.
    pub fn add_crate(&mut self, directory: &Path, name: &str, first: &str) {
        let index = self.read_file(directory, first, None);
        self.crates.insert(name.to_owned(), index);
    }

    /// Returns all items that files name, each with the file that names it.
    pub fn named(&self) -> Vec<(String, Target)> {
        let mut named = Vec::new();
        for (index, module) in self.modules.iter().enumerate() {
            let targets = module.paths.iter().filter_map(|path| self.target(index, path));
            named.extend(targets.map(|target| (module.file.clone(), target)));
            let globs = module.globs.iter().filter_map(|glob| match self.end(index, glob, 0)? {
                End::Module(of) => Some(self.modules[of].file.clone()),
                End::Thing(..) => None,
            });
            let all = globs.map(|file| Target { file, name: "*".to_owned() });
            named.extend(all.map(|target| (module.file.clone(), target)));
        }
        named
    }

    /// Resolves a path in a file. Returns `None` if the path leads to no item of these crates.
    pub fn resolve(&self, file: &str, path: &[String]) -> Option<Target> {
        let index = self.modules.iter().position(|module| module.file == file)?;
        self.target(index, path)
    }

    /// Returns the number of methods of each type and trait, by file and name.
    pub fn methods(&self) -> BTreeMap<(String, String), usize> {
        let mut counts = BTreeMap::new();
        for (index, module) in self.modules.iter().enumerate() {
            for (of, by, count) in &module.methods {
                let ours = by.as_ref().is_none_or(|by| self.target(index, by).is_some());
                if let (true, Some(target)) = (ours, self.target(index, of)) {
                    *counts.entry((target.file, target.name)).or_default() += count;
                }
            }
        }
        counts
    }

    /// Returns the target of a path. A path that ends at a module has no target; only longer paths
    /// through the module have one.
    fn target(&self, module: usize, path: &[String]) -> Option<Target> {
        match self.end(module, path, 0)? {
            End::Module(_) => None,
            End::Thing(module, name) => {
                Some(Target { file: self.modules[module].file.clone(), name })
            }
        }
    }

    fn end(&self, module: usize, path: &[String], depth: usize) -> Option<End> {
        let (first, rest) = path.split_first()?;
        let start = match first.as_str() {
            "crate" => self.modules[module].root,
            "self" => module,
            "super" => self.modules[module].parent?,
            name => match self.lookup(module, name, !rest.is_empty(), depth) {
                Some(End::Module(found)) => found,
                Some(thing) => return Some(thing),
                None => *self.crates.get(name)?,
            },
        };
        self.walk(start, rest, depth)
    }

    fn walk(&self, start: usize, path: &[String], depth: usize) -> Option<End> {
        let mut module = start;
        for (at, name) in path.iter().enumerate() {
            if name == "super" {
                module = self.modules[module].parent?;
                continue;
            }
            match self.lookup(module, name, at + 1 < path.len(), depth) {
                Some(End::Module(found)) => module = found,
                Some(thing) => return Some(thing),
                // A macro defines the item.
                None => return Some(End::Thing(module, name.clone())),
            }
        }
        Some(End::Module(module))
    }

    /// Looks up a name. If the path continues after it (`followed`), only a module or a type is
    /// found.
    fn lookup(&self, module: usize, name: &str, followed: bool, depth: usize) -> Option<End> {
        if depth > DEEPEST {
            return None;
        }
        let child = self.modules[module].children.get(name).map(|&child| End::Module(child));
        if followed && child.is_some() {
            return child;
        }
        match self.modules[module].names.get(name) {
            Some(Meaning::Defined) => return Some(End::Thing(module, name.to_owned())),
            Some(Meaning::Imported(path)) => return self.end(module, path, depth + 1),
            None if child.is_some() => return child,
            None => {}
        }
        self.modules[module].globs.iter().find_map(|glob| {
            match self.end(module, glob, depth + 1)? {
                End::Module(found) if found != module => {
                    self.lookup(found, name, followed, depth + 1)
                }
                // A glob of an enum imports its variants, which are not looked up here.
                _ => None,
            }
        })
    }

    fn read_file(&mut self, directory: &Path, file: &str, parent: Option<usize>) -> usize {
        let path = directory.join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let stem = path.file_stem().expect("a file").to_string_lossy().into_owned();
        let beside = Path::new(file).parent().expect("a file is in a directory").to_owned();
        let below = match stem.as_str() {
            "mod" | "lib" | "main" => beside,
            _ => beside.join(stem),
        };
        let index = self.add_module(file, parent);
        self.read_items(directory, &below, index, parsed.items);
        index
    }

    fn add_module(&mut self, file: &str, parent: Option<usize>) -> usize {
        let index = self.modules.len();
        self.modules.push(Module {
            parent,
            root: parent.map_or(index, |parent| self.modules[parent].root),
            file: file.to_owned(),
            children: HashMap::new(),
            names: HashMap::new(),
            globs: Vec::new(),
            paths: Vec::new(),
            methods: Vec::new(),
        });
        index
    }

    /// Reads items; `below` is the directory of the files of child modules.
    fn read_items(&mut self, directory: &Path, below: &Path, index: usize, items: Vec<Item>) {
        for item in items {
            if is_for_tests(attributes(&item)) {
                continue;
            }
            if let Item::Mod(child) = item {
                let name = child.ident.to_string();
                let found = match child.content {
                    Some((_, items)) => {
                        let file = self.modules[index].file.clone();
                        let found = self.add_module(&file, Some(index));
                        self.read_items(directory, &below.join(&name), found, items);
                        found
                    }
                    None => {
                        let file = file_of(directory, below, &name);
                        self.read_file(directory, &file, Some(index))
                    }
                };
                self.modules[index].children.insert(name, found);
                continue;
            }
            self.modules[index].read(&item);
        }
    }
}

impl Module {
    fn read(&mut self, item: &Item) {
        match item {
            Item::Use(item) => self.import(&item.tree, &mut Vec::new()),
            Item::Impl(item) => self.count(item),
            Item::Trait(item) => {
                let methods =
                    item.items.iter().filter(|item| matches!(item, syn::TraitItem::Fn(_)));
                self.methods.push((vec![item.ident.to_string()], None, methods.count()));
            }
            _ => {}
        }
        if let Some(name) = defined(item) {
            self.names.insert(name, Meaning::Defined);
        }
        paths(item.to_token_stream(), &[], &mut self.paths);
    }

    fn import(&mut self, tree: &UseTree, prefix: &mut Vec<String>) {
        match tree {
            UseTree::Path(part) => {
                prefix.push(part.ident.to_string());
                self.import(&part.tree, prefix);
                prefix.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, prefix)),
            UseTree::Glob(_) => self.globs.push(prefix.clone()),
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                let mut path = prefix.clone();
                if name == "self" {
                    let known_as = prefix.last().cloned().unwrap_or_default();
                    self.names.insert(known_as, Meaning::Imported(path));
                } else {
                    path.push(name.clone());
                    self.names.insert(name, Meaning::Imported(path));
                }
            }
            UseTree::Rename(name) => {
                let mut path = prefix.clone();
                path.push(name.ident.to_string());
                self.names.insert(name.rename.to_string(), Meaning::Imported(path));
            }
        }
    }

    fn count(&mut self, item: &ItemImpl) {
        let syn::Type::Path(of) = &*item.self_ty else { return };
        let methods = item.items.iter().filter(|item| match item {
            syn::ImplItem::Fn(method) => !is_for_tests(&method.attrs),
            _ => false,
        });
        let by = item.trait_.as_ref().map(|(_, path, _)| parts(path));
        self.methods.push((parts(&of.path), by, methods.count()));
    }
}

fn parts(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// Returns the file of a child module.
fn file_of(directory: &Path, below: &Path, name: &str) -> String {
    let name = name.trim_start_matches("r#");
    let candidates: [PathBuf; 2] =
        [below.join(format!("{name}.rs")), below.join(name).join("mod.rs")];
    let there = candidates.iter().find(|file| directory.join(file).exists());
    let file = there.unwrap_or_else(|| panic!("{}/{name} has no file", below.display()));
    file.to_string_lossy().into_owned()
}

/// Returns whether an item is compiled only for unit tests or fuzz targets.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let condition = attribute.meta.to_token_stream().to_string();
        let words: Vec<_> = condition.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        attribute.path().is_ident("cfg")
            && !words.contains(&"not")
            && (words.contains(&"test") || words.contains(&"fuzzing"))
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn defined(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

/// Collects all paths of two or more parts: `a::b`, and each of `a::{b, c::d}`.
fn paths(tokens: TokenStream, prefix: &[String], found: &mut Vec<Vec<String>>) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let is_colon =
        |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(c)) if c.as_char() == ':');
    let mut at = 0;
    while at < tokens.len() {
        let mut path = match &tokens[at] {
            TokenTree::Group(group) => {
                paths(group.stream(), &[], found);
                at += 1;
                continue;
            }
            // Skip the new name in `a as b`.
            TokenTree::Ident(name) if name == "as" => {
                at += 2;
                continue;
            }
            TokenTree::Ident(name) => [prefix, &[name.to_string()]].concat(),
            _ => {
                at += 1;
                continue;
            }
        };
        at += 1;
        while is_colon(at) && is_colon(at + 1) {
            at += 2;
            match tokens.get(at) {
                Some(TokenTree::Ident(name)) => path.push(name.to_string()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    paths(group.stream(), &path, found);
                }
                _ => break,
            }
            at += 1;
        }
        if path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        if path.len() > 1 {
            found.push(path);
        }
    }
}
