//! Which attributes the twin takes over, and what its documentation adds.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, Meta, Token, parse_quote};

use crate::twin::Scope;

/// The attributes that speak about a function to the compiler and to its callers.
///
/// All others are left alone with the `async fn`: an attribute macro may do anything at all (a
/// second span, a second test, a second route), and what names a symbol may be there only once.
const CARRIED: [&str; 12] = [
    "allow",
    "cfg",
    "cold",
    "deny",
    "deprecated",
    "doc",
    "expect",
    "forbid",
    "inline",
    "must_use",
    "target_feature",
    "warn",
];

/// The attribute as the twin has it, if it has it.
pub(crate) fn carried(attribute: &Attribute) -> Option<Attribute> {
    let meta = carried_meta(&attribute.meta)?;
    Some(parse_quote!(#[#meta]))
}

fn carried_meta(meta: &Meta) -> Option<Meta> {
    let name = meta.path().get_ident()?.to_string();
    match (name.as_str(), meta) {
        // What the async fn's body was expected to do, the twin's need not.
        ("expect", Meta::List(list)) => {
            let lints = &list.tokens;
            Some(parse_quote!(allow(#lints)))
        }
        ("cfg_attr", Meta::List(list)) => conditional(&list.tokens),
        (name, _) => CARRIED.contains(&name).then(|| meta.clone()),
    }
}

/// `cfg_attr(condition, attribute, …)` with those of its attributes that are carried.
fn conditional(tokens: &TokenStream) -> Option<Meta> {
    let parts = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens.clone()).ok()?;
    let mut parts = parts.into_iter();
    let condition = parts.next()?;
    let attributes: Vec<Meta> = parts.filter_map(|meta| carried_meta(&meta)).collect();
    (!attributes.is_empty()).then(|| parse_quote!(cfg_attr(#condition, #(#attributes),*)))
}

/// What is said below the function's own documentation. If there is none, this is all.
pub(crate) fn documentation(attrs: &[Attribute], original: &Ident, scope: Scope) -> TokenStream {
    let name = original.unraw();
    let link = match scope {
        Scope::Module => format!("fn@{name}"),
        Scope::Type => format!("method@Self::{name}"),
    };
    let twin = format!(
        "The blocking twin of [`{name}`]({link}): blocks the calling thread until it is done, with \
         `sideloop::run_sync`."
    );
    if attrs.iter().any(|attr| attr.path().is_ident("doc")) {
        quote! {
            #[doc = ""]
            #[doc = "# Blocking"]
            #[doc = ""]
            #[doc = #twin]
        }
    } else {
        quote!(#[doc = #twin])
    }
}
