//! Which files of a crate import from which: read from their `use` lines and paths, names followed to where they are defined.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Macro, UseTree};

/// A crate's modules by their paths: `[]` is the root, `["api", "kick"]` is `crate::api::kick`.
pub(crate) struct Crate {
    root: PathBuf,
    modules: BTreeMap<Vec<String>, Module>,
}

#[derive(Default)]
struct Module {
    /// Where it is written.
    file: PathBuf,
    /// Names that are defined here.
    items: BTreeSet<String>,
    /// Names that stand for others.
    uses: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    /// Every path that is written here.
    paths: Vec<Vec<String>>,
}

/// What a path leads to.
enum Target {
    Module(Vec<String>),
    ItemOf(Vec<String>),
}

impl Crate {
    /// Reads a source folder.
    pub(crate) fn read(root: &Path) -> Self {
        let mut read = Self { root: root.to_owned(), modules: BTreeMap::new() };
        let top = ["lib.rs", "main.rs"].map(|name| root.join(name)).into_iter().find(|path| path.exists());
        read.file(&[], &top.unwrap());
        read
    }

    fn file(&mut self, path: &[String], file: &Path) {
        let syntax = syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap();
        self.module(path, file, &syntax.items);
    }

    fn module(&mut self, path: &[String], file: &Path, items: &[Item]) {
        let mut reader =
            Reader { module: Module { file: file.to_owned(), ..Module::default() }, children: Vec::new() };
        for item in items {
            if !is_for_tests(attributes(item)) {
                reader.note(item);
                reader.visit_item(item);
            }
        }
        self.modules.insert(path.to_vec(), reader.module);
        for child in reader.children {
            let name = child.ident.to_string();
            let below = [path, std::slice::from_ref(&name)].concat();
            if let Some((_, items)) = &child.content {
                self.module(&below, file, items);
            } else {
                let (stem, folder) = (file.file_stem().unwrap(), file.parent().unwrap());
                let is_folder = ["mod", "lib", "main"].iter().any(|name| stem == *name);
                let folder = if is_folder { folder.to_owned() } else { folder.join(stem) };
                let choices = [folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs")];
                self.file(&below, &choices.into_iter().find(|path| path.exists()).unwrap());
            }
        }
    }

    /// Follows a path that is written in a module; `None` when it leads out of the crate.
    fn resolve(&self, from: &[String], path: &[String], depth: usize) -> Option<Target> {
        const DEPTH_MAX: usize = 16;
        if depth > DEPTH_MAX {
            return None;
        }
        let mut here = from.to_vec();
        for (index, name) in path.iter().enumerate() {
            match name.as_str() {
                "crate" => here.clear(),
                "self" => {}
                "super" => drop(here.pop()),
                _ => {
                    let child = [here.clone(), vec![name.clone()]].concat();
                    let module = self.modules.get(&here)?;
                    if self.modules.contains_key(&child) {
                        here = child;
                    } else if module.items.contains(name) {
                        return Some(Target::ItemOf(here));
                    } else if let Some(known) =
                        module.uses.get(name).filter(|known| *known != path || index > 0)
                    {
                        match self.resolve(&here, known, depth + 1)? {
                            Target::Module(found) => here = found,
                            item @ Target::ItemOf(_) => return Some(item),
                        }
                    } else {
                        let mut globs = module.globs.iter().filter(|glob| glob.as_slice() != path);
                        let rest = path.get(index..)?;
                        return globs.find_map(|glob| self.resolve(&here, &[glob, rest].concat(), depth + 1));
                    }
                }
            }
        }
        Some(Target::Module(here))
    }

    /// Circles of files, each in the order of their names.
    pub(crate) fn circles(&self) -> Vec<Vec<String>> {
        let mut reached: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
        for (path, module) in &self.modules {
            let targets = reached.entry(&module.file).or_default();
            for written in &module.paths {
                if let Some(Target::ItemOf(found)) = self.resolve(path, written, 0)
                    && let Some(found) = self.modules.get(&found)
                {
                    targets.insert(&found.file);
                }
            }
        }
        loop {
            let mut grown = false;
            for file in reached.keys().copied().collect::<Vec<_>>() {
                let next: BTreeSet<&Path> =
                    reached[file].iter().flat_map(|next| reached[next].iter().copied()).collect();
                let targets = reached.entry(file).or_default();
                let before = targets.len();
                targets.extend(next);
                grown |= targets.len() > before;
            }
            if !grown {
                break;
            }
        }
        let mut circles = BTreeSet::new();
        for (file, targets) in &reached {
            let others = targets.iter().filter(|other| *other != file && reached[**other].contains(file));
            let mut circle: Vec<String> = others.chain([file]).map(|path| self.name(path)).collect();
            circle.sort();
            if circle.len() > 1 {
                circles.insert(circle);
            }
        }
        circles.into_iter().collect()
    }

    fn name(&self, file: &Path) -> String {
        file.strip_prefix(&self.root).unwrap().display().to_string()
    }
}

struct Reader {
    module: Module,
    children: Vec<ItemMod>,
}

impl Reader {
    fn note(&mut self, item: &Item) {
        let name = match item {
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Macro(item) => match &item.ident {
                Some(name) => name,
                None => return self.made_by_macro(&item.mac),
            },
            _ => return,
        };
        self.module.items.insert(name.to_string());
    }

    /// What a macro at the top of a file makes may have any name that is written in it.
    fn made_by_macro(&mut self, tokens: &Macro) {
        let text = tokens.tokens.to_string();
        let names = text.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        self.module.items.extend(names.filter(|name| !name.is_empty()).map(str::to_owned));
    }

    fn tree(&mut self, before: &[String], tree: &UseTree, passes_on: bool) {
        let with = |name: &syn::Ident| [before.to_vec(), vec![name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.tree(&with(&path.ident), &path.tree, passes_on),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(before, tree, passes_on)),
            UseTree::Glob(_) => self.module.globs.push(before.to_vec()),
            UseTree::Name(name) if name.ident == "self" => {
                self.bind(before.last().cloned().unwrap_or_default(), before.to_vec(), passes_on);
            }
            UseTree::Name(name) => self.bind(name.ident.to_string(), with(&name.ident), passes_on),
            UseTree::Rename(rename) => self.bind(rename.rename.to_string(), with(&rename.ident), passes_on),
        }
    }

    /// A name that is passed on ties this file to nothing; one that is used does.
    fn bind(&mut self, name: String, path: Vec<String>, passes_on: bool) {
        if !passes_on {
            self.module.paths.push(path.clone());
        }
        self.module.uses.insert(name, path);
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let passes_on = !matches!(item.vis, syn::Visibility::Inherited);
        self.tree(&[], &item.tree, passes_on);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !is_for_tests(&item.attrs) {
            self.children.push(item.clone());
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if path.leading_colon.is_none() {
            self.module.paths.push(names);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, tokens: &'ast Macro) {
        let text = tokens.tokens.to_string().replace(" :: ", "::").replace(":: ", "::").replace(" ::", "::");
        for word in text.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':') {
            let names: Vec<String> = word.split("::").map(str::to_owned).collect();
            if names.iter().all(|name| !name.is_empty() && !name.contains(':')) {
                self.module.paths.push(names);
            }
        }
        visit::visit_macro(self, tokens);
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string().starts_with("test"))
    })
}
