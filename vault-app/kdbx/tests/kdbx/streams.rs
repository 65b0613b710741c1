//! Files that are read and written entry by entry, and within limits.

use crate::common::{KeyKind, Seeded, blocks, open, sample, save, summary, variants};
use vault_app_kdbx::{
    Binary, Compression, Entry, KdbxError, Limits, Options, Put, Uuid, XmlError, open_each, open_within,
    save_filled,
};

#[test]
fn entries_that_are_given_away_and_filled_in_again_are_all_of_them() {
    let (options, key) = (Options { compression: Compression::Gzip, ..variants()[0].0 }, KeyKind::Both);
    let database = sample();
    let file = save(&database, &key.key(), &options);
    let (mut given, mut memory) = (Vec::new(), blocks(options.cost));
    let mut take = |group: usize, entry: Entry<'_>, binaries: &[Binary]| {
        assert_eq!(binaries.len(), 3);
        given.push((group, entry.element().clone()));
    };
    let rest = open_each(&file, &key.key(), &mut memory, Limits::MAX, &mut take).unwrap();
    assert_eq!((rest.entries().count(), given.len()), (0, database.entries().count()));
    let mut groups = vec![rest.root().unwrap()];
    let mut uuids = Vec::new();
    while let Some(group) = groups.pop() {
        uuids.push(group.uuid().unwrap());
        groups.extend(group.groups().rev());
    }
    for (group, entry) in database.entries() {
        let place = uuids.iter().position(|uuid| Some(*uuid) == group.uuid()).unwrap();
        assert!(given.iter().any(|(group, given)| *group == place && given == entry.element()));
    }
    let fill = |group: Uuid, put: Put<'_>| {
        let inside = given.iter().filter(|(place, _)| uuids[*place] == group);
        inside.map(|(_, entry)| entry).try_for_each(put)
    };
    let again = save_filled(&rest, &fill, &key.key(), &options, &mut Seeded(2), &mut memory).unwrap();
    assert_eq!(summary(&open(&again, &key.key()).unwrap()), summary(&database));
}

#[test]
fn limits_are_kept() {
    let (options, key) = (Options { compression: Compression::Gzip, ..variants()[0].0 }, KeyKind::Both);
    let file = save(&sample(), &key.key(), &options);
    let with = |payload, nodes| {
        open_within(&file, &key.key(), &mut blocks(options.cost), Limits { payload, nodes }).err()
    };
    assert_eq!(with(10_000_000, 10_000), None);
    assert_eq!(with(100_000, 10_000), Some(KdbxError::PayloadTooLarge));
    assert_eq!(with(10_000_000, 100), Some(KdbxError::Xml(XmlError::TooMany)));
}
