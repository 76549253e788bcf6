//! What the attribute stands on: a function, or a block of functions. Finds the `async fn`s in it.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{ParseStream, Parser};
use syn::{
    Attribute, Error, ImplItem, ItemImpl, ItemTrait, Meta, Result, Signature, Token, TraitItem,
    Visibility, parse_quote,
};

use crate::future::gives;
use crate::module;
use crate::options::{Options, Own};
use crate::twin::{Function, Scope, twin};

/// The item and its twins; or the item and what is wrong, so that no other error follows from it.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = syn::parse2(options)
        .and_then(|options| (|input: ParseStream| annotate(options, input)).parse2(item.clone()));
    expanded.unwrap_or_else(|error| {
        let error = error.into_compile_error();
        quote!(#item #error)
    })
}

fn annotate(options: Options, input: ParseStream) -> Result<TokenStream> {
    let ahead = input.fork();
    let attrs = ahead.call(Attribute::parse_outer)?;
    let vis: Visibility = ahead.parse()?;
    let block = if ahead.peek(Token![unsafe]) {
        ahead.peek2(Token![impl])
    } else {
        ahead.peek(Token![impl])
    };
    if block {
        return annotate_impl(&options, input.parse()?);
    }
    options.refuse_blocking()?;
    if ahead.peek(Token![trait]) || ahead.peek(Token![unsafe]) && ahead.peek2(Token![trait]) {
        return annotate_trait(&options, input.parse()?);
    }
    if ahead.peek(Token![mod]) {
        refuse_on_a_block(&options)?;
        return module::annotate(&options, input.parse()?);
    }
    let Ok(sig) = ahead.fork().parse::<Signature>() else {
        return Err(ahead.error(
            "`#[synced]` makes a blocking twin of an `async fn`: put it on an `async fn`, an \
             `impl`, a `trait` or a `mod`",
        ));
    };
    let item: TokenStream = input.parse()?;
    let scope = Scope::of(&sig);
    let twin = twin(Function { attrs: &attrs, vis: &vis, sig: &sig, scope }, options)?;
    Ok(quote!(#item #twin))
}

fn annotate_impl(options: &Options, mut item: ItemImpl) -> Result<TokenStream> {
    refuse_on_a_block(options)?;
    if let Some((path, _)) = &item.trait_ {
        let name =
            path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        return Err(Error::new_spanned(
            path,
            format!(
                "nothing can be added to the implementation of a trait: put `#[synced]` on the \
                 trait `{name}`, or move the `async fn`s to an `impl` without a trait"
            ),
        ));
    }
    if let Some((_, vis)) = &options.blocking {
        return module::beside(vis, options, item);
    }
    let mut block = Block::default();
    for mut member in std::mem::take(&mut item.items) {
        let twin = match &mut member {
            ImplItem::Fn(function) => {
                block.member(&mut function.attrs, &function.vis, &function.sig, options)
            }
            _ => None,
        };
        item.items.push(member);
        item.items.extend(twin.map(ImplItem::Verbatim));
    }
    block.end(&item, item.impl_token)
}

fn annotate_trait(options: &Options, mut item: ItemTrait) -> Result<TokenStream> {
    refuse_on_a_block(options)?;
    let mut block = Block::default();
    for mut member in std::mem::take(&mut item.items) {
        let twin = match &mut member {
            TraitItem::Fn(function) => {
                block.member(&mut function.attrs, &Visibility::Inherited, &function.sig, options)
            }
            _ => None,
        };
        item.items.push(member);
        item.items.extend(twin.map(TraitItem::Verbatim));
    }
    block.end(&item, item.trait_token)
}

fn refuse_on_a_block(options: &Options) -> Result<()> {
    if let Some(span) = options.skip {
        return Err(Error::new(span, "nothing to skip: remove `#[synced(skip)]`"));
    }
    match &options.name {
        None => Ok(()),
        Some(name) => Err(Error::new(
            name.span(),
            format!(
                "a name is for one function: put `#[synced(name = {name})]` on the `async fn` that \
                 it is for"
            ),
        )),
    }
}

/// What was found in the members of a block so far.
#[derive(Default)]
struct Block {
    asked: bool,
    wrong: Option<Error>,
}

impl Block {
    /// The twin of a member, if it is to have one. Its own `#[synced]` is taken off.
    fn member(
        &mut self,
        attrs: &mut Vec<Attribute>,
        vis: &Visibility,
        sig: &Signature,
        options: &Options,
    ) -> Option<TokenStream> {
        match own_twins(attrs, vis, sig, options) {
            Ok(twin) => {
                self.asked |= gives(sig).is_some();
                twin
            }
            Err(error) => {
                self.asked = true;
                match &mut self.wrong {
                    Some(wrong) => wrong.combine(error),
                    none => *none = Some(error),
                }
                None
            }
        }
    }

    /// The block with its twins, and with what is wrong in it.
    fn end(self, block: &impl ToTokens, keyword: impl ToTokens) -> Result<TokenStream> {
        if !self.asked {
            let message =
                "no `async fn` stands in here, so there is nothing to make: remove `#[synced]`";
            return Err(Error::new_spanned(keyword, message));
        }
        let wrong = self.wrong.map(Error::into_compile_error);
        Ok(quote!(#block #wrong))
    }
}

/// The twin of a member; or, where its attributes have conditions, one for each of them.
fn own_twins(
    attrs: &mut Vec<Attribute>,
    vis: &Visibility,
    sig: &Signature,
    block: &Options,
) -> Result<Option<TokenStream>> {
    let own = Own::take(attrs)?;
    let gives = gives(sig).is_some();
    let make = |options: Options, attrs: &[Attribute]| {
        options.refuse_blocking()?;
        if options.skip.is_some() && gives {
            return Ok(TokenStream::new());
        }
        twin(Function { attrs, vis, sig, scope: Scope::Type }, options.or(block))
    };
    match own {
        Own::Nothing if !gives => Ok(None),
        Own::Nothing => make(Options::default(), attrs).map(Some),
        Own::Always(options) => make(*options, attrs).map(Some),
        Own::If(asked) => {
            let mut twins = TokenStream::new();
            let conditions: Vec<Meta> =
                asked.iter().map(|(condition, _)| condition.clone()).collect();
            for (condition, options) in asked {
                let mut attrs = attrs.clone();
                attrs.push(parse_quote!(#[cfg(#condition)]));
                twins.extend(make(options, &attrs)?);
            }
            if gives {
                let mut attrs = attrs.clone();
                attrs.push(parse_quote!(#[cfg(not(any(#(#conditions),*)))]));
                twins.extend(make(Options::default(), &attrs)?);
            }
            Ok(Some(twins))
        }
    }
}
