//! A store goes through a file and is the same again.

use crate::common::{Vault, check, sample, vault, whole};
use proptest::prelude::*;
use vault_app_entries::GroupId;
use vault_app_transfer::{Format, LeftOut, Verified};

/// Out and into an empty vault.
fn through(vault: &mut Vault, format: Format) -> Vault {
    let file = vault.export(format).bytes;
    let mut new = Vault::default();
    let imported = new.import(file.expose(), format, GroupId::ROOT).unwrap();
    assert_eq!(imported.report.added, vault.store.entries().count());
    assert_eq!(imported.report.groups, vault.store.groups().count());
    assert_eq!((imported.report.skipped, imported.report.refused), (0, 0));
    assert_eq!((imported.report.notes.len(), imported.report.left_out.len()), (0, 0));
    new.take(imported);
    new
}

#[test]
fn one_of_everything_goes_through_a_keepass_file() {
    let mut vault = sample();
    let exported = vault.export(Format::Kdbx);
    assert_eq!((exported.left_out.as_slice(), exported.entries), (&[(LeftOut::SigningKeys, 2)][..], 6));
    assert_eq!(exported.in_the_clear, 0);
    let new = through(&mut vault, Format::Kdbx);
    assert_eq!(whole(&new), whole(&vault));
    assert!(new.rest.keys.is_empty());
}

#[test]
fn one_of_everything_goes_through_a_backup_bit_for_bit() {
    let mut vault = sample();
    let exported = vault.export(Format::Backup);
    assert_eq!((exported.left_out.len(), exported.entries, exported.in_the_clear), (0, 6, 0));
    assert_eq!(check(exported.bytes.expose()), Ok(Verified { entries: 6, groups: 3, contents: 3, keys: 2 }));
    let new = through(&mut vault, Format::Backup);
    assert_eq!((new.records(), &new.rest), (vault.records(), &vault.rest));
}

#[test]
fn an_empty_store_is_a_file_too() {
    for format in [Format::Kdbx, Format::Backup] {
        let new = through(&mut Vault::default(), format);
        assert!(new.records().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_store_goes_through_a_keepass_file(mut vault in vault()) {
        let new = through(&mut vault, Format::Kdbx);
        prop_assert_eq!(whole(&new), whole(&vault));
    }

    #[test]
    fn any_store_goes_through_a_backup_bit_for_bit(mut vault in vault()) {
        let new = through(&mut vault, Format::Backup);
        prop_assert_eq!(new.records(), vault.records());
        prop_assert_eq!(&new.rest, &vault.rest);
        let file = vault.export(Format::Backup).bytes;
        let verified = check(file.expose()).unwrap();
        prop_assert_eq!(verified.entries + verified.groups, vault.records().len());
    }
}
