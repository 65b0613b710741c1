//! A vault for tests: keeps what it is told and gives it back, with the names and errors of the real one.
//!
//! What it does not do: no cryptography, no quotas, no order but that of adding. Its files and keys are in `fake_files`.

extern crate std;

use crate::fake_machine::text;
use ipc_proto_rpc::Caller;
use ipc_proto_types::{List, Secret, Text};
use ipc_proto_vault_api::keys::{Answer, Grant, Key, Pending};
use ipc_proto_vault_api::{
    Added, Algorithm, Change, Code, Custom, Entry, Expiry, Fault, Finding, GroupPage, Keys, NewEntry,
    NewPassword, Page, ReportPage, Reveal, State, Status, Storage, Summary, Vault, VaultError, Version,
    Versions,
};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// What the fake vault keeps of an entry.
#[derive(Clone, Default)]
pub(crate) struct Kept {
    pub(crate) id: u32,
    pub(crate) title: String,
    pub(crate) group: String,
    pub(crate) user: String,
    pub(crate) url: String,
    pub(crate) tags: Vec<String>,
    pub(crate) password: String,
    pub(crate) entropy_centibits: u32,
    pub(crate) totp: Option<(String, Option<Algorithm>)>,
    pub(crate) expires: Option<u64>,
    pub(crate) notes: String,
    /// Name, value, whether it is protected.
    pub(crate) fields: Vec<(String, String, bool)>,
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) history: Vec<Kept>,
    pub(crate) in_bin: bool,
}

/// A vault.
pub(crate) struct FakeVault {
    pub(crate) storage: Storage,
    pub(crate) unavailable: bool,
    pub(crate) passphrase: Option<String>,
    pub(crate) key_file: Option<Vec<u8>>,
    pub(crate) open: bool,
    pub(crate) retry_after_ms: u32,
    pub(crate) auto_lock_s: u32,
    pub(crate) groups: Vec<String>,
    pub(crate) entries: Vec<Kept>,
    pub(crate) findings: Vec<Finding>,
    pub(crate) uploaded: Vec<u8>,
    pub(crate) download: Vec<u8>,
    /// The next import fails like this.
    pub(crate) import_fails: Option<VaultError>,
    /// An upload takes no more than this.
    pub(crate) upload_max: usize,
    /// A download has a byte less than was said.
    pub(crate) ends_early: bool,
    pub(crate) keys: Vec<Key>,
    pub(crate) allowed: Vec<(String, u64, Grant)>,
    pub(crate) pending: Vec<Pending>,
    /// Numbers of the questions that are still asked, and what was answered.
    pub(crate) asks: Vec<u32>,
    pub(crate) answers: Vec<(u32, Answer)>,
}

impl FakeVault {
    pub(crate) fn new() -> Self {
        Self {
            storage: Storage::Memory,
            unavailable: false,
            passphrase: None,
            key_file: None,
            open: false,
            retry_after_ms: 0,
            auto_lock_s: 0,
            groups: Vec::new(),
            entries: Vec::new(),
            findings: Vec::new(),
            uploaded: Vec::new(),
            download: Vec::new(),
            import_fails: None,
            upload_max: 1 << 20,
            ends_early: false,
            keys: Vec::new(),
            allowed: Vec::new(),
            pending: Vec::new(),
            asks: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Its qube was ended: what is on a volume stays.
    pub(crate) fn restart(&mut self) {
        match self.storage {
            Storage::Memory => *self = Self::new(),
            Storage::Volume => self.open = false,
        }
    }

    /// The entry with this title.
    pub(crate) fn entry(&self, title: &str) -> &Kept {
        self.entries.iter().find(|kept| kept.title == title).unwrap()
    }

    pub(crate) fn must_be_open(&self) -> Result<(), VaultError> {
        match (&self.passphrase, self.open) {
            (None, _) => Err(VaultError::NotInitialised),
            (_, false) => Err(VaultError::Locked),
            _ => Ok(()),
        }
    }

    /// The entry of this name, where the real one would find it.
    pub(crate) fn find(&mut self, name: &str) -> Result<&mut Kept, VaultError> {
        self.must_be_open()?;
        let called = |kept: &Kept| {
            name == id(kept) || name == kept.title || name == format!("{}/{}", kept.group, kept.title)
        };
        match self.entries.iter().filter(|kept| called(kept)).count() {
            0 => Err(VaultError::NoSuchEntry),
            1 => self.entries.iter_mut().find(|kept| called(kept)).ok_or(VaultError::NoSuchEntry),
            count => Err(VaultError::Ambiguous { entries: u16::try_from(count).unwrap() }),
        }
    }

    fn opens(&mut self, keys: &Keys) -> Result<(), VaultError> {
        let key_file = keys.key_file.as_ref().map(|file| file.expose().to_vec());
        if self.passphrase.as_deref() == Some(keys.passphrase.expose().as_str()) && key_file == self.key_file
        {
            return Ok(());
        }
        self.retry_after_ms = 2_000;
        Err(VaultError::WrongPassphrase { retry_after_ms: 2_000 })
    }

    fn key_with(&mut self, keys: Keys) {
        self.passphrase = Some(keys.passphrase.expose().to_string());
        self.key_file = keys.key_file.map(|file| file.expose().to_vec());
    }

    pub(crate) fn push(&mut self, kept: Kept) {
        let id = u32::try_from(self.entries.len()).unwrap() + 0x10;
        self.entries.push(Kept { id, ..kept });
    }
}

fn id(kept: &Kept) -> String {
    format!("#{:08x}", kept.id)
}

/// The password and its entropy.
fn made(password: &NewPassword) -> (String, u32) {
    match password {
        NewPassword::Given(password) => (password.expose().to_string(), 0),
        NewPassword::Generate(recipe) => {
            ("generated".repeat(30)[..usize::from(recipe.length)].into(), 15_372)
        }
        NewPassword::Words(words) => {
            (std::vec!["word"; words.count.into()].join(&words.separator), 1_292 * u32::from(words.count))
        }
    }
}

impl Vault for FakeVault {
    fn status(&mut self, _: &Caller) -> Status {
        let state = match (&self.passphrase, self.open) {
            _ if self.unavailable => State::Unavailable,
            (None, _) => State::Empty,
            (_, false) => State::Locked,
            _ => State::Unlocked,
        };
        let entries = if self.open { u32::try_from(self.entries.len()).unwrap() } else { 0 };
        Status {
            state,
            storage: self.storage,
            entries,
            retry_after_ms: self.retry_after_ms,
            key_file: self.key_file.is_some(),
            auto_lock_s: self.auto_lock_s,
            generation: if self.open && self.storage == Storage::Volume { 17 } else { 0 },
        }
    }

    fn init(&mut self, _: &Caller, keys: Keys) -> Result<(), VaultError> {
        if self.passphrase.is_some() {
            return Err(VaultError::AlreadyInitialised);
        }
        self.key_with(keys);
        self.open = true;
        Ok(())
    }

    fn unlock(&mut self, _: &Caller, keys: Keys) -> Result<(), VaultError> {
        self.opens(&keys)?;
        self.open = true;
        Ok(())
    }

    fn lock(&mut self, _: &Caller) {
        self.open = false;
    }

    fn change(&mut self, _: &Caller, old: Keys, new: Keys) -> Result<(), VaultError> {
        self.opens(&old)?;
        self.key_with(new);
        Ok(())
    }

    fn auto_lock(&mut self, _: &Caller, seconds: u32) -> Result<(), VaultError> {
        self.must_be_open()?;
        self.auto_lock_s = seconds;
        Ok(())
    }

    fn add(&mut self, _: &Caller, entry: NewEntry) -> Result<Added, VaultError> {
        self.must_be_open()?;
        let same = |kept: &Kept| kept.title == entry.title.as_str() && kept.group == entry.group.as_str();
        if self.entries.iter().any(same) {
            return Err(VaultError::EntryExists);
        }
        if !entry.group.is_empty() && !self.groups.iter().any(|group| entry.group == group.as_str()) {
            return Err(VaultError::NoSuchGroup);
        }
        let (password, entropy_centibits) = made(&entry.password);
        self.push(Kept {
            title: entry.title.to_string(),
            group: entry.group.to_string(),
            user: entry.user.to_string(),
            url: entry.url.to_string(),
            tags: entry.tags.iter().map(|tag| tag.to_string()).collect(),
            password,
            entropy_centibits,
            totp: entry.totp.map(|totp| (totp.secret_base32.expose().to_string(), Some(totp.algorithm))),
            expires: entry.expires.map(|expires| expires.unix_s),
            ..Kept::default()
        });
        Ok(Added { entropy_centibits, generated: entropy_centibits > 0 })
    }

    fn edit(&mut self, _: &Caller, name: Text<256>, change: Change) -> Result<Added, VaultError> {
        let kept = self.find(&name)?;
        let before = Kept { history: Vec::new(), ..kept.clone() };
        kept.history.insert(0, before);
        match change {
            Change::Title(title) => kept.title = title.to_string(),
            Change::Group(group) => kept.group = group.to_string(),
            Change::User(user) => kept.user = user.to_string(),
            Change::Password(password) => (kept.password, kept.entropy_centibits) = made(&password),
            Change::Url(url) => kept.url = url.to_string(),
            Change::Notes(notes) => kept.notes = notes.expose().to_string(),
            Change::Tags(tags) => kept.tags = tags.iter().map(|tag| tag.to_string()).collect(),
            Change::Totp(totp) => {
                kept.totp = totp.map(|totp| (totp.secret_base32.expose().to_string(), Some(totp.algorithm)));
            }
            Change::Expires(expires) => kept.expires = expires.map(|expires| expires.unix_s),
            Change::Field { name, value, protected } => {
                kept.fields.retain(|(field, _, _)| name != field.as_str());
                kept.fields.push((name.to_string(), value.expose().to_string(), protected));
            }
            Change::NoField(name) => {
                if !kept.fields.iter().any(|(field, _, _)| name == field.as_str()) {
                    return Err(VaultError::NoSuchPart);
                }
                kept.fields.retain(|(field, _, _)| name != field.as_str());
            }
        }
        let entropy_centibits = kept.entropy_centibits;
        Ok(Added { entropy_centibits, generated: entropy_centibits > 0 })
    }

    fn list(&mut self, _: &Caller, search: Text<256>, from: u32) -> Result<Page, VaultError> {
        self.must_be_open()?;
        if search == "is:odd" {
            return Err(VaultError::BadQuery);
        }
        let is_found = |kept: &&Kept| {
            let terms = search.split(' ').filter(|term| !term.is_empty() && *term != "is:recycled");
            kept.in_bin == search.contains("is:recycled")
                && terms.clone().all(|term| match term.split_once(':') {
                    Some(("tag", tag)) => kept.tags.iter().any(|known| known == tag),
                    Some(("group", group)) => kept.group.contains(group),
                    _ => kept.title.contains(term) || kept.user.contains(term),
                })
        };
        let mut found: Vec<&Kept> = self.entries.iter().filter(is_found).collect();
        found.sort_by_key(|kept| (kept.group.clone(), kept.title.clone()));
        let mut entries = List::new();
        for kept in found.iter().skip(usize::try_from(from).unwrap()).take(8) {
            let summary = Summary {
                title: text(&kept.title),
                group: text(&kept.group),
                user: text(&kept.user),
                totp: kept.totp.is_some(),
                expired: kept.expires.is_some_and(|expires| expires < 1_700_000_000),
                ambiguous: found.iter().filter(|other| other.title == kept.title).count() > 1,
                id: text(&id(kept)),
            };
            entries.push(summary).ok().unwrap();
        }
        Ok(Page { entries, total: u32::try_from(found.len()).unwrap() })
    }

    fn show(&mut self, _: &Caller, name: Text<256>, reveal: bool) -> Result<Entry, VaultError> {
        let kept = self.find(&name)?;
        let urls: &[Text<512>] = &if kept.url.is_empty() { Vec::new() } else { std::vec![text(&kept.url)] };
        let tags: Vec<Text<64>> = kept.tags.iter().map(|tag| text(tag)).collect();
        let custom = |field: &(String, String, bool)| Custom { name: text(&field.0), protected: field.2 };
        let fields: Vec<Custom> = kept.fields.iter().map(custom).collect();
        let files: Vec<Text<256>> = kept.files.iter().map(|(name, _)| text(name)).collect();
        Ok(Entry {
            title: text(&kept.title),
            group: text(&kept.group),
            user: text(&kept.user),
            password: reveal.then(|| Secret::new(text(&kept.password))),
            entropy_centibits: kept.entropy_centibits,
            generated: kept.entropy_centibits > 0,
            totp: kept.totp.is_some(),
            urls: List::try_from(urls).unwrap(),
            tags: List::try_from(tags.as_slice()).unwrap(),
            fields: List::try_from(fields.as_slice()).unwrap(),
            attachments: List::try_from(files.as_slice()).unwrap(),
            more: false,
            notes_bytes: u32::try_from(kept.notes.len()).unwrap(),
            versions: u8::try_from(kept.history.len()).unwrap(),
            created_unix_s: 1_767_225_600,
            modified_unix_s: 1_767_225_600 + 60 * u64::try_from(kept.history.len()).unwrap(),
            expires: kept.expires.map(|unix_s| Expiry { unix_s }),
            in_bin: kept.in_bin,
            id: text(&id(kept)),
        })
    }

    fn reveal(
        &mut self,
        _: &Caller,
        name: Text<256>,
        what: Reveal,
    ) -> Result<Secret<Text<4096>>, VaultError> {
        let kept = self.find(&name)?;
        let old = |number: u8| kept.history.get(usize::from(number)).map(|old| old.password.clone());
        let field = |name: Text<256>| kept.fields.iter().find(|field| name == field.0.as_str());
        let secret = match what {
            Reveal::Password => Some(kept.password.clone()),
            Reveal::Notes => Some(kept.notes.clone()),
            Reveal::Field(name) => field(name).map(|field| field.1.clone()),
            Reveal::OldPassword(number) => old(number),
            Reveal::Totp => kept.totp.as_ref().map(|(secret, _)| secret.clone()),
        };
        secret.map(|secret| Secret::new(text(&secret))).ok_or(VaultError::NoSuchPart)
    }

    fn copy_once(&mut self, _: &Caller, name: Text<256>) -> Result<Secret<Text<1024>>, VaultError> {
        self.find(&name).map(|kept| Secret::new(text(&kept.password)))
    }

    fn totp(&mut self, _: &Caller, name: Text<256>) -> Result<Code, VaultError> {
        self.find(&name)?.totp.as_ref().ok_or(VaultError::NoTotp)?;
        Ok(Code { digits: Secret::new(text("287082")), seconds_left: 12 })
    }

    fn remove(&mut self, _: &Caller, name: Text<256>) -> Result<(), VaultError> {
        let kept = self.find(&name)?;
        match core::mem::replace(&mut kept.in_bin, true) {
            true => Err(VaultError::InBin),
            false => Ok(()),
        }
    }

    fn restore(&mut self, _: &Caller, name: Text<256>) -> Result<(), VaultError> {
        let kept = self.find(&name)?;
        match core::mem::replace(&mut kept.in_bin, false) {
            true => Ok(()),
            false => Err(VaultError::NotInBin),
        }
    }

    fn purge(&mut self, _: &Caller, name: Text<256>) -> Result<(), VaultError> {
        let kept = self.find(&name)?;
        if !kept.in_bin {
            return Err(VaultError::NotInBin);
        }
        let id = kept.id;
        self.entries.retain(|kept| kept.id != id);
        Ok(())
    }

    fn empty_bin(&mut self, _: &Caller) -> Result<u32, VaultError> {
        self.must_be_open()?;
        let before = self.entries.len();
        self.entries.retain(|kept| !kept.in_bin);
        Ok(u32::try_from(before - self.entries.len()).unwrap())
    }

    fn history(&mut self, _: &Caller, name: Text<256>) -> Result<Versions, VaultError> {
        let kept = self.find(&name)?;
        let version = |old: &Kept| Version {
            modified_unix_s: 1_767_225_600,
            title: text(&old.title),
            user: text(&old.user),
            other_password: old.password != kept.password,
        };
        let versions: Vec<Version> = kept.history.iter().map(version).collect();
        Ok(Versions { versions: List::try_from(versions.as_slice()).unwrap() })
    }

    fn revert(&mut self, _: &Caller, name: Text<256>, version: u8) -> Result<(), VaultError> {
        let kept = self.find(&name)?;
        let old = kept.history.get(usize::from(version)).cloned().ok_or(VaultError::NoSuchPart)?;
        *kept = Kept { history: core::mem::take(&mut kept.history), ..old };
        Ok(())
    }

    fn forget_history(&mut self, _: &Caller, name: Text<256>) -> Result<(), VaultError> {
        self.find(&name).map(|kept| kept.history.clear())
    }

    fn groups(&mut self, _: &Caller, from: u32) -> Result<GroupPage, VaultError> {
        self.must_be_open()?;
        let page = self.groups.iter().skip(usize::try_from(from).unwrap()).take(16);
        let groups: Vec<Text<256>> = page.map(|group| text(group)).collect();
        let total = u32::try_from(self.groups.len()).unwrap();
        Ok(GroupPage { groups: List::try_from(groups.as_slice()).unwrap(), total })
    }

    fn make_group(&mut self, _: &Caller, path: Text<256>) -> Result<(), VaultError> {
        self.must_be_open()?;
        let above = path.rsplit_once('/').map(|(above, _)| above);
        if self.groups.iter().any(|group| path == group.as_str()) {
            return Err(VaultError::GroupExists);
        }
        if above.is_some_and(|above| self.groups.iter().all(|group| group != above)) {
            return Err(VaultError::NoSuchGroup);
        }
        self.groups.push(path.to_string());
        self.groups.sort();
        Ok(())
    }

    fn move_group(&mut self, _: &Caller, path: Text<256>, to: Text<256>) -> Result<(), VaultError> {
        self.must_be_open()?;
        let group = self.groups.iter_mut().find(|group| path == group.as_str());
        *group.ok_or(VaultError::NoSuchGroup)? = to.to_string();
        Ok(())
    }

    fn remove_group(&mut self, _: &Caller, path: Text<256>) -> Result<(), VaultError> {
        let before = self.groups.len();
        self.groups.retain(|group| path != group.as_str());
        self.entries
            .iter_mut()
            .filter(|kept| path == kept.group.as_str())
            .for_each(|kept| kept.in_bin = true);
        if self.groups.len() < before { Ok(()) } else { Err(VaultError::NoSuchGroup) }
    }

    fn report(&mut self, _: &Caller, from: u32) -> Result<ReportPage, VaultError> {
        self.must_be_open()?;
        let page: Vec<Finding> =
            self.findings.iter().skip(usize::try_from(from).unwrap()).take(8).cloned().collect();
        let total = u32::try_from(self.findings.len()).unwrap();
        Ok(ReportPage { findings: List::try_from(page.as_slice()).unwrap(), total })
    }
}

/// A finding about an entry.
pub(crate) fn finding(title: &str, fault: Fault) -> Finding {
    Finding { title: text(title), group: text("work"), fault }
}
