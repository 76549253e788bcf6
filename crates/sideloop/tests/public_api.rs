//! The crate's public surface, a line an item, as `public-api.txt` has it: what changes there is seen in review.
//!
//! `SIDELOOP_WRITE=1 cargo test -p sideloop --test public_api` writes it anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use quote::ToTokens;
use syn::{Attribute, ImplItem, Item, Meta, Type, UseTree, Visibility};

fn text(tokens: impl ToTokens) -> String {
    // Tokens have blanks between them; a reader wants fewer.
    let mut text = tokens.to_token_stream().to_string();
    for (loose, tight) in [
        (" :: ", "::"),
        (" < ", "<"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        ("& ", "&"),
        (" ,", ","),
        (" :", ":"),
        ("( ", "("),
        (" )", ")"),
        (" (", "("),
        ("- >", "->"),
        (") ->", ") ->"),
        (":: ", "::"),
        ("->", " -> "),
        ("  ", " "),
    ] {
        text = text.replace(loose, tight);
    }
    text
}

fn is_public(vis: &Visibility) -> bool {
    matches!(vis, Visibility::Public(_))
}

fn is_marked(attrs: &[Attribute], name: &str) -> bool {
    attrs.iter().any(|attr| attr.path().is_ident(name))
}

fn names(tree: &UseTree, module: &mut Option<String>, found: &mut Vec<String>) {
    match tree {
        UseTree::Path(path) => {
            module.get_or_insert_with(|| path.ident.to_string());
            names(&path.tree, module, found);
        }
        UseTree::Name(name) => found.push(name.ident.to_string()),
        UseTree::Group(group) => group.items.iter().for_each(|tree| names(tree, module, found)),
        UseTree::Rename(_) | UseTree::Glob(_) => {
            unreachable!("the crate's root names what it exports")
        }
    }
}

fn parse(file: &Path) -> Vec<Item> {
    let source = fs::read_to_string(file).expect("the crate's sources");
    syn::parse_file(&source).expect("Rust").items
}

/// What the root exports.
fn exported(root: &Path, lines: &mut BTreeSet<String>) -> BTreeSet<String> {
    let mut exported = BTreeSet::new();
    for item in parse(&root.join("lib.rs")) {
        match item {
            Item::Use(item) if is_public(&item.vis) => {
                let (mut module, mut found) = (None, Vec::new());
                names(&item.tree, &mut module, &mut found);
                if module.as_deref() == Some("sideloop_macros") {
                    lines.extend(found.iter().map(|name| format!("macro {name} (feature macros)")));
                } else {
                    exported.extend(found);
                }
            }
            Item::Mod(item) if is_public(&item.vis) => {
                lines.insert(format!("mod {}", item.ident));
            }
            _ => {}
        }
    }
    exported
}

fn derived(attrs: &[Attribute]) -> Vec<String> {
    let derives = attrs.iter().filter_map(|attr| match &attr.meta {
        Meta::List(list) if list.path.is_ident("derive") => Some(list.tokens.to_string()),
        _ => None,
    });
    derives
        .flat_map(|list| list.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>())
        .collect()
}

fn of_a_type(
    lines: &mut BTreeSet<String>,
    attrs: &[Attribute],
    kind: &str,
    name: &str,
    generics: &syn::Generics,
) {
    let open = if is_marked(attrs, "non_exhaustive") { " (non_exhaustive)" } else { "" };
    lines.insert(format!("{kind} {name}{}{open}", text(generics)));
    lines.extend(derived(attrs).iter().map(|derived| format!("impl {derived} for {name}")));
}

/// The features that the manifest has, as it has them.
fn features() -> Vec<String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest = fs::read_to_string(manifest).expect("the manifest");
    let lines = manifest.lines().skip_while(|line| *line != "[features]").skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let features = lines.filter(|line| line.contains(" = "));
    features.map(|feature| format!("feature {feature}")).collect()
}

fn list() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut lines = BTreeSet::from_iter(features());
    let public = exported(&root, &mut lines);
    let names_public = |of: &Type| match of {
        Type::Path(path) => {
            path.path.segments.last().is_some_and(|last| public.contains(&last.ident.to_string()))
        }
        _ => false,
    };
    let mut files: Vec<_> =
        fs::read_dir(&root).expect("sources").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    for item in files.iter().flat_map(|file| parse(file)) {
        match item {
            Item::Fn(item)
                if is_public(&item.vis) && public.contains(&item.sig.ident.to_string()) =>
            {
                lines.insert(text(&item.sig));
            }
            Item::Struct(item) if public.contains(&item.ident.to_string()) => {
                of_a_type(
                    &mut lines,
                    &item.attrs,
                    "struct",
                    &item.ident.to_string(),
                    &item.generics,
                );
                for field in item.fields.iter().filter(|field| is_public(&field.vis)) {
                    lines.insert(format!("{}.{}", item.ident, text(field)));
                }
            }
            Item::Enum(item) if public.contains(&item.ident.to_string()) => {
                of_a_type(&mut lines, &item.attrs, "enum", &item.ident.to_string(), &item.generics);
                lines.extend(
                    item.variants
                        .iter()
                        .map(|variant| format!("{}::{}", item.ident, variant.ident)),
                );
            }
            Item::Impl(item) => match &item.trait_ {
                None if names_public(&item.self_ty) => {
                    for member in &item.items {
                        let ImplItem::Fn(member) = member else { continue };
                        if is_public(&member.vis) {
                            lines.insert(format!("{}: {}", text(&item.self_ty), text(&member.sig)));
                        }
                    }
                }
                Some((path, _)) if names_public(&item.self_ty) => {
                    lines.insert(format!(
                        "impl{} {} for {}",
                        text(&item.generics),
                        text(path),
                        text(&item.self_ty)
                    ));
                }
                Some((path, _)) if path.segments.len() == 1 && text(path).starts_with("From<") => {
                    let from = text(path);
                    if public.iter().any(|name| from.contains(name.as_str())) {
                        lines.insert(format!("impl {from} for {}", text(&item.self_ty)));
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }
    lines
}

#[test]
fn is_the_one_that_was_written_down() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("public-api.txt");
    let now = list().into_iter().collect::<Vec<_>>().join("\n") + "\n";
    if std::env::var_os("SIDELOOP_WRITE").is_some() {
        fs::write(&file, &now).expect("it can be written");
    }
    let written = fs::read_to_string(&file).expect("public-api.txt");
    let gone: Vec<_> =
        written.lines().filter(|line| !now.lines().any(|now| now == *line)).collect();
    let new: Vec<_> = now.lines().filter(|line| !written.lines().any(|old| old == *line)).collect();
    assert!(
        gone.is_empty() && new.is_empty(),
        "the public surface has changed: gone {gone:#?}, new {new:#?}. If that is meant, write public-api.txt \
         anew (the head of this test says how); what is gone or changed breaks programs"
    );
}
