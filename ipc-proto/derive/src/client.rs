//! What a client gets, and the events of a service that has some.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::parse::{Kind, Method, Service};

pub(crate) fn client(service: &Service) -> TokenStream {
    let Service { visibility, ident, .. } = service;
    let client = format_ident!("{ident}Client");
    let doc = format!("A client of [`{ident}`] on one port. One per port and life: it counts the calls.");
    let has_events = service.events().next().is_some();
    let event = format_ident!("{ident}Event");
    let (queue, empty, sink) = if has_events {
        (
            quote!(events: ::ipc_proto_rpc::Events<#event>,),
            quote!(events: ::ipc_proto_rpc::Events::new(),),
            quote!(&mut |header, body| self.events.take(#event::decode(header, body))),
        )
    } else {
        (quote!(), quote!(), quote!(&mut ::ipc_proto_rpc::no_events))
    };
    let methods = service.requests().map(|(number, method)| request(number, method, &sink));
    let next_event = has_events.then(|| next_event(&event));
    quote! {
        #[doc = #doc]
        #visibility struct #client<'p, P: ::ipc_proto_rpc::Port> {
            client: ::ipc_proto_rpc::Client<'p, P>,
            frame: [u8; FRAME_MAX],
            #queue
        }

        impl<'p, P: ::ipc_proto_rpc::Port> #client<'p, P> {
            /// A client on a port that has carried no call in this life of the channel.
            pub fn new(port: &'p mut P) -> Self {
                Self { client: ::ipc_proto_rpc::Client::new(port), frame: [0; FRAME_MAX], #empty }
            }

            /// The untyped client: timeout, port, count of calls.
            pub fn client(&mut self) -> &mut ::ipc_proto_rpc::Client<'p, P> {
                &mut self.client
            }

            #next_event
            #(#methods)*
        }

        impl<P: ::ipc_proto_rpc::Port> ::ipc_proto_rpc::RawClient for #client<'_, P> {
            fn facts(&mut self) -> ::ipc_proto_rpc::PortFacts {
                self.client.port().facts()
            }

            fn call_raw(
                &mut self,
                method: u16,
                frame: &mut [u8],
                length: usize,
            ) -> ::core::result::Result<usize, ::ipc_proto_rpc::CallError> {
                self.client.call_raw(SERVICE.id, method, frame, length, #sink)
            }

            fn tell_raw(
                &mut self,
                method: u16,
                frame: &mut [u8],
                length: usize,
            ) -> ::core::result::Result<(), ::ipc_proto_rpc::CallError> {
                self.client.tell_raw(SERVICE.id, method, frame, length)
            }
        }
    }
}

fn request(number: u16, method: &Method, sink: &TokenStream) -> TokenStream {
    let Method { docs, ident, names, types, reply, .. } = method;
    let head = quote! {
        #(#docs)*
        ///
        /// # Errors
        /// The call got no reply, or none that may be believed.
        #[allow(clippy::too_many_arguments, reason = "a message has as many as its schema")]
        pub fn #ident(&mut self #(, #names: #types)*)
    };
    if method.kind == Kind::Call {
        quote! {
            #head -> ::core::result::Result<#reply, ::ipc_proto_rpc::CallError> {
                self.client.call(SERVICE.id, #number, &(#(&#names,)*), &mut self.frame, #sink)
            }
        }
    } else {
        quote! {
            #head -> ::core::result::Result<(), ::ipc_proto_rpc::CallError> {
                self.client.tell(SERVICE.id, #number, &(#(&#names,)*), &mut self.frame)
            }
        }
    }
}

fn next_event(event: &syn::Ident) -> TokenStream {
    quote! {
        /// The oldest event not yet taken. Never blocks. A restart of the peer shows at the next call.
        pub fn next_event(&mut self) -> ::core::option::Option<#event> {
            let events = &mut self.events;
            self.client.poll(SERVICE.id, &mut self.frame, &mut |header, body| {
                events.take(#event::decode(header, body));
            });
            self.events.pop()
        }

        /// How many events were lost because nobody took them.
        pub fn events_lost(&self) -> u32 {
            self.events.lost()
        }
    }
}

pub(crate) fn events(service: &Service) -> TokenStream {
    if service.events().next().is_none() {
        return quote!();
    }
    let (event, notifier) = (event(service), notifier(service));
    quote!(#event #notifier)
}

/// The events as an enum, for the client.
fn event(service: &Service) -> TokenStream {
    let Service { visibility, ident, .. } = service;
    let event = format_ident!("{ident}Event");
    let doc = format!("What a server of [`{ident}`] says unasked.");
    let variants = service.events().map(|(_, method)| {
        let Method { docs, names, types, .. } = method;
        let variant = variant(method);
        quote!(#(#docs)* #variant { #(#[doc = "Argument of the event."] #names: #types),* })
    });
    let arms = service.events().map(|(number, method)| {
        let (names, arguments, variant) = (&method.names, method.arguments(), variant(method));
        quote! {
            #number => {
                let (#(#names,)*): #arguments = ::ipc_proto_wire::decode(body).ok()?;
                ::core::option::Option::Some(Self::#variant { #(#names),* })
            }
        }
    });
    quote! {
        #[doc = #doc]
        #[derive(Debug, Clone)]
        #visibility enum #event {
            #(#variants),*
        }

        impl #event {
            /// The event in a frame; `None` when the frame is none of this service.
            #[must_use]
            pub fn decode(header: &::ipc_proto_wire::Header, body: &[u8]) -> ::core::option::Option<Self> {
                match header.method {
                    #(#arms)*
                    _ => ::core::option::Option::None,
                }
            }
        }
    }
}

/// One function for each event, for the server.
fn notifier(service: &Service) -> TokenStream {
    let Service { visibility, ident, .. } = service;
    let notifier = format_ident!("{ident}Notifier");
    let doc = format!("Says the events of [`{ident}`].");
    let senders = service.events().map(|(number, method)| {
        let Method { docs, ident, names, types, .. } = method;
        quote! {
            #(#docs)*
            ///
            /// # Errors
            /// The event was not queued: the client does not listen, or is gone.
            #[allow(clippy::too_many_arguments, reason = "a message has as many as its schema")]
            pub fn #ident(&mut self #(, #names: #types)*) -> ::core::result::Result<(), ::ipc_proto_rpc::SendError> {
                ::ipc_proto_rpc::notify(self.port, SERVICE.id, #number, &(#(&#names,)*), &mut self.frame)
            }
        }
    });
    quote! {
        #[doc = #doc]
        #visibility struct #notifier<'p, P: ::ipc_proto_rpc::Port> {
            port: &'p mut P,
            frame: [u8; FRAME_MAX],
        }

        impl<'p, P: ::ipc_proto_rpc::Port> #notifier<'p, P> {
            /// Says events on the server's end of a channel.
            pub fn new(port: &'p mut P) -> Self {
                Self { port, frame: [0; FRAME_MAX] }
            }

            #(#senders)*
        }
    }
}

/// The variant of an event: its name in camel case.
fn variant(method: &Method) -> syn::Ident {
    let mut name = String::new();
    for word in method.ident.to_string().split('_') {
        let mut letters = word.chars();
        name.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        name.extend(letters);
    }
    syn::Ident::new(&name, method.ident.span())
}
