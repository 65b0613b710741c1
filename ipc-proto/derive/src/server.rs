//! What a server gets: the constants, the trait, `dispatch`, `serve`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, MetaNameValue};

use crate::parse::{Kind, Method, Service};
use crate::schema::shape;

pub(crate) fn constants(service: &Service) -> TokenStream {
    let Service { name, version, visibility, docs, .. } = service;
    let (doc, method_docs) = (text(docs), service.methods.iter().map(|method| text(&method.docs)));
    let methods = service.methods.iter().map(method);
    quote! {
        /// All that is known of the service at compile time.
        #visibility const SERVICE: ::ipc_proto_wire::Service = {
            const METHODS: &[::ipc_proto_wire::Method] = &[#(#methods),*];
            const COMPILED: ::ipc_proto_wire::Compiled = ::ipc_proto_wire::compile(#name, METHODS);
            const TABLE: &[u8; COMPILED.size()] = &::ipc_proto_wire::cut(&COMPILED);
            ::ipc_proto_wire::Service {
                name: #name,
                version: #version,
                methods: METHODS,
                id: ::ipc_proto_wire::canonical(#name, METHODS).id(),
                table: TABLE,
                request_max: COMPILED.request_max,
                reply_max: COMPILED.reply_max,
                message_max: COMPILED.message_max,
            }
        };

        /// The doc comments of the service.
        #visibility const DOCS: ::ipc_proto_wire::Docs =
            ::ipc_proto_wire::Docs { service: #doc, methods: &[#(#method_docs),*] };

        /// Size of a buffer that holds any frame of the service.
        #visibility const FRAME_MAX: usize = ::ipc_proto_wire::HEADER_SIZE + SERVICE.message_max as usize;
    }
}

fn method(method: &Method) -> TokenStream {
    let name = method.ident.to_string();
    let kind = match method.kind {
        Kind::Call => quote!(Call),
        Kind::Oneway => quote!(Oneway),
        Kind::Event => quote!(Event),
    };
    let names = method.names.iter().map(ToString::to_string);
    let shapes = method.types.iter().map(shape);
    let reply = shape(&method.reply);
    quote!(::ipc_proto_wire::Method {
        name: #name,
        kind: ::ipc_proto_wire::MethodKind::#kind,
        request: &::ipc_proto_wire::Shape::Struct(#name, ::ipc_proto_wire::Fields::Named(&[
            #(::ipc_proto_wire::Field { name: #names, shape: #shapes }),*
        ])),
        reply: #reply,
    })
}

/// The text of doc comments.
fn text(docs: &[Attribute]) -> String {
    let line = |doc: &Attribute| match &doc.meta {
        Meta::NameValue(MetaNameValue { value: Expr::Lit(ExprLit { lit: Lit::Str(line), .. }), .. }) => {
            line.value()
        }
        _ => String::new(),
    };
    docs.iter().map(|doc| line(doc).trim().to_owned()).collect::<Vec<_>>().join("\n")
}

pub(crate) fn server(service: &Service) -> TokenStream {
    let Service { docs, visibility, ident, .. } = service;
    let methods = service.requests().map(|(_, method)| {
        let Method { docs, ident, names, types, reply, .. } = method;
        quote! {
            #(#docs)*
            #[allow(clippy::too_many_arguments, reason = "a message has as many as its schema")]
            fn #ident(&mut self, caller: &::ipc_proto_rpc::Caller #(, #names: #types)*) -> #reply;
        }
    });
    let arms = service.requests().map(|(number, method)| arm(ident, number, method));
    quote! {
        #(#docs)*
        #visibility trait #ident {
            #(#methods)*
        }

        /// Hands one message to `server` and writes the body of the reply, if any, to `out`.
        ///
        /// Gives the length of that body, or `None` when nobody waits for an answer.
        ///
        /// # Errors
        /// What to put into an error frame: `Unsupported` for a method there is not, `Malformed` for a body that is
        /// not strict, `Internal` when `out` is too small (it is not, at `SERVICE.reply_max` bytes).
        #visibility fn dispatch(
            server: &mut impl #ident,
            caller: &::ipc_proto_rpc::Caller,
            header: &::ipc_proto_wire::Header,
            body: &[u8],
            out: &mut [u8],
        ) -> ::core::result::Result<::core::option::Option<usize>, ::ipc_proto_types::ErrorCode> {
            match (header.method, header.kind) {
                #(#arms)*
                _ => ::core::result::Result::Err(::ipc_proto_types::ErrorCode::Unsupported),
            }
        }

        /// The buffers of a server on one port.
        #visibility type Buffers = ::ipc_proto_rpc::Buffers<FRAME_MAX>;

        /// Answers all that waits at `port`, and gives how many messages that was. Never blocks.
        #visibility fn serve(
            server: &mut impl #ident,
            port: &mut impl ::ipc_proto_rpc::Port,
            buffers: &mut Buffers,
        ) -> usize {
            ::ipc_proto_rpc::serve(
                port,
                &mut |caller: &::ipc_proto_rpc::Caller, header: &::ipc_proto_wire::Header, body: &[u8], out: &mut [u8]| {
                    dispatch(server, caller, header, body, out)
                },
                buffers,
            )
        }
    }
}

fn arm(service: &syn::Ident, number: u16, method: &Method) -> TokenStream {
    let Method { ident, names, .. } = method;
    let arguments = method.arguments();
    let read = quote! {
        let (#(#names,)*): #arguments = ::ipc_proto_wire::decode(body)
            .map_err(|_| ::ipc_proto_types::ErrorCode::Malformed)?;
    };
    match method.kind {
        Kind::Call => quote! {
            (#number, ::ipc_proto_types::Kind::Call) => {
                #read
                let reply = <_ as #service>::#ident(server, caller #(, #names)*);
                ::ipc_proto_wire::encode(&reply, out)
                    .map(::core::option::Option::Some)
                    .map_err(|_| ::ipc_proto_types::ErrorCode::Internal)
            }
        },
        Kind::Oneway | Kind::Event => quote! {
            (#number, ::ipc_proto_types::Kind::Event) => {
                #read
                <_ as #service>::#ident(server, caller #(, #names)*);
                ::core::result::Result::Ok(::core::option::Option::None)
            }
        },
    }
}
