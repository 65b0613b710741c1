//! `#[derive(Schema)]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Fields, Result, Type};

/// The shape of a type, blamed on the place where the type is written.
pub(crate) fn shape(of: &Type) -> TokenStream {
    quote_spanned!(of.span()=> <#of as ::ipc_proto_wire::Schema>::SHAPE)
}

pub(crate) fn derive(item: &DeriveInput) -> Result<TokenStream> {
    if let Some(parameter) = item.generics.params.first() {
        return Err(Error::new(parameter.span(), "a message type has no parameters: write the bounds out"));
    }
    refuse_serde(&item.attrs)?;
    let ident = &item.ident;
    let name = ident.to_string();
    let shape = match &item.data {
        Data::Struct(data) => {
            let fields = fields(&data.fields)?;
            quote!(::ipc_proto_wire::Shape::Struct(#name, #fields))
        }
        Data::Enum(data) => {
            let mut variants = Vec::new();
            for variant in &data.variants {
                refuse_serde(&variant.attrs)?;
                if let Some((_, discriminant)) = &variant.discriminant {
                    return Err(Error::new(
                        discriminant.span(),
                        "the tag of a variant is its place: remove the discriminant",
                    ));
                }
                let name = variant.ident.to_string();
                let fields = fields(&variant.fields)?;
                variants.push(quote!(::ipc_proto_wire::Variant { name: #name, fields: #fields }));
            }
            quote!(::ipc_proto_wire::Shape::Enum(#name, &[#(#variants),*]))
        }
        Data::Union(data) => {
            return Err(Error::new(data.union_token.span(), "a union has no wire form: use an enum"));
        }
    };
    Ok(quote! {
        impl ::ipc_proto_wire::Schema for #ident {
            const SHAPE: &'static ::ipc_proto_wire::Shape = &#shape;
        }
    })
}

fn fields(fields: &Fields) -> Result<TokenStream> {
    for field in fields {
        refuse_serde(&field.attrs)?;
    }
    let shapes: Vec<_> = fields.iter().map(|field| shape(&field.ty)).collect();
    Ok(match fields {
        Fields::Unit => quote!(::ipc_proto_wire::Fields::Unit),
        Fields::Unnamed(_) => quote!(::ipc_proto_wire::Fields::Unnamed(&[#(#shapes),*])),
        Fields::Named(named) => {
            let names = named.named.iter().map(|field| field.ident.to_token_stream().to_string());
            quote!(::ipc_proto_wire::Fields::Named(&[
                #(::ipc_proto_wire::Field { name: #names, shape: #shapes }),*
            ]))
        }
    })
}

fn refuse_serde(attributes: &[Attribute]) -> Result<()> {
    match attributes.iter().find(|attribute| attribute.path().is_ident("serde")) {
        Some(attribute) => Err(Error::new(
            attribute.span(),
            "an attribute of serde would change the wire form behind the schema's back",
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_change_the_wire_form_is_refused() {
        let refused = |item: &str, expected: &str| {
            let item = syn::parse_str::<DeriveInput>(item).unwrap_or_else(|error| panic!("{error}"));
            match derive(&item) {
                Ok(_) => panic!("{} was accepted", item.ident),
                Err(error) => assert!(error.to_string().contains(expected), "{error}"),
            }
        };
        refused("struct A { #[serde(skip)] b: u8 }", "behind the schema's back");
        refused("#[serde(transparent)] struct A(u8);", "behind the schema's back");
        refused("enum A { #[serde(rename = \"c\")] B }", "behind the schema's back");
        refused("enum A { B = 7 }", "the tag of a variant is its place");
        refused("struct A<T> { b: T }", "no parameters");
        refused("union A { b: u8 }", "use an enum");
    }
}
