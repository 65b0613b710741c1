//! From store to file.

use alloc::vec::Vec;

use vault_app_codes::Random;
use vault_app_entries::export::Protected;
use vault_app_entries::store::Item;
use vault_app_entries::{Content, SecretBytes, Store};
use vault_app_kdbx::{ArgonKind, Cipher, Compression, Options, Put, Uuid, save_filled};
use vault_app_kdf::Cost;

use crate::backup;
use crate::error::TransferError;
use crate::kdbx;
use crate::means::{Format, Means, Source};
use crate::report::{Count, Exported, LeftOut};

/// The store as a file, whose key costs `cost` to derive. Attachments and signing keys come from `source`.
///
/// # Errors
/// See [`TransferError`].
pub fn export<R: Random>(
    store: &Store,
    source: &mut impl Source,
    format: Format,
    cost: Cost,
    means: &mut Means<'_, R>,
) -> Result<Exported, TransferError> {
    let has_key_file = format == Format::Kdbx && means.key_file.is_some();
    if matches!(format, Format::Kdbx | Format::Backup) && means.passphrase.is_empty() && !has_key_file {
        return Err(TransferError::NoPassphrase);
    }
    match format {
        Format::Kdbx => to_kdbx(store, source, cost, means),
        Format::Csv => to_csv(store, source),
        Format::Backup => {
            let bytes = SecretBytes::from(backup::write(store, source, cost, means)?);
            Ok(sealed(bytes, store, Count::default()))
        }
        Format::Bitwarden => Err(TransferError::OnlyRead),
    }
}

fn sealed(bytes: SecretBytes, store: &Store, left_out: Count) -> Exported {
    let entries = store.entries().count();
    Exported { bytes, entries, left_out: left_out.finish(), in_the_clear: 0, formulas: 0 }
}

/// Not compressed: how well secrets compress tells of them.
fn to_kdbx<R: Random>(
    store: &Store,
    source: &mut impl Source,
    cost: Cost,
    means: &mut Means<'_, R>,
) -> Result<Exported, TransferError> {
    let mut left_out = Count::default();
    left_out.add(LeftOut::SigningKeys, source.keys()?.len());
    let (database, tree) = kdbx::write(store, source, means.random, means.now_s, means.room)?;
    let key = means.composite_key()?;
    let (cipher, compression, kind) = (Cipher::Aes256, Compression::None, ArgonKind::Id);
    let options = Options { cipher, compression, kind, cost };
    let fill = |group: Uuid, put: Put<'_>| tree.fill(group, put);
    let file = save_filled(&database, &fill, &key, &options, means.random, means.blocks)?;
    Ok(sealed(SecretBytes::from(file), store, left_out))
}

fn to_csv(store: &Store, source: &mut impl Source) -> Result<Exported, TransferError> {
    let csv = store.export_csv(Protected::Include);
    let mut left_out = Count::default();
    left_out.add(LeftOut::SigningKeys, source.keys()?.len());
    left_out.add(LeftOut::Recycled, csv.recycled);
    left_out.add(LeftOut::Attachments, csv.attachments);
    left_out.add(LeftOut::Versions, csv.versions);
    let live = || store.entries().filter(|entry| !store.is_recycled(Item::Entry(entry.id)));
    let used: Vec<_> = live().flat_map(|entry| store.ancestry(entry.group).map(|group| group.id)).collect();
    let lost = store.groups().filter(|group| {
        let live = !store.is_recycled(Item::Group(group.id));
        live && (!used.contains(&group.id) || !group.notes.is_empty())
    });
    left_out.add(LeftOut::Groups, lost.count());
    let in_the_clear = live().map(|entry| secrets(&entry.content)).sum();
    Ok(Exported {
        bytes: SecretBytes::new(csv.text.expose().as_bytes()),
        entries: csv.entries,
        left_out: left_out.finish(),
        in_the_clear,
        formulas: csv.formulas,
    })
}

/// How many secrets a content has.
fn secrets(content: &Content) -> usize {
    let protected = content.fields.iter().filter(|field| field.protected).count();
    let others = [!content.password.is_empty(), !content.notes.is_empty(), content.totp.is_some()];
    protected + others.into_iter().map(usize::from).sum::<usize>()
}
