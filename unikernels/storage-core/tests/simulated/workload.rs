//! Random work on a store, and the same on a plain model.

use ipc_proto_volumes_api::VolumesError;
use unikernels_disk::{Disk, DiskError, SECTOR};
use unikernels_storage_core::{Name, Store};

use super::{Chance, Held, Model, number, numbered};

/// How many volumes there may be: few, so that clones of one another are written in turn.
const NAMES: u64 = 4;

/// One thing to do. Numbers are reduced to what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Make { name: u8, sectors: u16 },
    Grow { name: u8, sectors: u16 },
    Clone { of: u8, name: u8 },
    Erase { name: u8 },
    Write { name: u8, at: u16, sectors: u8 },
    Read { name: u8, at: u16, sectors: u16 },
    Discard { name: u8, at: u16, sectors: u16 },
    Flush { name: u8 },
}

impl Act {
    pub(crate) fn random(chance: &mut Chance) -> Self {
        let (name, of) = (chance.below(NAMES) as u8, chance.below(NAMES) as u8);
        let (at, sectors) = (chance.next() as u16, (chance.next() as u16) % 400 + 1);
        match chance.below(16) {
            0 => Self::Make { name, sectors },
            1 => Self::Grow { name, sectors: sectors * 2 },
            2 => Self::Clone { of, name },
            3 if chance.below(2) == 0 => Self::Erase { name },
            3..9 => Self::Write { name, at, sectors: sectors as u8 },
            9 | 10 => Self::Read { name, at, sectors },
            11 => Self::Discard { name, at, sectors },
            _ => Self::Flush { name },
        }
    }
}

fn name(number: u8) -> String {
    format!("volume-{number}")
}

/// Does something to both, and holds the answers against each other. The next number to be written goes up.
pub(crate) fn act<D: Disk>(store: &mut Store<D>, model: &mut Model, act: Act, next: &mut u32) {
    match act {
        Act::Make { .. } | Act::Grow { .. } | Act::Clone { .. } | Act::Erase { .. } => {
            manage(store, model, act)
        }
        _ => access(store, model, act, next),
    }
}

fn manage<D: Disk>(store: &mut Store<D>, model: &mut Model, act: Act) {
    match act {
        Act::Make { name: number, sectors } => {
            let result = store.make(&Name::new(&name(number)).expect("legal"), sectors.into());
            let exists = model.volumes.contains_key(&name(number));
            match result {
                Ok(_) => {
                    assert!(!exists);
                    model.volumes.insert(name(number), vec![Held::zeros(); sectors.into()]);
                    model.flushed();
                }
                Err(VolumesError::Exists) => assert!(exists),
                Err(error) => assert_eq!(error, expected_full(store, model, sectors.into(), 0)),
            }
        }
        Act::Grow { name: number, sectors } => {
            let result = store.grow(&Name::new(&name(number)).expect("legal"), sectors.into());
            let before = model.volumes.get(&name(number)).map(Vec::len);
            match (result, before) {
                (Ok(()), Some(before)) => {
                    assert!(before <= sectors.into());
                    let sectors = usize::from(sectors);
                    let held = model.volumes.get_mut(&name(number)).expect("it is there");
                    held.resize(sectors, Held::zeros());
                    model.flushed();
                }
                (Err(VolumesError::NoSuchVolume), None) => {}
                (Err(VolumesError::Shrinks), Some(before)) => assert!(before > sectors.into()),
                (Err(error), Some(before)) => {
                    assert_eq!(error, expected_full(store, model, sectors.into(), before));
                }
                other => panic!("{other:?}"),
            }
        }
        Act::Clone { of, name: number } => {
            let (of, to) = (name(of), name(number));
            let result = store.clone_volume(&Name::new(&of).expect("legal"), &Name::new(&to).expect("legal"));
            match (result, model.volumes.get(&of).cloned()) {
                (Ok(_), Some(held)) => {
                    assert_eq!(model.volumes.insert(to, held), None);
                    model.flushed();
                }
                (Err(VolumesError::NoSuchVolume), None) => {}
                (Err(VolumesError::Exists), Some(_)) => assert!(model.volumes.contains_key(&to)),
                (Err(error), Some(held)) => assert_eq!(error, expected_full(store, model, held.len(), 0)),
                other => panic!("{other:?}"),
            }
        }
        Act::Erase { name: number } => {
            let result = store.erase(&Name::new(&name(number)).expect("legal"));
            let gone = model.volumes.remove(&name(number));
            assert_eq!(result.is_ok(), gone.is_some(), "{result:?}");
            if gone.is_some() {
                model.flushed();
            }
        }
        _ => panic!("{act:?} manages nothing"),
    }
}

fn access<D: Disk>(store: &mut Store<D>, model: &mut Model, act: Act, next: &mut u32) {
    match act {
        Act::Write { name: number, at, sectors } => {
            let Some((id, at, count)) = place(store, model, number, at, sectors.into()) else { return };
            let mut bytes = Vec::new();
            for sector in at..at + count {
                *next += 1;
                bytes.extend(numbered(*next));
                model.wrote(&name(number), sector, *next);
            }
            assert_eq!(store.write(id, at as u64, &bytes), Ok(()), "never full");
        }
        Act::Read { name: number, at, sectors } => {
            let Some((id, at, count)) = place(store, model, number, at, sectors.into()) else { return };
            let mut bytes = vec![0xff; count * SECTOR];
            assert_eq!(store.read(id, at as u64, &mut bytes), Ok(()));
            compare(&model.volumes[&name(number)][at..at + count], &bytes, |held| &held.now);
        }
        Act::Discard { name: number, at, sectors } => {
            let Some((id, at, count)) = place(store, model, number, at, sectors.into()) else { return };
            assert_eq!(store.discard(id, at as u64, count as u64), Ok(()));
            (at..at + count).for_each(|sector| model.discarded(&name(number), sector));
        }
        Act::Flush { name: number } => {
            if let Some(id) = store.find(&Name::new(&name(number)).expect("legal")) {
                assert_eq!(store.flush(id), Ok(()));
                model.flushed();
            }
        }
        _ => panic!("{act:?} is no access"),
    }
}

/// Volume, first sector and number of sectors, within the volume.
fn place<D: Disk>(
    store: &Store<D>,
    model: &Model,
    number: u8,
    at: u16,
    sectors: usize,
) -> Option<(unikernels_storage_core::VolumeId, usize, usize)> {
    let held = model.volumes.get(&name(number))?;
    let id = store.find(&Name::new(&name(number)).expect("legal")).expect("it is in the model");
    let at = usize::from(at) % held.len();
    Some((id, at, sectors.clamp(1, held.len() - at)))
}

/// The error when there is no room for a volume of `sectors` that had `before`.
fn expected_full<D: Disk>(store: &Store<D>, model: &Model, sectors: usize, before: usize) -> VolumesError {
    let units = |sectors: usize| sectors.div_ceil(128);
    let used: usize = model.volumes.values().map(|held| units(held.len())).sum();
    let all = (store.space().sectors / 128) as usize;
    assert!(used + units(sectors) - units(before) > all, "there is room");
    VolumesError::Full
}

fn compare(held: &[Held], bytes: &[u8], of: impl Fn(&Held) -> &std::collections::BTreeSet<u32>) {
    for (at, (held, sector)) in held.iter().zip(bytes.chunks(SECTOR)).enumerate() {
        let found = number(sector);
        assert!(
            found.is_some_and(|found| of(held).contains(&found)),
            "sector {at}: {found:?}, not one of {:?}",
            of(held)
        );
    }
}

/// Holds all of a store against a model; after a cut, or as it is now.
pub(crate) fn compare_all<D: Disk>(
    store: &mut Store<D>,
    model: &Model,
    after_cut: bool,
) -> Result<(), String> {
    let names: Vec<String> = store.volumes().map(|volume| volume.name.as_str().to_owned()).collect();
    let expected: Vec<String> = model.volumes.keys().cloned().collect();
    if names != expected {
        return Err(format!("volumes {names:?}, not {expected:?}"));
    }
    for (name, held) in &model.volumes {
        let id = store.find(&Name::new(name).expect("legal")).expect("it is there");
        if store.sectors(id) != Some(held.len() as u64) {
            return Err(format!("{name}: {:?} sectors, not {}", store.sectors(id), held.len()));
        }
        let mut bytes = vec![0xff; held.len() * SECTOR];
        store.read(id, 0, &mut bytes).map_err(|error: DiskError| format!("{error:?}"))?;
        for (at, (held, sector)) in held.iter().zip(bytes.chunks(SECTOR)).enumerate() {
            let may = if after_cut { &held.after_cut } else { &held.now };
            let found = number(sector);
            if !found.is_some_and(|found| may.contains(&found)) {
                return Err(format!("{name}: sector {at} holds {found:?}, not one of {may:?}"));
            }
        }
    }
    Ok(())
}
