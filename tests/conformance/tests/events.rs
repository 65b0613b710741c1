//! Events: what a server says unasked reaches the client typed, and never stands in the way of a reply.

use std::rc::Rc;

use ipc_proto_derive::service;
use ipc_proto_rpc::{Caller, EVENTS_MAX, Port};
use ipc_proto_types::Text;
use tests_conformance::channel::channel;

/// A service with an event.
#[service(name = "news", version = 1)]
trait News {
    /// How many were said.
    fn said(&mut self) -> u32;

    /// Something happened.
    #[event]
    fn item_changed(&mut self, name: Text<16>, count: u32);
}

/// Says some events before each reply.
struct Saying(u32);

impl News for Saying {
    fn said(&mut self, _: &Caller) -> u32 {
        self.0
    }
}

#[test]
fn events_that_come_during_a_call_are_kept_and_the_oldest_are_lost() {
    let (client, mut server, shared) = channel(SERVICE.id);
    shared.borrow_mut().depth = 64;
    let mut buffers = Buffers::new();
    let mut port = client.while_asleep(move || {
        for count in 0..10 {
            NewsNotifier::new(&mut server).item_changed(Text::truncated("bee"), count).unwrap();
        }
        serve(&mut Saying(10), &mut server, &mut buffers);
        server.flush();
    });
    let mut news = NewsClient::new(&mut port);
    assert!(news.next_event().is_none());
    assert_eq!(news.said(), Ok(10));
    let mut counts = Vec::new();
    while let Some(NewsEvent::ItemChanged { name, count }) = news.next_event() {
        assert_eq!(name, "bee");
        counts.push(count);
    }
    assert_eq!(counts, (2..10).collect::<Vec<_>>());
    assert_eq!((counts.len(), news.events_lost()), (EVENTS_MAX, 2));
}

#[test]
fn an_event_between_calls_is_there_without_waiting() {
    let (mut port, mut server, shared) = channel(SERVICE.id);
    NewsNotifier::new(&mut server).item_changed(Text::truncated("hive"), 1).unwrap();
    server.flush();
    let mut news = NewsClient::new(&mut port);
    let event = news.next_event();
    assert!(matches!(event, Some(NewsEvent::ItemChanged { name, count: 1 }) if name == "hive"));
    assert_eq!(Rc::clone(&shared).borrow().client.slept, 0);
}
