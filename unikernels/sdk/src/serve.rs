//! `Servers`: the main loop of a qube that serves, over all ports of one service.
//!
//! A wait ends when something moved, but not what, and a call made while serving may have used
//! up that news. So the loop goes round all ports until a whole round found nothing, and only
//! then sleeps; a peer that sends without pause can't keep it from sleeping, which is also when
//! replies go out. Each client has buffers of its own: a reply that finds no room waits there,
//! and holds up nobody else.

use ipc_proto_rpc::{Buffers, Port, Ticks};
use ipc_proto_types::{List, MAX_PORTS};

/// Rounds before the loop lets the rest of the machine run: enough to drain what arrives in a
/// burst, and a bound on how long a flood keeps replies waiting.
const ROUNDS_MAX: usize = 4;

/// What can sleep: a qube.
pub trait Wait {
    /// Sends what is queued on all ports and sleeps until anything moves or the deadline passes;
    /// a deadline of 0 only yields.
    fn wait(&self, deadline: Option<Ticks>);
}

/// All ports on which a qube serves one service, with their buffers.
///
/// `N` is the `FRAME_MAX` of the service. The function that serves one port is the `serve` of
/// the service's crate: `|port, buffers| echo_api::serve(&mut echo, port, buffers)`.
pub struct Servers<'b, W, P, const N: usize> {
    qube: W,
    ends: List<End<'b, P, N>, MAX_PORTS>,
}

struct End<'b, P, const N: usize> {
    port: P,
    buffers: &'b mut Buffers<N>,
}

impl<'b, W: Wait, P: Port, const N: usize> Servers<'b, W, P, N> {
    /// None yet.
    #[must_use]
    pub const fn new(qube: W) -> Self {
        Self { qube, ends: List::new() }
    }

    /// Adds a port. There are no more than [`MAX_PORTS`] in a qube, so it always fits.
    pub fn add(&mut self, port: P, buffers: &'b mut Buffers<N>) {
        let added = self.ends.push(End { port, buffers });
        assert!(added.is_ok(), "a qube has no more ports than MAX_PORTS");
    }

    /// The ports, one for each client.
    pub fn ports(&mut self) -> impl Iterator<Item = &mut P> {
        self.ends.iter_mut().map(|end| &mut end.port)
    }

    /// Serves what has arrived, in rounds over all ports; true if the last round found nothing.
    /// Never sleeps.
    pub fn serve(&mut self, serve: &mut impl FnMut(&mut P, &mut Buffers<N>) -> usize) -> bool {
        (0..ROUNDS_MAX).any(|_| {
            let round = self.ends.iter_mut();
            // Every port has its turn in every round, whatever the others sent.
            round.map(|end| serve(&mut end.port, end.buffers)).sum::<usize>() == 0
        })
    }

    /// Serves what has arrived, then sleeps once: for a loop that does something else as well.
    /// After a flood it only yields.
    pub fn turn(
        &mut self,
        deadline: Option<Ticks>,
        serve: &mut impl FnMut(&mut P, &mut Buffers<N>) -> usize,
    ) {
        let idle = self.serve(serve);
        self.qube.wait(if idle { deadline } else { Some(Ticks(0)) });
    }

    /// Serves for ever.
    pub fn run(mut self, mut serve: impl FnMut(&mut P, &mut Buffers<N>) -> usize) -> ! {
        loop {
            self.turn(None, &mut serve);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use ipc_proto_rpc::{PortFacts, SendError};
    use ipc_proto_types::PortIndex;

    use super::*;

    /// Enough of a port for the loop, which only hands it on.
    struct Fake(PortIndex);

    impl Port for Fake {
        fn index(&self) -> PortIndex {
            self.0
        }
        fn facts(&self) -> PortFacts {
            unreachable!("the loop asks nothing of a port")
        }
        fn acknowledge(&mut self) {}
        fn send(&mut self, _: &[u8]) -> Result<(), SendError> {
            Err(SendError::Closed)
        }
        fn flush(&mut self) {}
        fn receive(&mut self, _: &mut [u8]) -> Option<usize> {
            None
        }
        fn wait(&mut self, _: Option<Ticks>) {
            unreachable!("the loop waits for the qube, not for one port")
        }
        fn now(&self) -> Ticks {
            Ticks(0)
        }
        fn ticks_per_second(&self) -> u64 {
            1
        }
    }

    #[derive(Default)]
    struct Sleeps(RefCell<Vec<Option<Ticks>>>);

    impl Wait for &Sleeps {
        fn wait(&self, deadline: Option<Ticks>) {
            self.0.borrow_mut().push(deadline);
        }
    }

    /// Runs one turn over `waiting.len()` ports. `step` sees the port's number and all counts of
    /// waiting messages, and says how many it served. Gives the order of service and the sleep.
    fn turn(
        waiting: &[Cell<usize>],
        step: impl Fn(usize, &[Cell<usize>]) -> usize,
    ) -> (Vec<usize>, Option<Ticks>) {
        let sleeps = Sleeps::default();
        let mut buffers: Vec<Buffers<40>> = waiting.iter().map(|_| Buffers::new()).collect();
        let mut servers = Servers::new(&sleeps);
        for (index, buffers) in PortIndex::all().zip(&mut buffers) {
            servers.add(Fake(index), buffers);
        }
        let mut order = Vec::new();
        servers.turn(Some(Ticks(77)), &mut |port, _| {
            let served = step(port.index().as_usize(), waiting);
            if served > 0 {
                order.push(port.index().as_usize());
            }
            served
        });
        let slept = sleeps.0.take();
        assert_eq!(slept.len(), 1, "a turn sleeps once");
        (order, slept[0])
    }

    fn counts<const N: usize>(counts: [usize; N]) -> [Cell<usize>; N] {
        counts.map(Cell::new)
    }

    #[test]
    fn what_waits_is_served_and_then_the_qube_sleeps() {
        let (order, slept) = turn(&counts([0, 2, 1]), |port, waiting| waiting[port].take());
        assert_eq!(order, [1, 2]);
        assert_eq!(slept, Some(Ticks(77)));
    }

    #[test]
    fn a_message_that_arrives_behind_the_round_is_served_before_sleeping() {
        let (order, slept) = turn(&counts([0, 0, 1]), |port, waiting| {
            let served = waiting[port].take();
            if port == 2 && served > 0 {
                waiting[0].set(1);
            }
            served
        });
        assert_eq!(order, [2, 0]);
        assert_eq!(slept, Some(Ticks(77)));
    }

    #[test]
    fn a_flood_holds_up_neither_the_other_ports_nor_the_replies() {
        let (order, slept) = turn(&counts([1, 1]), |port, waiting| match port {
            0 => 5,
            _ => waiting[port].take(),
        });
        assert!(order.contains(&1), "the quiet port was served: {order:?}");
        assert_eq!(order.len(), ROUNDS_MAX + 1);
        assert_eq!(slept, Some(Ticks(0)), "replies go out, then on");
    }
}
