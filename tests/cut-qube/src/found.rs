//! What is in the vault, told before anything is changed.

use ipc_proto_types::Text;
use ipc_proto_vault_api::Reveal;
use unikernels_rt::log;

use crate::changes::{Changes, word_of};
use crate::{Failed, Vault};

/// Most entries that are told: more than this program ever makes.
const ENTRIES_MAX: u32 = 64;

/// Tells all entries, and has the changes go on from there.
pub(crate) fn tell(vault: &mut Vault, changes: &mut Changes) -> Result<(), Failed> {
    let count = some(vault, changes, "", "live")? + some(vault, changes, "is:recycled", "bin")?;
    log!("cut: all {count}");
    Ok(())
}

/// Tells the entries that a search finds.
fn some(vault: &mut Vault, changes: &mut Changes, search: &str, place: &str) -> Result<u32, Failed> {
    let mut from = 0;
    while from < ENTRIES_MAX {
        let page = vault.list(Text::truncated(search), from)??;
        if page.entries.is_empty() {
            break;
        }
        for line in &page.entries {
            from += 1;
            let name: Text<256> = Text::truncated(line.id.as_str());
            let entry = vault.show(name.clone(), true)??;
            let password = entry.password.as_ref().map_or("none", |password| password.expose().as_str());
            let notes = if entry.in_bin { None } else { Some(vault.reveal(name, Reveal::Notes)) };
            let word = match &notes {
                // The vault does not show them.
                None => "hidden",
                Some(Ok(Ok(notes))) => word_of(notes.expose()),
                // An entry without notes may have no such part.
                Some(_) if entry.notes_bytes == 0 => "none",
                Some(_) => "unreadable",
            };
            log!("cut: have {} {password} {word} {place}", line.title);
            changes.found(&line.title, entry.in_bin);
        }
    }
    Ok(from)
}
