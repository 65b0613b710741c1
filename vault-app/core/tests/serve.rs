//! The service on a store, called as a client calls it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use ipc_proto_rpc::Caller;
use ipc_proto_types::{Generation, PortIndex, Secret, Text};
use ipc_proto_vault_api::{Algorithm, NewEntry, NewPassword, NewTotp, Recipe, State, Vault};
use vault_app_core::{Block, Clock, Cost, Random, RandomError, Server, Store, VaultError};

const COST: Cost = Cost::new(8, 1).unwrap();

struct Counter(u8);

impl Random for Counter {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        for byte in out {
            self.0 = self.0.wrapping_mul(5).wrapping_add(3);
            *byte = self.0;
        }
        Ok(())
    }
}

/// Stands still.
struct Still {
    now_ms: u64,
    unix_s: u64,
}

impl Clock for Still {
    fn now_ms(&self) -> u64 {
        self.now_ms
    }

    fn unix_s(&self) -> u64 {
        self.unix_s
    }
}

fn caller() -> Caller {
    Caller { port: PortIndex::new(0).unwrap(), generation: Generation(1) }
}

fn text<const N: usize>(text: &str) -> Text<N> {
    Text::try_from(text).unwrap()
}

fn secret<const N: usize>(secret: &str) -> Secret<Text<N>> {
    Secret::new(text(secret))
}

fn entry(name: &str) -> NewEntry {
    NewEntry { name: text(name), user: text("me"), password: NewPassword::Given(secret("pass")), totp: None }
}

fn with_server(unix_s: u64, test: impl FnOnce(&mut Server<'_, '_, Counter, Still>)) {
    let mut blocks = vec![Block::new(); COST.blocks()];
    let mut store = Store::new(COST, &mut blocks, Counter(0));
    test(&mut Server::new(&mut store, Still { now_ms: 1, unix_s }));
}

#[test]
fn the_state_is_told_and_the_number_of_entries_only_when_open() {
    with_server(0, |vault| {
        let caller = &caller();
        assert_eq!(vault.status(caller).state, State::Empty);
        vault.init(caller, secret("p")).unwrap();
        vault.add(caller, entry("a")).unwrap();
        let status = vault.status(caller);
        assert_eq!((status.state, status.entries, status.retry_after_ms), (State::Unlocked, 1, 0));
        vault.lock(caller);
        assert_eq!(
            vault.unlock(caller, secret("x")),
            Err(VaultError::WrongPassphrase { retry_after_ms: 1_000 })
        );
        let status = vault.status(caller);
        assert_eq!((status.state, status.entries, status.retry_after_ms), (State::Locked, 0, 1_000));
    });
}

#[test]
fn a_password_comes_out_only_when_asked_for() {
    with_server(0, |vault| {
        let caller = &caller();
        vault.init(caller, secret("p")).unwrap();
        let recipe = Recipe { length: 24, lower: true, upper: true, digits: true, symbols: true };
        let new = NewEntry { password: NewPassword::Generate(recipe), ..entry("github") };
        let added = vault.add(caller, new).unwrap();
        assert!((15_000..15_600).contains(&added.entropy_centibits), "{added:?}");
        let hidden = vault.show(caller, text("github"), false).unwrap();
        assert_eq!((hidden.user.as_str(), hidden.password, hidden.totp), ("me", None, false));
        assert_eq!(hidden.entropy_centibits, added.entropy_centibits);
        let shown = vault.show(caller, text("github"), true).unwrap().password.unwrap();
        assert_eq!(shown.expose().len(), 24);
        assert_eq!(vault.copy_once(caller, text("github")).unwrap(), shown);
        assert_eq!(vault.copy_once(caller, text("gitlab")).err(), Some(VaultError::NoSuchEntry));
    });
}

#[test]
fn the_list_comes_in_pages_of_eight_in_the_order_of_names() {
    with_server(0, |vault| {
        let caller = &caller();
        vault.init(caller, secret("p")).unwrap();
        for i in (0..20).rev() {
            vault.add(caller, entry(&format!("{i:02}"))).unwrap();
        }
        let mut names = Vec::new();
        let mut from = 0;
        loop {
            let page = vault.list(caller, from).unwrap();
            assert_eq!(page.total, 20);
            if page.entries.is_empty() {
                break;
            }
            from += u16::try_from(page.entries.len()).unwrap();
            names.extend(page.entries.iter().map(|summary| summary.name.as_str().to_owned()));
        }
        assert_eq!(names, (0..20).map(|i| format!("{i:02}")).collect::<Vec<_>>());
        assert!(vault.list(caller, u16::MAX).unwrap().entries.is_empty());
    });
}

#[test]
fn codes_are_those_of_rfc_6238_for_each_hash() {
    let cases = [
        (Algorithm::Sha1, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "14050471"),
        (Algorithm::Sha256, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA", "67062674"),
        (
            Algorithm::Sha512,
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNA",
            "99943326",
        ),
    ];
    with_server(1_111_111_111, |vault| {
        let caller = &caller();
        vault.init(caller, secret("p")).unwrap();
        for (name, (algorithm, base32, code)) in ["a", "b", "c"].into_iter().zip(cases) {
            let totp = Some(NewTotp { secret_base32: secret(base32), algorithm, digits: 8, period_s: 30 });
            vault.add(caller, NewEntry { totp, ..entry(name) }).unwrap();
            let got = vault.totp(caller, text(name)).unwrap();
            assert_eq!((got.digits.expose().as_str(), got.seconds_left), (code, 29));
            assert!(vault.show(caller, text(name), false).unwrap().totp);
        }
        vault.add(caller, entry("d")).unwrap();
        assert_eq!(vault.totp(caller, text("d")).err(), Some(VaultError::NoTotp));
    });
}

#[test]
fn what_no_entry_can_be_made_of_is_refused() {
    with_server(0, |vault| {
        let caller = &caller();
        vault.init(caller, secret("p")).unwrap();
        let weak = Recipe { length: 3, lower: true, upper: true, digits: true, symbols: true };
        let new = NewEntry { password: NewPassword::Generate(weak), ..entry("a") };
        assert_eq!(vault.add(caller, new).err(), Some(VaultError::WeakRecipe));
        for (digits, period_s, base32) in
            [(5, 30, "GEZDGNBVGY3TQOJQ"), (6, 0, "GEZDGNBVGY3TQOJQ"), (6, 30, "gezd")]
        {
            let totp =
                NewTotp { secret_base32: secret(base32), algorithm: Algorithm::Sha1, digits, period_s };
            let new = NewEntry { totp: Some(totp), ..entry("a") };
            assert_eq!(vault.add(caller, new).err(), Some(VaultError::BadTotp));
        }
        assert_eq!(vault.status(caller).entries, 0);
    });
}

#[test]
fn a_store_without_enough_memory_says_internal_and_stays_empty() {
    let mut blocks = vec![Block::new(); COST.blocks() - 1];
    let mut store = Store::new(COST, &mut blocks, Counter(0));
    let mut vault = Server::new(&mut store, Still { now_ms: 0, unix_s: 0 });
    assert_eq!(vault.init(&caller(), secret("p")), Err(VaultError::Internal));
    assert_eq!(vault.status(&caller()).state, State::Empty);
}
