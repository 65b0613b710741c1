//! What tools and fuzzers get: the service driven by method numbers and bytes, through the typed code.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::parse::{Kind, Method, Service};

pub(crate) fn by_bytes(service: &Service) -> TokenStream {
    let Service { visibility, ident, .. } = service;
    let client = format_ident!("{ident}Client");
    let requests = service.requests().map(|(number, method)| recode_request(number, method));
    let events = service.events().map(|(number, method)| recode_event(number, method));
    let calls = service.requests().map(|(number, method)| call(number, method));
    let puppet = puppet(service);
    quote! {
        /// The service driven by method numbers and bytes, for tools and tests.
        #[derive(Debug, Clone, Copy)]
        #visibility struct Wire;

        impl ::ipc_proto_rpc::ByBytes for Wire {
            const SERVICE: ::ipc_proto_wire::Service = SERVICE;
            type Client<'p, P: ::ipc_proto_rpc::Port + 'p> = #client<'p, P>;
            type Buffers = Buffers;

            fn client<'p, P: ::ipc_proto_rpc::Port>(port: &'p mut P) -> Self::Client<'p, P> {
                #client::new(port)
            }

            fn port<'c, 'p, P: ::ipc_proto_rpc::Port>(client: &'c mut Self::Client<'p, P>) -> &'c mut P {
                client.client().port()
            }

            fn recode(
                sender: ::ipc_proto_types::Role,
                kind: ::ipc_proto_types::Kind,
                method: u16,
                body: &[u8],
                again: &mut [u8],
            ) -> ::core::result::Result<usize, ::ipc_proto_types::ErrorCode> {
                match (sender, kind, method) {
                    #(#requests)*
                    #(#events)*
                    _ => ::core::result::Result::Err(::ipc_proto_types::ErrorCode::Unsupported),
                }
            }

            fn call<P: ::ipc_proto_rpc::Port>(
                client: &mut Self::Client<'_, P>,
                method: u16,
                body: &[u8],
                reply: &mut [u8],
            ) -> ::core::result::Result<usize, ::ipc_proto_rpc::CallError> {
                let malformed = ::ipc_proto_rpc::CallError::Malformed;
                match method {
                    #(#calls)*
                    _ => ::core::result::Result::Err(malformed),
                }
            }

            fn serve<P: ::ipc_proto_rpc::Port>(
                port: &mut P,
                buffers: &mut Self::Buffers,
                answer: &mut ::ipc_proto_rpc::Answer<'_>,
            ) -> usize {
                #puppet
                serve(&mut Puppet(answer), port, buffers)
            }
        }
    }
}

fn recode_request(number: u16, method: &Method) -> TokenStream {
    let (arguments, reply) = (method.arguments(), &method.reply);
    match method.kind {
        Kind::Call => quote! {
            (::ipc_proto_types::Role::Client, ::ipc_proto_types::Kind::Call, #number) => {
                ::ipc_proto_wire::recode::<#arguments>(body, again)
            }
            (::ipc_proto_types::Role::Server, ::ipc_proto_types::Kind::Reply, #number) => {
                ::ipc_proto_wire::recode::<#reply>(body, again)
            }
        },
        Kind::Oneway | Kind::Event => quote! {
            (::ipc_proto_types::Role::Client, ::ipc_proto_types::Kind::Event, #number) => {
                ::ipc_proto_wire::recode::<#arguments>(body, again)
            }
        },
    }
}

fn recode_event(number: u16, method: &Method) -> TokenStream {
    let arguments = method.arguments();
    quote! {
        (::ipc_proto_types::Role::Server, ::ipc_proto_types::Kind::Event, #number) => {
            ::ipc_proto_wire::recode::<#arguments>(body, again)
        }
    }
}

fn call(number: u16, method: &Method) -> TokenStream {
    let Method { ident, names, .. } = method;
    let arguments = method.arguments();
    quote! {
        #number => {
            let (#(#names,)*): #arguments = ::ipc_proto_wire::decode(body).map_err(|_| malformed)?;
            let value = client.#ident(#(#names),*)?;
            ::ipc_proto_wire::encode(&value, reply).map_err(|_| ::ipc_proto_rpc::CallError::TooLarge)
        }
    }
}

/// A server all of whose methods ask one function over bytes.
fn puppet(service: &Service) -> TokenStream {
    let Service { ident, .. } = service;
    let methods = service.requests().map(|(number, method)| {
        let Method { ident, names, types, reply, .. } = method;
        quote! {
            fn #ident(&mut self, _: &::ipc_proto_rpc::Caller #(, #names: #types)*) -> #reply {
                let (mut request, mut reply) = ([0; FRAME_MAX], [0; FRAME_MAX]);
                let length = ::ipc_proto_wire::encode(&(#(&#names,)*), &mut request)
                    .expect("FRAME_MAX holds any body of the service");
                let length = (self.0)(#number, request.get(..length).unwrap_or_default(), &mut reply);
                ::ipc_proto_wire::decode(reply.get(..length).unwrap_or_default())
                    .expect("the caller gives legal replies, as documented")
            }
        }
    });
    quote! {
        struct Puppet<'a, 'b>(&'a mut ::ipc_proto_rpc::Answer<'b>);

        impl #ident for Puppet<'_, '_> {
            #(#methods)*
        }
    }
}
