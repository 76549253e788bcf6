//! Whether a function gives a future, and of what.

use quote::quote;
use syn::{
    GenericArgument, PathArguments, ReturnType, Signature, Type, TypeParamBound, TypePath,
    parse_quote,
};

use crate::options::Options;

/// How a function gives its output later.
pub(crate) enum Gives {
    /// It is an `async fn`.
    Async,
    /// It returns a future of this.
    Future(Type),
    /// It returns this, which is a stream.
    Stream(Type),
}

/// What a signature says of that, if it says anything.
pub(crate) fn gives(sig: &Signature) -> Option<Gives> {
    if sig.asyncness.is_some() {
        return Some(Gives::Async);
    }
    let ReturnType::Type(_, returned) = &sig.output else { return None };
    if is_stream(returned) {
        return Some(Gives::Stream((**returned).clone()));
    }
    output(returned).map(Gives::Future)
}

/// `impl Stream<Item = T>`, `BoxStream<'_, T>`.
fn is_stream(returned: &Type) -> bool {
    let names = |path: &syn::Path, names: &[&str]| {
        path.segments.last().is_some_and(|last| names.iter().any(|name| last.ident == name))
    };
    match returned {
        Type::ImplTrait(impl_trait) => impl_trait.bounds.iter().any(|bound| {
            matches!(bound, TypeParamBound::Trait(bound) if names(&bound.path, &["Stream"]))
        }),
        Type::Path(path) => names(&path.path, &["BoxStream", "LocalBoxStream"]),
        _ => false,
    }
}

fn output(returned: &Type) -> Option<Type> {
    match returned {
        Type::ImplTrait(impl_trait) => impl_trait.bounds.iter().find_map(output_of_bound),
        Type::Path(path) => output_of_path(path),
        Type::Paren(inner) => output(&inner.elem),
        _ => None,
    }
}

/// `T` of `Future<Output = T>`.
fn output_of_bound(bound: &TypeParamBound) -> Option<Type> {
    let TypeParamBound::Trait(bound) = bound else { return None };
    let segment = bound.path.segments.last()?;
    if segment.ident != "Future" {
        return None;
    }
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(assoc) if assoc.ident == "Output" => Some(assoc.ty.clone()),
        _ => None,
    })
}

/// `T` of `BoxFuture<'_, T>` and of `Pin<Box<dyn Future<Output = T>>>`.
fn output_of_path(path: &TypePath) -> Option<Type> {
    let segment = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    });
    match segment.ident.to_string().as_str() {
        "BoxFuture" | "LocalBoxFuture" => types.next_back().cloned(),
        "Pin" => match types.next()? {
            Type::Path(boxed) => {
                let segment = boxed.path.segments.last()?;
                let PathArguments::AngleBracketed(inner) = &segment.arguments else { return None };
                match inner.args.first()? {
                    GenericArgument::Type(Type::TraitObject(object)) => {
                        object.bounds.iter().find_map(output_of_bound)
                    }
                    _ => None,
                }
            }
            _ => None,
        },
        _ => None,
    }
}

/// What the twin returns: the output, as a limit on the wait changes it.
pub(crate) fn returned(sig: &Signature, gives: &Gives, options: &Options) -> ReturnType {
    let sideloop = options.sideloop();
    let late = options.timeout.is_some().then(|| quote!(#sideloop::TimedOut));
    let output: Type = match (gives, &sig.output) {
        (Gives::Future(output), _) => output.clone(),
        (Gives::Stream(stream), _) => return parse_quote!(-> #sideloop::Iter<#stream>),
        (Gives::Async, ReturnType::Type(_, output)) => (**output).clone(),
        (Gives::Async, ReturnType::Default) => parse_quote!(()),
    };
    match (late, gives, &sig.output) {
        (Some(late), ..) => parse_quote!(-> ::core::result::Result<#output, #late>),
        (None, Gives::Async, ReturnType::Default) => ReturnType::Default,
        (None, ..) => parse_quote!(-> #output),
    }
}
