//! What the attribute asks for: what stands in its parentheses.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, Ident, LitStr, Meta, Result, Token};

/// `#[synced]`, `#[synced(name = …)]`, `#[synced(skip)]`.
pub(crate) enum Options {
    /// A twin with the usual name.
    Usual,
    /// A twin with this name.
    Named(Ident),
    /// No twin, although the block that it stands in is annotated.
    Skip(Span),
}

const FORMS: &str = "write `#[synced]`, `#[synced(name = other_name)]`, or, on a method of an \
                     annotated block, `#[synced(skip)]`";

impl Options {
    /// What a method's own attribute asks for, if it has one. It is taken off.
    pub(crate) fn take(attrs: &mut Vec<Attribute>) -> Result<Option<Options>> {
        let Some(index) = attrs.iter().position(is_synced) else { return Ok(None) };
        let attribute = attrs.remove(index);
        if let Some(second) = attrs.iter().position(is_synced) {
            let second = attrs.remove(second);
            return Err(Error::new_spanned(second, "`#[synced]` stands here twice: remove one"));
        }
        match &attribute.meta {
            Meta::Path(_) => Ok(Some(Options::Usual)),
            _ => attribute.parse_args().map(Some),
        }
    }
}

fn is_synced(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|segment| segment.ident == "synced")
}

impl Parse for Options {
    fn parse(input: ParseStream) -> Result<Self> {
        if input.is_empty() {
            return Ok(Options::Usual);
        }
        let option: Ident = input
            .parse()
            .map_err(|error| Error::new(error.span(), format!("not an option: {FORMS}")))?;
        let options = match option.to_string().as_str() {
            "name" => Options::Named(name(&option, input)?),
            "skip" => Options::Skip(option.span()),
            other => {
                return Err(Error::new(
                    option.span(),
                    format!("no option is called `{other}`: {FORMS}"),
                ));
            }
        };
        input.parse::<Option<Token![,]>>()?;
        if !input.is_empty() {
            return Err(input.error("one option is enough: remove what follows"));
        }
        Ok(options)
    }
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
