//! What messages cost, in exits.

use ipc_proto_echo_api::{EchoClient, SERVICE};
use ipc_proto_types::Text;
use supervisor_sim::{Driven, Plan, SECOND, Stop, World};
use tests_sim::{EchoServer, Streamer};

#[test]
fn a_synchronous_call_costs_exactly_two_exits() {
    let mut plan = Plan::new(&["client", "server"]);
    plan.channel("client", "server", &SERVICE);
    let image = plan.image();
    let mut world = World::new(&image, 0);
    world.program("server", |_| EchoServer::default());
    let client = world.drive("client");
    world.boot();
    let driven = Driven::start(&mut world, client);
    let mut port = driven.port(0);
    let mut client = EchoClient::new(&mut port);
    let text = Text::truncated("gruesse");
    assert_eq!(client.say(text.clone()), Ok(text.clone()));
    for calls in 1..=20 {
        let before = driven.world().exits();
        assert_eq!(client.say(text.clone()), Ok(text.clone()));
        assert_eq!(driven.world().exits() - before, 2, "call {calls}");
    }
}

#[test]
fn a_thousand_one_way_messages_cost_at_most_a_tenth_of_an_exit_each() {
    let mut plan = Plan::new(&["source", "server"]);
    plan.channel("source", "server", &SERVICE).depth = 64;
    let image = plan.image();
    let mut world = World::new(&image, 0);
    world.program("server", |_| EchoServer::default());
    world.program("source", |_| Streamer::new(1000));
    world.boot();
    let exits_until = |world: &mut World<'_, '_>, messages: u64| {
        while world.monitor().carried().0 < messages {
            assert_eq!(world.run_for(1000), Stop::Time);
            assert!(world.now() < SECOND, "the stream stands still");
        }
        world.exits()
    };
    let before = exits_until(&mut world, 1);
    exits_until(&mut world, 1000);
    world.run_for(SECOND);
    assert_eq!(world.monitor().carried(), (1000, 0));
    // From the first message to the rest that follows the last.
    let exits = world.exits() - before;
    assert!(exits <= 100, "{exits} exits");
}

#[test]
fn sixty_idle_seconds_make_no_exit() {
    let mut plan = Plan::new(&["one", "two", "server"]);
    plan.channel("one", "server", &SERVICE);
    plan.channel("two", "server", &SERVICE);
    let image = plan.image();
    let mut world = World::new(&image, 0);
    world.program("server", |_| EchoServer::default());
    world.program("one", |_| Streamer::new(5));
    world.program("two", |_| Streamer::new(5));
    world.boot();
    world.run_for(SECOND);
    assert_eq!(world.monitor().carried(), (10, 0));
    let before = world.exits();
    assert_eq!(world.run_for(60 * SECOND), Stop::Time);
    assert_eq!(world.exits(), before);
}
