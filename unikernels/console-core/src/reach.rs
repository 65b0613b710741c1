//! Who can reach a qube: the transitive closure over the channels that carry calls.
//!
//! Every qube on a way to the target is found, with the first step of a shortest way, by walking the channels backwards,
//! breadth first. Bounded: at most [`QUBES_MAX`] qubes, each visited once.
//!
//! What it does not claim: that a qube on the way forwards anything. It says who could, if those between agreed.

/// The most qubes of a system.
pub(crate) const QUBES_MAX: usize = 24;

/// How one qube gets to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    /// The qube it calls first; the target itself when it has a channel of its own.
    pub(crate) next: u8,
    /// How many calls away the target is, 1 or more.
    pub(crate) steps: u8,
}

/// For each qube its shortest way to `target` over `edges` (client, server), if there is one. The target itself has none.
#[must_use]
pub(crate) fn ways(target: u8, edges: &[(u8, u8)]) -> [Option<Way>; QUBES_MAX] {
    let mut ways = [None; QUBES_MAX];
    for steps in 1..=QUBES_MAX {
        let known = ways;
        let reached = |qube: u8| qube == target || known.get(usize::from(qube)).is_some_and(Option::is_some);
        for &(client, server) in edges {
            if reached(server)
                && !reached(client)
                && let Some(way @ None) = ways.get_mut(usize::from(client))
            {
                *way = Some(Way { next: server, steps: u8::try_from(steps).unwrap_or(u8::MAX) });
            }
        }
        if ways == known {
            break;
        }
    }
    ways
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn check(target: u8, edges: &[(u8, u8)], expected: &[(u8, u8, u8)]) {
        let got: Vec<_> = (0_u8..)
            .zip(ways(target, edges))
            .filter_map(|(qube, way)| way.map(|way| (qube, way.next, way.steps)))
            .collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn nobody_reaches_a_qube_without_channels() {
        check(3, &[], &[]);
        check(3, &[(0, 1), (3, 0)], &[]);
    }

    #[test]
    fn callers_and_their_callers_are_found_with_the_shortest_way() {
        check(3, &[(0, 3), (1, 0), (2, 1), (2, 3)], &[(0, 3, 1), (1, 0, 2), (2, 3, 1)]);
    }

    #[test]
    fn circles_end_and_the_target_is_not_its_own_caller() {
        check(0, &[(0, 1), (1, 2), (2, 0), (0, 0)], &[(1, 2, 2), (2, 0, 1)]);
    }

    #[test]
    fn the_longest_chain_of_qubes_is_followed_to_its_end() {
        let edges: Vec<(u8, u8)> = (1..24).map(|qube| (qube, qube - 1)).collect();
        let ways = ways(0, &edges);
        assert_eq!(ways[23], Some(Way { next: 22, steps: 23 }));
    }

    #[test]
    fn numbers_of_no_qube_are_ignored() {
        check(0, &[(200, 0), (1, 200)], &[]);
        check(200, &[(1, 0)], &[]);
    }
}
