//! The blocking counterpart of a module: a module `blocking` in it, with the same names.
//!
//! A free function becomes a function that waits. A type with async methods becomes a wrapper of the same name:
//! what is async waits, and for everything else it is the wrapped one, by `Deref`. Where a signature names such
//! a type, the counterpart takes and gives wrappers (`translate.rs`).

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{
    Attribute, Error, Generics, Ident, ImplItem, ImplItemFn, Item, ItemImpl, ItemMod, Result,
    ReturnType, Signature, Type, Visibility, parse_quote,
};

use crate::carried::carried;
use crate::future::{Gives, gives};
use crate::options::{Options, Own};
use crate::translate::{self, Wrapped};
use crate::twin::{call, runs, signature};

/// The module with its counterpart.
pub(crate) fn annotate(options: &Options, mut module: ItemMod) -> Result<TokenStream> {
    let span = module.mod_token.span;
    let Some((_, items)) = &mut module.content else {
        let message = "the module's items must stand here, in braces, for `#[synced]` to see them";
        return Err(Error::new_spanned(&module, message));
    };
    let wrapped = Wrapped::of(items);
    let mut made = TokenStream::new();
    for item in items.iter_mut() {
        match item {
            Item::Fn(function) => {
                let Some(options) = asked(&mut function.attrs, options)? else { continue };
                let path = parse_quote!(super);
                made.extend(counterpart(
                    Original { attrs: &function.attrs, vis: &function.vis, sig: &function.sig },
                    &path,
                    &wrapped,
                    &options,
                )?);
            }
            Item::Impl(block) if block.trait_.is_none() => {
                made.extend(methods(block, &wrapped, options)?);
            }
            _ => {}
        }
    }
    if made.is_empty() {
        return Err(Error::new(span, NOTHING));
    }
    let of = format!("[`{}`](super)", module.ident);
    items.push(Item::Verbatim(blocking(&parse_quote!(pub), &of, &wrapped, &made, options)));
    Ok(module.into_token_stream())
}

/// An `impl`, and beside it a module `blocking` with the counterpart of its type.
pub(crate) fn beside(
    vis: &Visibility,
    options: &Options,
    mut block: ItemImpl,
) -> Result<TokenStream> {
    let wrapped = Wrapped::by(&block)?;
    let waits = |member: &ImplItem| matches!(member, ImplItem::Fn(function) if gives(&function.sig).is_some());
    if !block.items.iter().any(waits) {
        return Err(Error::new_spanned(block.impl_token, NOTHING));
    }
    let made = methods(&mut block, &wrapped, options)?;
    let of = block.self_ty.to_token_stream().to_string().replace(' ', "");
    let counterpart = blocking(vis, &format!("`{of}`"), &wrapped, &made, options);
    Ok(quote!(#block #counterpart))
}

const NOTHING: &str =
    "no `async fn` stands in here, so there is nothing to make: remove `#[synced]`";

/// The module `blocking`.
fn blocking(
    vis: &Visibility,
    of: &str,
    wrapped: &Wrapped,
    made: &TokenStream,
    options: &Options,
) -> TokenStream {
    let wrappers = wrapped
        .types()
        .map(|each| wrapper(each.vis.unwrap_or(vis), each.name, each.generics, options));
    let documentation = format!(
        "The blocking counterpart of {of}: the same names, and each call blocks the calling thread until it is \
         done."
    );
    quote! {
        #[doc = #documentation]
        #vis mod blocking {
            #[allow(unused_imports)] // what the signatures need of it
            use super::*;

            #(#wrappers)*

            #made
        }
    }
}

/// What a member's own attributes ask for, if it is to have a counterpart.
fn asked(attrs: &mut Vec<Attribute>, block: &Options) -> Result<Option<Options>> {
    let options: Options = match Own::take(attrs)? {
        Own::Nothing => Options::default(),
        Own::Always(options) => *options,
        Own::If(conditions) => {
            let message = "in a `#[synced]` module a condition goes on the whole function";
            let spans = conditions.into_iter().map(|(condition, _)| condition);
            return Err(Error::new_spanned(spans.collect::<Vec<_>>().first(), message));
        }
    };
    options.refuse_blocking()?;
    Ok(options.skip.is_none().then(|| options.or(block)))
}

/// A function or method as it was written.
struct Original<'a> {
    attrs: &'a [Attribute],
    vis: &'a Visibility,
    sig: &'a Signature,
}

/// What stands in the module `blocking` for a function, or for a method of the type at `path`.
fn counterpart(
    original: Original,
    path: &syn::Path,
    wrapped: &Wrapped,
    options: &Options,
) -> Result<TokenStream> {
    let Original { attrs, vis, sig } = original;
    let gives = gives(sig);
    let method = path.segments.len() > 1;
    let names_wrapped = wrapped.is_named_in(sig);
    if gives.is_none() && !(method && (sig.receiver().is_none() || names_wrapped)) {
        return Ok(TokenStream::new());
    }
    let name = options.name.clone().unwrap_or_else(|| sig.ident.clone());
    let (mut twin, arguments) = signature(sig, name)?;
    let arguments = translate::arguments(&twin, arguments, wrapped)?;
    let call = call(&path.to_token_stream(), sig, &arguments);
    let (run, output) = match &gives {
        None => (call, sig.output.clone()),
        Some(gives) => (runs(gives, options, &call), output(gives, sig, options)),
    };
    let run = match (&gives, &output, &options.timeout) {
        (Some(Gives::Stream(_)), ..) | (_, ReturnType::Default, _) => run,
        (_, ReturnType::Type(_, output), None) => translate::output(run, output, wrapped)?,
        (_, ReturnType::Type(_, output), Some(_)) => {
            let inner = translate::output(quote!(output), output, wrapped)?;
            quote!(#run.map(|output| #inner))
        }
    };
    twin.output = match (output, &options.timeout, &gives) {
        (ReturnType::Default, None, _) => ReturnType::Default,
        (output, Some(_), Some(Gives::Async | Gives::Future(_))) => {
            let sideloop = options.sideloop();
            let output: Type = match output {
                ReturnType::Default => parse_quote!(()),
                ReturnType::Type(_, output) => *output,
            };
            parse_quote!(-> ::core::result::Result<#output, #sideloop::TimedOut>)
        }
        (output, ..) => output,
    };
    let attributes = attrs.iter().filter_map(carried);
    let vis = translate::visibility(vis);
    let link = if method {
        let of = path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        format!("super::{of}::{}", sig.ident)
    } else {
        format!("fn@super::{}", sig.ident)
    };
    let blocks = format!("Blocks the calling thread; see [`{}`]({link}).", sig.ident);
    let documentation = gives.is_some().then(|| quote!(#[doc = ""] #[doc = #blocks]));
    Ok(quote! {
        #(#attributes)*
        #documentation
        #[allow(deprecated, clippy::missing_errors_doc, clippy::must_use_candidate)]
        #[track_caller]
        #vis #twin {
            #run
        }
    })
}

/// What the counterpart returns, before wrappers and limits.
fn output(gives: &Gives, sig: &Signature, options: &Options) -> ReturnType {
    match gives {
        Gives::Async => sig.output.clone(),
        Gives::Future(output) => parse_quote!(-> #output),
        Gives::Stream(stream) => {
            let sideloop = options.sideloop();
            parse_quote!(-> #sideloop::Iter<#stream>)
        }
    }
}

/// The methods of a wrapper.
fn methods(block: &mut ItemImpl, wrapped: &Wrapped, options: &Options) -> Result<TokenStream> {
    let Some(name) = translate::name(&block.self_ty).filter(|name| wrapped.has(name)).cloned()
    else {
        return Ok(TokenStream::new());
    };
    let path = parse_quote!(super::#name);
    let mut made = TokenStream::new();
    for member in &mut block.items {
        let ImplItem::Fn(ImplItemFn { attrs, vis, sig, .. }) = member else { continue };
        let Some(options) = asked(attrs, options)? else { continue };
        if matches!(vis, Visibility::Inherited) {
            continue;
        }
        made.extend(counterpart(Original { attrs, vis, sig }, &path, wrapped, &options)?);
    }
    let (impl_generics, _, where_clause) = block.generics.split_for_impl();
    let of = &block.self_ty;
    Ok(quote!(impl #impl_generics #of #where_clause { #made }))
}

/// A wrapper: the wrapped one, dropped inside.
fn wrapper(vis: &Visibility, name: &Ident, generics: &Generics, options: &Options) -> TokenStream {
    let sideloop = options.sideloop();
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let vis = translate::visibility(vis);
    let documentation = format!(
        "The blocking counterpart of [`{name}`](super::{name}), which it holds. It is dropped with sideloop's \
         runtime entered."
    );
    let inside = match &options.runner {
        Some(runner) => quote!((#runner).inside(inner)),
        None => quote!(#sideloop::inside(inner)),
    };
    let inner = quote!(super::#name #ty_generics);
    quote! {
        #[doc = #documentation]
        #vis struct #name #generics (#sideloop::Inside<#inner>) #where_clause;

        impl #impl_generics #name #ty_generics #where_clause {
            /// The async one.
            #[must_use]
            pub fn into_async(self) -> #inner {
                self.0.into_inner()
            }
        }

        impl #impl_generics ::core::convert::From<#inner> for #name #ty_generics #where_clause {
            fn from(inner: #inner) -> Self {
                Self(#inside)
            }
        }

        impl #impl_generics ::core::ops::Deref for #name #ty_generics #where_clause {
            type Target = #inner;

            fn deref(&self) -> &#inner {
                &self.0
            }
        }

        impl #impl_generics ::core::ops::DerefMut for #name #ty_generics #where_clause {
            fn deref_mut(&mut self) -> &mut #inner {
                &mut self.0
            }
        }
    }
}
