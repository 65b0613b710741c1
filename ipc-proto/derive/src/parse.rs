//! From the tokens of a trait to a `Service`, or to an error that names the fix.

use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, Ident, ItemTrait, Lit, LitInt, LitStr, MetaNameValue, Pat,
    Result, ReturnType, Token, TraitItem, TraitItemFn, Type, Visibility,
};

/// `name = "vault", version = 1`.
pub(crate) struct Attributes {
    name: LitStr,
    version: LitInt,
}

impl Parse for Attributes {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut name, mut version) = (None, None);
        for pair in Punctuated::<MetaNameValue, Token![,]>::parse_terminated(input)? {
            match pair.value {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if pair.path.is_ident("name") => {
                    name = Some(text)
                }
                Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) if pair.path.is_ident("version") => {
                    version = Some(number);
                }
                _ => return Err(Error::new(pair.path.span(), WANTED)),
            }
        }
        match (name, version) {
            (Some(name), Some(version)) => Ok(Self { name, version }),
            _ => Err(input.error(WANTED)),
        }
    }
}

const WANTED: &str = "expected #[service(name = \"…\", version = 1)]";

/// A service as written.
pub(crate) struct Service {
    pub(crate) name: LitStr,
    pub(crate) version: LitInt,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) ident: Ident,
    pub(crate) methods: Vec<Method>,
}

/// A method as written.
pub(crate) struct Method {
    pub(crate) docs: Vec<Attribute>,
    pub(crate) ident: Ident,
    pub(crate) kind: Kind,
    pub(crate) names: Vec<Ident>,
    pub(crate) types: Vec<Type>,
    pub(crate) reply: Type,
}

/// Who sends it and whether it is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Call,
    Oneway,
    Event,
}

impl Service {
    pub(crate) fn new(attributes: Attributes, item: ItemTrait) -> Result<Self> {
        let version = &attributes.version;
        if version.base10_parse::<u16>()? == 0 {
            return Err(Error::new(version.span(), "versions start at 1"));
        }
        if !item.generics.params.is_empty() || !item.supertraits.is_empty() {
            return Err(Error::new(item.ident.span(), "a service has no parameters and no supertraits"));
        }
        let methods = item.items.into_iter().map(method).collect::<Result<Vec<_>>>()?;
        if methods.iter().all(|method| method.kind == Kind::Event) {
            return Err(Error::new(
                item.ident.span(),
                "a service has at least one method its client may send",
            ));
        }
        Ok(Self {
            name: attributes.name,
            version: attributes.version,
            docs: docs(&item.attrs)?,
            visibility: item.vis,
            ident: item.ident,
            methods,
        })
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = (u16, &Method)> {
        self.numbered().filter(|(_, method)| method.kind == Kind::Event)
    }

    pub(crate) fn requests(&self) -> impl Iterator<Item = (u16, &Method)> {
        self.numbered().filter(|(_, method)| method.kind != Kind::Event)
    }

    fn numbered(&self) -> impl Iterator<Item = (u16, &Method)> {
        (0..).zip(&self.methods)
    }
}

impl Method {
    /// The type of the arguments together: a tuple.
    pub(crate) fn arguments(&self) -> Type {
        let types = &self.types;
        syn::parse_quote!((#(#types,)*))
    }
}

/// Functions every client has.
const TAKEN: [&str; 4] = ["new", "client", "next_event", "events_lost"];

fn method(item: TraitItem) -> Result<Method> {
    let TraitItem::Fn(TraitItemFn { attrs, sig, default: None, .. }) = item else {
        return Err(Error::new(item.span(), "a service has methods without a body, and nothing else"));
    };
    if sig.asyncness.is_some() || sig.unsafety.is_some() || !sig.generics.params.is_empty() {
        return Err(Error::new(sig.span(), "a method of a service is neither async nor unsafe nor generic"));
    }
    if TAKEN.iter().any(|taken| sig.ident == taken) {
        return Err(Error::new(
            sig.ident.span(),
            "the client has a function of this name already: use another",
        ));
    }
    let (mut kind, mut rest) = (Kind::Call, Vec::new());
    for attribute in attrs {
        if attribute.path().is_ident("oneway") {
            kind = Kind::Oneway;
        } else if attribute.path().is_ident("event") {
            kind = Kind::Event;
        } else {
            rest.push(attribute);
        }
    }
    let mut inputs = sig.inputs.into_iter();
    match inputs.next() {
        Some(FnArg::Receiver(receiver)) if receiver.reference.is_some() && receiver.mutability.is_some() => {}
        _ => return Err(Error::new(sig.ident.span(), "the first argument of a method is &mut self")),
    }
    let (names, types) = inputs.map(argument).collect::<Result<Vec<_>>>()?.into_iter().unzip();
    let reply: Type = match sig.output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, reply) if kind != Kind::Call => {
            return Err(Error::new(
                reply.span(),
                "nobody answers this method: remove the return type or the attribute",
            ));
        }
        ReturnType::Type(_, reply) => *reply,
    };
    Ok(Method { docs: docs(&rest)?, ident: sig.ident, kind, names, types, reply })
}

fn argument(argument: FnArg) -> Result<(Ident, Type)> {
    let FnArg::Typed(argument) = argument else {
        return Err(Error::new(argument.span(), "one self is enough"));
    };
    let Pat::Ident(name) = *argument.pat else {
        return Err(Error::new(
            argument.pat.span(),
            "an argument has a plain name: it is part of the schema",
        ));
    };
    if let Type::Reference(reference) = *argument.ty {
        return Err(Error::new(
            reference.span(),
            "a message owns its data: use Text<N>, Bytes<N> or List<T, N> instead of a reference",
        ));
    }
    if name.ident == "caller" {
        return Err(Error::new(name.ident.span(), "`caller` is added by the macro: use another name"));
    }
    Ok((name.ident, *argument.ty))
}

/// The doc comments; anything else is refused, since the macro would have to drop it.
fn docs(attributes: &[Attribute]) -> Result<Vec<Attribute>> {
    match attributes.iter().find(|attribute| !attribute.path().is_ident("doc")) {
        Some(other) => Err(Error::new(other.span(), "expected a doc comment, #[oneway] or #[event]")),
        None if attributes.is_empty() => Ok(vec![syn::parse_quote!(#[doc = "Not described."])]),
        None => Ok(attributes.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a service from text; gives the words of the error.
    fn check(attributes: &str, item: &str) -> std::result::Result<Service, String> {
        let attributes = syn::parse_str::<Attributes>(attributes).map_err(|error| error.to_string())?;
        let item = syn::parse_str::<ItemTrait>(item).map_err(|error| error.to_string())?;
        Service::new(attributes, item).map_err(|error| error.to_string())
    }

    const NAMED: &str = "name = \"bee\", version = 1";

    #[test]
    fn a_service_is_read_as_written() {
        let item = "/// Hums.\npub trait Bee { /// Loudly.\n fn hum(&mut self, times: u8) -> bool; #[oneway] fn rest(&mut self); }";
        let service = check(NAMED, item).unwrap_or_else(|error| panic!("{error}"));
        let kinds: Vec<_> =
            service.methods.iter().map(|method| (method.ident.to_string(), method.kind)).collect();
        assert!(kinds == [("hum".to_owned(), Kind::Call), ("rest".to_owned(), Kind::Oneway)]);
        assert_eq!(service.methods[0].names[0], "times");
        assert_eq!((service.name.value(), service.version.to_string()), ("bee".to_owned(), "1".to_owned()));
    }

    #[test]
    fn what_can_not_be_a_service_is_refused_with_the_fix_named() {
        let refused = |attributes: &str, item: &str, expected: &str| match check(attributes, item) {
            Ok(_) => panic!("{item} was accepted"),
            Err(error) => assert!(error.contains(expected), "{item}: {error}"),
        };
        let method = |method: &str| format!("trait Bee {{ {method} }}");
        refused("name = \"bee\"", &method("fn a(&mut self);"), "expected #[service(name");
        refused("name = 1, version = 1", &method("fn a(&mut self);"), "expected #[service(name");
        refused("name = \"bee\", version = 0", &method("fn a(&mut self);"), "versions start at 1");
        refused(NAMED, &method("fn a(&self);"), "the first argument of a method is &mut self");
        refused(NAMED, &method("fn a();"), "the first argument of a method is &mut self");
        refused(NAMED, &method("fn a(&mut self, b: &str);"), "use Text<N>, Bytes<N> or List<T, N>");
        refused(NAMED, &method("fn a(&mut self, (b, c): (u8, u8));"), "a plain name");
        refused(NAMED, &method("fn a(&mut self, caller: u8);"), "added by the macro");
        refused(NAMED, &method("fn a<T>(&mut self, b: T);"), "neither async nor unsafe nor generic");
        refused(NAMED, &method("async fn a(&mut self);"), "neither async nor unsafe nor generic");
        refused(NAMED, &method("fn a(&mut self) {}"), "methods without a body");
        refused(NAMED, &method("fn new(&mut self);"), "use another");
        refused(NAMED, &method("const A: u8;"), "methods without a body");
        refused(NAMED, &method("#[oneway] fn a(&mut self) -> u8;"), "nobody answers");
        refused(NAMED, &method("#[event] fn a(&mut self) -> u8;"), "nobody answers");
        refused(NAMED, &method("#[inline] fn a(&mut self);"), "expected a doc comment");
        refused(NAMED, &method("#[event] fn a(&mut self);"), "at least one method its client may send");
        refused(NAMED, "trait Bee<T> { fn a(&mut self); }", "no parameters");
    }
}
