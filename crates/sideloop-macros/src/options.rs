//! What the attribute asks for: what stands in its parentheses.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Error, Expr, Ident, LitStr, Meta, Path, Result, Token, Visibility, parse_quote,
};

/// `#[synced]`, `#[synced(name = …, runner = …, timeout = …, crate = …)]`, `#[synced(skip)]`.
#[derive(Clone, Default)]
pub(crate) struct Options {
    /// No twin, although the block that it stands in is annotated.
    pub(crate) skip: Option<Span>,
    /// The twin's name, if it is not the usual one.
    pub(crate) name: Option<Ident>,
    /// Which runner the twin calls on; the global one if there is none.
    pub(crate) runner: Option<Expr>,
    /// The limit of the twin's wait.
    pub(crate) timeout: Option<Expr>,
    /// Where the crate `sideloop` is.
    pub(crate) krate: Option<Path>,
    /// A module `blocking` instead of twins beside an `impl`'s methods, and who may see it.
    pub(crate) blocking: Option<(Span, Visibility)>,
}

const FORMS: &str = "write `#[synced]`, `#[synced(name = other_name)]`, or, on a method of an \
                     annotated block, `#[synced(skip)]`; `runner = RUNNER`, `timeout = LIMIT` and \
                     `crate = path::to::sideloop` go with a name or stand alone; `blocking` is for an `impl`";

/// What a member's own attributes ask for.
pub(crate) enum Own {
    /// It has none.
    Nothing,
    /// In any case.
    Always(Box<Options>),
    /// Each where its condition holds (of `cfg_attr`), and otherwise what stands on the block.
    If(Vec<(Meta, Options)>),
}

impl Options {
    /// These, and what is not asked for here as on the block.
    pub(crate) fn or(mut self, block: &Options) -> Options {
        self.runner = self.runner.or_else(|| block.runner.clone());
        self.timeout = self.timeout.or_else(|| block.timeout.clone());
        self.krate = self.krate.or_else(|| block.krate.clone());
        self
    }

    /// Refuse what only an `impl` can be asked for.
    pub(crate) fn refuse_blocking(&self) -> Result<()> {
        match &self.blocking {
            None => Ok(()),
            Some((span, _)) => Err(Error::new(
                *span,
                "`blocking` is for an `impl`: put `#[synced(blocking)]` there; on a `mod`, `#[synced]` alone \
                 makes a module `blocking`",
            )),
        }
    }

    /// The path of the crate `sideloop`.
    pub(crate) fn sideloop(&self) -> TokenStream {
        match &self.krate {
            Some(path) => path.to_token_stream(),
            None => quote!(::sideloop),
        }
    }
}

impl Own {
    /// What the attributes ask for. They are taken off.
    pub(crate) fn take(attrs: &mut Vec<Attribute>) -> Result<Own> {
        let conditions = take_conditional(attrs)?;
        let Some(index) = attrs.iter().position(is_synced) else {
            let none = conditions.is_empty();
            return Ok(if none { Own::Nothing } else { Own::If(conditions) });
        };
        let attribute = attrs.remove(index);
        if let Some(second) = attrs.iter().position(is_synced) {
            let second = attrs.remove(second);
            return Err(Error::new_spanned(second, "`#[synced]` stands here twice: remove one"));
        }
        if let Some((condition, _)) = conditions.first() {
            let message = "`#[synced]` stands here without a condition, too: remove one";
            return Err(Error::new_spanned(condition, message));
        }
        options_of(&attribute.meta).map(|options| Own::Always(Box::new(options)))
    }
}

fn options_of(meta: &Meta) -> Result<Options> {
    match meta {
        Meta::Path(_) => Ok(Options::default()),
        Meta::List(list) => list.parse_args(),
        Meta::NameValue(value) => Err(Error::new_spanned(value, format!("not an option: {FORMS}"))),
    }
}

fn is_synced(attribute: &Attribute) -> bool {
    is_synced_meta(&attribute.meta)
}

fn is_synced_meta(meta: &Meta) -> bool {
    meta.path().segments.last().is_some_and(|segment| segment.ident == "synced")
}

/// Take `synced` out of each `cfg_attr`, which keeps the rest.
fn take_conditional(attrs: &mut Vec<Attribute>) -> Result<Vec<(Meta, Options)>> {
    let mut found = Vec::new();
    for attribute in std::mem::take(attrs) {
        let parts = match &attribute.meta {
            Meta::List(list) if list.path.is_ident("cfg_attr") => {
                Punctuated::<Meta, Token![,]>::parse_terminated.parse2(list.tokens.clone()).ok()
            }
            _ => None,
        };
        let Some(mut parts) = parts.map(Punctuated::into_iter) else {
            attrs.push(attribute);
            continue;
        };
        let condition = parts.next();
        let (synced, rest): (Vec<Meta>, Vec<Meta>) = parts.partition(is_synced_meta);
        match (condition, synced.first()) {
            (Some(condition), Some(asks)) => {
                if !rest.is_empty() {
                    attrs.push(parse_quote!(#[cfg_attr(#condition, #(#rest),*)]));
                }
                found.push((condition, options_of(asks)?));
            }
            _ => attrs.push(attribute),
        }
    }
    Ok(found)
}

impl Parse for Options {
    fn parse(input: ParseStream) -> Result<Self> {
        let mut options = Options::default();
        while !input.is_empty() {
            options.one(input)?;
            input.parse::<Option<Token![,]>>()?;
        }
        match (options.skip, &options.name) {
            (Some(span), Some(_)) => {
                Err(Error::new(span, "what is skipped has no name: remove one of the two"))
            }
            _ => Ok(options),
        }
    }
}

impl Options {
    fn one(&mut self, input: ParseStream) -> Result<()> {
        if input.peek(Token![crate]) {
            let option: Token![crate] = input.parse()?;
            let option = Ident::new("crate", option.span);
            return set(&mut self.krate, &option, value(&option, "path::to::sideloop", input)?);
        }
        let option: Ident = input
            .parse()
            .map_err(|error| Error::new(error.span(), format!("not an option: {FORMS}")))?;
        match option.to_string().as_str() {
            "name" => set(&mut self.name, &option, name(&option, input)?),
            "runner" => set(&mut self.runner, &option, value(&option, "RUNNER", input)?),
            "timeout" => {
                let limit = value(&option, "Duration::from_secs(5)", input)?;
                set(&mut self.timeout, &option, limit)
            }
            "skip" => set(&mut self.skip, &option, option.span()),
            "blocking" => {
                let vis = if input.peek(Token![=]) {
                    value(&option, "pub(crate)", input)?
                } else {
                    parse_quote!(pub)
                };
                set(&mut self.blocking, &option, (option.span(), vis))
            }
            other => {
                let message = format!("no option is called `{other}`: {FORMS}");
                Err(Error::new(option.span(), message))
            }
        }
    }
}

fn set<T>(place: &mut Option<T>, option: &Ident, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => {
            let message = format!("`{option}` stands here twice: remove one");
            Err(Error::new(option.span(), message))
        }
    }
}

fn value<T: Parse>(option: &Ident, example: &str, input: ParseStream) -> Result<T> {
    let missing = || {
        let message = format!("the value is missing: write `{option} = {example}`");
        Error::new(option.span(), message)
    };
    if !input.peek(Token![=]) {
        return Err(missing());
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() {
        return Err(missing());
    }
    input.parse()
}

fn name(option: &Ident, input: ParseStream) -> Result<Ident> {
    if !input.peek(Token![=]) {
        return Err(Error::new(option.span(), "the name is missing: write `name = other_name`"));
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() {
        return Err(Error::new(option.span(), "the name is missing: write `name = other_name`"));
    }
    if let Ok(text) = input.fork().parse::<LitStr>() {
        let message = format!("a name, not a string: write `name = {}`", text.value());
        return Err(Error::new(text.span(), message));
    }
    input.parse().map_err(|error| {
        Error::new(error.span(), "this is no name for a function: write `name = other_name`")
    })
}
