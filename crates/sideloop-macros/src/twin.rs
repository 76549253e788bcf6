//! The blocking twin of one `async fn`.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::{
    Attribute, Error, Expr, FnArg, GenericParam, Ident, Pat, PatIdent, PatType, Result, Safety,
    Signature, Visibility, parse_quote,
};

use crate::carried::{carried, documentation};
use crate::future::{Gives, gives, returned};
use crate::options::Options;

/// A function as it was written, without its body.
pub(crate) struct Function<'a> {
    pub(crate) attrs: &'a [Attribute],
    pub(crate) vis: &'a Visibility,
    pub(crate) sig: &'a Signature,
    pub(crate) scope: Scope,
}

/// How the twin names the function that it calls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// By its name.
    Module,
    /// By `Self::` and its name.
    Type,
}

impl Scope {
    /// An attribute on a function does not see what is around it, but its signature mostly tells.
    pub(crate) fn of(sig: &Signature) -> Self {
        if says_self(sig.to_token_stream()) { Scope::Type } else { Scope::Module }
    }
}

fn says_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|tree| match tree {
        TokenTree::Ident(ident) => ident == "self" || ident == "Self",
        TokenTree::Group(group) => says_self(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// Attributes that make an `async fn` a sync one by themselves.
const ENTRIES: [&str; 2] = ["main", "test"];

/// Makes the twin that `options` asks for.
pub(crate) fn twin(function: Function, options: Options) -> Result<TokenStream> {
    let Function { attrs, vis, sig, scope } = function;
    refuse_entry(attrs, sig)?;
    let Some(gives) = gives(sig) else { return Err(not_async(sig)) };
    let name = name(&sig.ident, &options)?;
    let (mut sig, arguments) = signature(sig, name)?;
    sig.output = returned(function.sig, &gives, &options);
    let path = match scope {
        Scope::Module => TokenStream::new(),
        Scope::Type => quote!(Self),
    };
    let call = call(&path, function.sig, &arguments);
    let attributes = attrs.iter().filter_map(carried);
    // So that what goes wrong in the bridge names the caller's line. Only Rust's own ABI has it.
    let track_caller = sig.abi.is_none().then(|| quote!(#[track_caller]));
    let documentation = documentation(attrs, &function.sig.ident, scope);
    let runs = runs(&gives, &options, &call);
    let hint = (scope == Scope::Module).then(|| Hint::new(&function, &sig.ident));
    let looks = hint.as_ref().map(Hint::looks);
    Ok(quote! {
        #hint
        #(#attributes)*
        #documentation
        #[allow(deprecated)] // to call the function is the twin's purpose
        #track_caller
        #vis #sig {
            #looks
            #runs
        }
    })
}

/// What to write, said by the compiler where an associated function was taken for a free one.
///
/// An attribute does not see the `impl` around it. A constant beside the twin does: there it is an associated
/// one, which the twin does not find by its name, and the name is in the message.
struct Hint<'a> {
    name: Ident,
    conditions: Vec<&'a Attribute>,
}

impl<'a> Hint<'a> {
    /// Named after the twin, of which there is one in its scope.
    fn new(function: &Function<'a>, twin: &Ident) -> Self {
        let name = format_ident!(
            "{}_is_an_associated_function_so_put_synced_on_its_impl",
            twin.unraw(),
            span = Span::call_site().located_at(function.sig.ident.span())
        );
        let conditions = function.attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
        Self { name, conditions: conditions.collect() }
    }

    fn looks(&self) -> TokenStream {
        let name = &self.name;
        quote!(let () = #name;)
    }
}

impl ToTokens for Hint<'_> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { name, conditions } = self;
        tokens.extend(quote! {
            #(#conditions)*
            #[doc(hidden)]
            #[allow(non_upper_case_globals)] // it is read in a message alone
            const #name: () = ();
        });
    }
}

/// How the twin runs what `call` gives. A function that returns a future may need the runtime to make it.
pub(crate) fn runs(gives: &Gives, options: &Options, call: &TokenStream) -> TokenStream {
    let sideloop = options.sideloop();
    let with = match &options.runner {
        Some(runner) => quote!((#runner).),
        None => quote!(#sideloop::),
    };
    match (gives, &options.timeout) {
        (Gives::Async, None) => quote!(#with run_sync(#call)),
        (Gives::Async, Some(limit)) => quote!(#with run_sync_timeout(#call, #limit)),
        (Gives::Stream(_), _) => quote!(#with iter(#call)),
        (Gives::Future(_), None) => quote!(#with run_sync_with(move || #call)),
        (Gives::Future(_), Some(limit)) => {
            quote!(#with run_sync_with_timeout(move || #call, #limit))
        }
    }
}

fn not_async(sig: &Signature) -> Error {
    Error::new_spanned(
        sig.fn_token,
        format!(
            "`{name}` is not async and returns no `impl Future<Output = …>`, so it needs no blocking twin: \
             write `async fn {name}`, or remove `#[synced]`; if another attribute makes it async, put \
             `#[synced]` above that one; if one makes it sync (`#[tokio::main]` does), it can be called \
             as it is",
            name = sig.ident
        ),
    )
}

/// Below `#[synced]` stands what would make the function sync, and the twin would wait for no future.
fn refuse_entry(attrs: &[Attribute], sig: &Signature) -> Result<()> {
    let entry = attrs.iter().find(|attr| {
        let mut segments = attr.path().segments.iter();
        attr.path().segments.len() > 1
            && segments
                .next_back()
                .is_some_and(|last| ENTRIES.iter().any(|entry| last.ident == entry))
    });
    match entry {
        None => Ok(()),
        Some(attr) => {
            let path = attr.path().to_token_stream().to_string().replace(' ', "");
            Err(Error::new_spanned(
                attr,
                format!(
                    "the attribute `#[{path}]` already makes `{name}` a sync function, which any code may \
                     call: remove `#[synced]`, or move the body to an `async fn` of its own and put \
                     `#[synced]` there",
                    name = sig.ident
                ),
            ))
        }
    }
}

fn name(original: &Ident, options: &Options) -> Result<Ident> {
    if let Some(span) = options.skip {
        return Err(Error::new(
            span,
            "nothing to skip: `skip` is for an `async fn` in an `impl` or `trait` that is \
             `#[synced]`; remove this attribute",
        ));
    }
    match &options.name {
        // The user's place in the source, but our expansion: an unused twin is no dead code of
        // theirs.
        None => Ok(format_ident!(
            "{}_sync",
            original.unraw(),
            span = Span::call_site().located_at(original.span())
        )),
        Some(name) if name.unraw() == original.unraw() => Err(Error::new(
            name.span(),
            format!("`{name}` is the name of the `async fn`: give its twin another one"),
        )),
        Some(name) => Ok(name.clone()),
    }
}

/// The twin's signature, and what it calls the `async fn` with.
pub(crate) fn signature(original: &Signature, name: Ident) -> Result<(Signature, Vec<Expr>)> {
    let mut sig = original.clone();
    sig.asyncness = None;
    sig.ident = name;
    let mut arguments = Vec::new();
    for (index, input) in sig.inputs.iter_mut().enumerate() {
        match input {
            FnArg::Receiver(receiver) => {
                refuse_conditional(&receiver.attrs)?;
                receiver.attrs.clear();
                receiver.mutability = None;
                let token = receiver.self_token;
                arguments.push(parse_quote!(#token));
            }
            FnArg::Typed(argument) => {
                refuse_conditional(&argument.attrs)?;
                argument.attrs.clear();
                let name = plain(argument, index);
                arguments.push(parse_quote!(#name));
            }
        }
    }
    Ok((sig, arguments))
}

/// Rust has no call with an argument that is sometimes there.
fn refuse_conditional(attrs: &[Attribute]) -> Result<()> {
    match attrs.iter().find(|attr| attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr"))
    {
        None => Ok(()),
        Some(attr) => Err(Error::new_spanned(
            attr,
            "the twin cannot pass on an argument that is there only sometimes: put the `#[cfg]` on \
             two versions of the function",
        )),
    }
}

/// Makes a plain name of an argument's pattern: `mut x` becomes `x`, `(a, b)` a name of ours.
fn plain(argument: &mut PatType, index: usize) -> Ident {
    let name = match &*argument.pat {
        Pat::Ident(PatIdent { ident, .. }) => ident.clone(),
        _ => format_ident!("argument_{}", index, span = Span::mixed_site()),
    };
    *argument.pat = parse_quote!(#name);
    name
}

/// `path::name::<T, N>(a, b)`: with all that cannot be inferred. Lifetimes can, and often must be.
pub(crate) fn call(path: &TokenStream, sig: &Signature, arguments: &[Expr]) -> TokenStream {
    let name = &sig.ident;
    let path = if path.is_empty() { quote!(#name) } else { quote!(#path::#name) };
    let generics: Vec<&Ident> = sig
        .generics
        .params
        .iter()
        .filter_map(|param| match param {
            GenericParam::Type(param) => Some(&param.ident),
            GenericParam::Const(param) => Some(&param.ident),
            _ => None,
        })
        .collect();
    let turbofish = (!generics.is_empty()).then(|| quote!(::<#(#generics),*>));
    let call = quote!(#path #turbofish(#(#arguments),*));
    match sig.safety {
        // SAFETY: in what is made of it. The twin is unsafe as well: whoever calls it has promised what the
        // `async fn` asks for.
        Safety::Unsafe(_) => quote!(unsafe { #call }),
        _ => call,
    }
}
