//! The network qube: drives a network card, and serves `net` to every client that has a channel.
//!
//! Which client may do what is said by the lines for `net` of the system's policy, which the host tool hands down. Without
//! them, or when one cannot be read, no packet ever leaves. A card that fails ends this life of the qube; the next one starts
//! the card again, and clients are told that their streams are gone.
//!
//! The hardware address is made up at each boot of the machine, so that networks do not know the machine again; the argument
//! `mac=device` keeps the card's own. It stays the same for all lives of this qube in one boot: a new one would ask for a new
//! lease at each restart, and a server has few.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

mod clients;
mod device;

use ipc_proto_net_api::{self as net, serve_in_place};
use ipc_proto_rpc::{Buffers, Ticks};
use ipc_proto_wire::HEADER_SIZE;
use netvm_card::Card;
use netvm_core::{Config, Quota, Stack, random_hardware_address};
use netvm_firewall::{Now, Rules};
use unikernels_nic::{Link, Mac, Nic as _};
use unikernels_rt::{Channel, Qube, log, main, scrub_stack};
use unikernels_sdk::{Csprng, Servers};

use clients::Clients;
use device::Device;

main!(netvm);

/// Messages are answered where they lie: these are as small as there are any.
type NoBuffers = Buffers<{ HEADER_SIZE + 1 }>;

/// How often at most it is asked whether there is a link: it costs an access to the card.
const LINK_MS: u64 = 1000;

fn netvm(qube: Qube) -> i32 {
    // Buffers and rings first: the heap takes all that is left of the arena.
    let mut ports = qube.servers(&net::SERVICE);
    let device = Device::start(qube, hardware_address(qube));
    let (name, mac) = (device.name(), device.mac());
    let quota = quota(qube, ports.ports().count());
    let config = Config {
        hardware: mac,
        fixed: None,
        resolvers: Default::default(),
        addresses_v6: Default::default(),
    };
    let mut seed = [0; unikernels_sdk::SEED_BYTES];
    qube.random().fill(&mut seed);
    let mut secret = [0; netvm_card::SECRET_BYTES];
    qube.random().fill(&mut secret);
    let card = Card::new(device, &secret);
    let mut stack = Stack::new(card, &config, quota, Csprng::new(seed), now(qube));
    if let Some(rules) = rules(qube) {
        stack.set_rules(rules, now(qube));
    }
    log!("{name} card, address {mac:02x?}; {} streams a client", quota.streams);
    qube.ready();
    let mut clients = Clients::new();
    let mut link_at = 0;
    let mut is_device = true;
    loop {
        let at = now(qube);
        if is_device {
            stack.device().nic().acknowledge();
        }
        if is_device || at.ms >= link_at {
            let is_up = stack.device().link() == Link::Up;
            stack.set_link(is_up);
            link_at = at.ms.saturating_add(LINK_MS);
        }
        let Turn { is_over, is_busy } = turn(&mut clients, &mut ports, &mut stack, at);
        if is_over {
            // What calls of that client left below this frame; heap, rings and buffers wipe themselves.
            scrub_stack();
        }
        if let Some(error) = stack.device().failure() {
            panic!("the network card does not work any more: {error:?}");
        }
        let mut deadline = if is_busy { Some(Ticks(0)) } else { sleep(qube, &mut stack) };
        if deadline != Some(Ticks(0)) {
            let frames = stack.patience();
            match stack.device().nic().wake_after(frames) {
                Ok(false) => {}
                // They have come since: clients that can go on do first.
                Ok(true) => deadline = Some(Ticks(0)),
                Err(error) => panic!("the network card does not work any more: {error:?}"),
            }
        }
        is_device = qube.wait(deadline).device();
    }
}

/// What a turn found.
struct Turn {
    /// A client's life is over.
    is_over: bool,
    /// There is more to do at once.
    is_busy: bool,
}

/// Moves everything on once. It has a frame of its own, so that scrubbing below its caller's finds all it left.
#[inline(never)]
fn turn(
    clients: &mut Clients,
    ports: &mut Servers<'_, Qube, Channel, { HEADER_SIZE + 1 }>,
    stack: &mut Stack<Card<Device>>,
    at: Now,
) -> Turn {
    let is_over = clients.admit(ports, stack);
    let is_left = stack.turn(at);
    let is_idle = ports.serve(&mut |port, _: &mut NoBuffers| serve_in_place(stack, port));
    stack.flush();
    stack.device().flush();
    clients.tell(ports, stack);
    Turn { is_over, is_busy: is_left || !is_idle }
}

/// What each client may have, so that all of it fits: a client that takes its whole share takes nothing from another.
///
/// # Panics
/// When there is too little memory for so many clients.
fn quota(qube: Qube, clients: usize) -> Quota {
    let left = qube.memory_left();
    // An eighth is for the stack's own tables, and what is lost between pieces of the heap.
    let share = (left - left / 8) / clients.max(1);
    match Quota::within(share) {
        Some(quota) => quota,
        None => panic!("too little memory for {clients} clients: {} KiB are left for each", share / 1024),
    }
}

/// Until when there is nothing to do if nothing comes.
fn sleep(qube: Qube, stack: &mut Stack<Card<Device>>) -> Option<Ticks> {
    let at = now(qube);
    let turn = stack.turn_at().map(|turn_ms| turn_ms.saturating_sub(at.ms));
    // To the millisecond: what a rule allowed ends with it.
    let unix = qube.unix_time();
    let unix_ms = unix.seconds.saturating_mul(1000).saturating_add(u64::from(unix.nanoseconds) / 1_000_000);
    let expiry = stack.next_expiry().map(|expiry_s| expiry_s.saturating_mul(1000).saturating_sub(unix_ms));
    [turn, expiry].into_iter().flatten().min().map(|ms| qube.in_ms(ms))
}

fn now(qube: Qube) -> Now {
    Now { ms: qube.clock().ns(qube.now().0) / 1_000_000, unix_s: qube.unix_time().seconds }
}

/// The rules that the system's policy has for us. Fail closed: what cannot be read is as if it were not there.
fn rules(qube: Qube) -> Option<Rules> {
    let Some(text) = qube.rules() else {
        log!("the policy has no rules for the network: nothing is sent");
        return None;
    };
    let own = ipc_proto_types::QubeName::new(qube.name()).ok()?;
    match Rules::parse(text, &own) {
        Ok(rules) => Some(rules),
        Err(error) => {
            log!("rules of the network cannot be read, so nothing is sent: {error:?}");
            None
        }
    }
}

/// The address to have: of this boot, or, by argument, the card's.
fn hardware_address(qube: Qube) -> Option<Mac> {
    if qube.args().get("mac") == Some("device") {
        return None;
    }
    // When the machine started, to the nanosecond, and how fast its clock was measured: another at each boot, and the same for
    // every life of this qube. It is no secret, since it is told to the network.
    let zero = qube.clock().unix(Ticks(0));
    let mut seed = [0; unikernels_sdk::SEED_BYTES];
    let words = [zero.seconds, u64::from(zero.nanoseconds), qube.clock().ticks_per_second()];
    for (place, word) in seed.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    Some(random_hardware_address(&mut Csprng::new(seed)))
}
