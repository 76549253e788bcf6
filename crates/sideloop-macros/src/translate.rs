//! Where a signature in a `#[synced]` module names a type that has a wrapper: from the one to the other.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Error, Expr, FnArg, GenericArgument, Generics, Ident, ImplItem, Item, ItemImpl, PathArguments,
    ReceiverKind, Result, Signature, Type, Visibility, parse_quote,
};

use crate::future::gives;

/// The types of a module that have a wrapper.
pub(crate) struct Wrapped(Vec<Of>);

struct Of {
    // As the type's, if that is to be seen.
    vis: Option<Visibility>,
    name: Ident,
    generics: Generics,
}

/// One of them.
pub(crate) struct Named<'a> {
    pub(crate) vis: Option<&'a Visibility>,
    pub(crate) name: &'a Ident,
    pub(crate) generics: &'a Generics,
}

impl Wrapped {
    /// Those with a method that waits.
    pub(crate) fn of(items: &[Item]) -> Self {
        let waits = |item: &Item, of: &Ident| {
            match item {
            Item::Impl(block) if block.trait_.is_none() => {
                name(&block.self_ty) == Some(of)
                    && block.items.iter().any(|member| {
                        matches!(member, ImplItem::Fn(function) if gives(&function.sig).is_some())
                    })
            }
            _ => false,
        }
        };
        let types = items.iter().filter_map(|item| match item {
            Item::Struct(of) => Some((&of.vis, &of.ident, &of.generics)),
            Item::Enum(of) => Some((&of.vis, &of.ident, &of.generics)),
            _ => None,
        });
        let wrapped = types.filter(|(_, name, _)| items.iter().any(|item| waits(item, name)));
        Self(
            wrapped
                .map(|(vis, name, generics)| Of {
                    vis: Some(vis.clone()),
                    name: name.clone(),
                    generics: generics.clone(),
                })
                .collect(),
        )
    }

    pub(crate) fn types(&self) -> impl Iterator<Item = Named<'_>> {
        self.0.iter().map(|Of { vis, name, generics }| Named { vis: vis.as_ref(), name, generics })
    }

    /// The type of an `impl`, which says what parameters it has.
    pub(crate) fn by(block: &ItemImpl) -> Result<Self> {
        let cannot = || {
            Error::new_spanned(
                &block.self_ty,
                "the counterpart of this type cannot be made from its `impl` alone: write it by its name, with all \
                 of its parameters by theirs (`impl<'a, T> Client<'a, T>`), or put `#[synced]` on its module",
            )
        };
        let Type::Path(of) = &*block.self_ty else { return Err(cannot()) };
        let name = name(&block.self_ty).ok_or_else(cannot)?;
        let arguments = of.path.segments.last().map(|segment| segment.arguments.to_token_stream());
        let parameters = block.generics.split_for_impl().1.to_token_stream();
        if arguments.map(|given| given.to_string()) != Some(parameters.to_string()) {
            return Err(cannot());
        }
        let generics = block.generics.clone();
        Ok(Self(vec![Of { vis: None, name: name.clone(), generics }]))
    }

    pub(crate) fn has(&self, name: &Ident) -> bool {
        self.0.iter().any(|of| of.name == *name)
    }

    /// Whether a wrapper, or `Self`, stands anywhere in it.
    pub(crate) fn is_named_in(&self, what: impl ToTokens) -> bool {
        self.names(what.to_token_stream())
    }

    fn names(&self, tokens: TokenStream) -> bool {
        tokens.into_iter().any(|tree| match tree {
            TokenTree::Ident(ident) => ident == "Self" || self.has(&ident),
            TokenTree::Group(group) => self.names(group.stream()),
            TokenTree::Punct(_) | TokenTree::Literal(_) => false,
        })
    }

    /// Whether the type is one of them itself.
    fn is(&self, of: &Type) -> bool {
        name(of).is_some_and(|name| name == "Self" || self.has(name))
    }
}

/// `Name` of `Name<…>`.
pub(crate) fn name(of: &Type) -> Option<&Ident> {
    match of {
        Type::Path(path) if path.qself.is_none() && path.path.segments.len() == 1 => {
            path.path.segments.last().map(|segment| &segment.ident)
        }
        _ => None,
    }
}

/// One module deeper, `pub(super)` and the like would mean another place.
pub(crate) fn visibility(vis: &Visibility) -> Visibility {
    match vis {
        Visibility::Public(_) => vis.clone(),
        Visibility::Restricted(restricted) if restricted.path.is_ident("crate") => vis.clone(),
        Visibility::Restricted(restricted) if restricted.path.is_ident("super") => {
            parse_quote!(pub(in super::super))
        }
        Visibility::Restricted(_) | Visibility::Inherited => parse_quote!(pub(super)),
    }
}

/// The arguments as the original takes them.
pub(crate) fn arguments(
    sig: &Signature,
    arguments: Vec<Expr>,
    wrapped: &Wrapped,
) -> Result<Vec<Expr>> {
    let pairs = sig.inputs.iter().zip(arguments);
    pairs.map(|(input, argument)| one(input, argument, wrapped)).collect()
}

fn one(input: &FnArg, argument: Expr, wrapped: &Wrapped) -> Result<Expr> {
    let typed = match input {
        FnArg::Receiver(receiver) => {
            return match &receiver.kind {
                ReceiverKind::Value => Ok(parse_quote!(self.0.into_inner())),
                ReceiverKind::Reference(_, _, None) => Ok(parse_quote!(&*self.0)),
                ReceiverKind::Reference(_, _, Some(_)) => Ok(parse_quote!(&mut *self.0)),
                _ => Err(cannot(receiver)),
            };
        }
        FnArg::Typed(typed) => &*typed.ty,
    };
    match typed {
        of if wrapped.is(of) => Ok(parse_quote!(#argument.into_async())),
        Type::Reference(to) if wrapped.is(&to.elem) => Ok(match to.mutability {
            None => parse_quote!(&*#argument.0),
            Some(_) => parse_quote!(&mut *#argument.0),
        }),
        of if wrapped.is_named_in(of) => Err(cannot(of)),
        _ => Ok(argument),
    }
}

/// The output as the counterpart gives it.
pub(crate) fn output(given: TokenStream, of: &Type, wrapped: &Wrapped) -> Result<TokenStream> {
    if !wrapped.is_named_in(of) {
        return Ok(given);
    }
    if wrapped.is(of) {
        return Ok(quote!(::core::convert::From::from(#given)));
    }
    let Type::Path(path) = of else { return Err(cannot(of)) };
    let Some(segment) = path.path.segments.last() else { return Err(cannot(of)) };
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return Err(cannot(of));
    };
    let mut types = arguments.args.iter();
    let Some(GenericArgument::Type(inner)) = types.next() else { return Err(cannot(of)) };
    if types.any(|rest| wrapped.is_named_in(rest)) {
        return Err(cannot(of));
    }
    let inside = output(quote!(output), inner, wrapped)?;
    match segment.ident.to_string().as_str() {
        "Result" | "Option" => Ok(quote!((#given).map(|output| #inside))),
        "Vec" => Ok(quote!((#given).into_iter().map(|output| #inside).collect())),
        _ => Err(cannot(of)),
    }
}

fn cannot(of: &impl ToTokens) -> Error {
    Error::new_spanned(
        of,
        "a type that has a blocking counterpart can be translated by itself, behind `&` or `&mut`, and in \
         `Result`, `Option` and `Vec`, but not here: put `#[synced(skip)]` on the function, and write its \
         counterpart by hand",
    )
}
