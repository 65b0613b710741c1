//! The store from outside: whole lives of a vault, wrong passphrases, and what is left in memory after `lock`.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs::File;
use std::os::unix::fs::FileExt;
use vault_app_core::generate::Recipe;
use vault_app_core::totp::{Hash, Settings};
use vault_app_core::{
    Block, Cost, ENTRIES_MAX, NewEntry, NewPassword, Phase, Random, RandomError, Store, VaultError,
};

const COST: Cost = Cost::new(16, 1).unwrap();
const PASS: &str = "correct horse";

/// A deterministic source that can be made to fail.
struct Seeded<'f> {
    state: u64,
    fails: &'f std::cell::Cell<bool>,
}

impl Random for Seeded<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        if self.fails.get() {
            return Err(RandomError);
        }
        for byte in out {
            self.state =
                self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = self.state.to_be_bytes()[0];
        }
        Ok(())
    }
}

/// Runs `test` on an empty store whose source of randomness fails while the cell says so.
fn with_store(test: impl FnOnce(&mut Store<'_, Seeded<'_>>, &std::cell::Cell<bool>)) {
    let fails = std::cell::Cell::new(false);
    let mut blocks = vec![Block::new(); COST.blocks()];
    let mut store = Store::new(COST, &mut blocks, Seeded { state: 1, fails: &fails });
    test(&mut store, &fails);
}

fn given<'a>(name: &'a str, password: &'a str) -> NewEntry<'a> {
    NewEntry { name, user: "me", password: NewPassword::Given(password), totp: None }
}

#[test]
fn an_entry_survives_lock_and_unlock() {
    with_store(|store, _| {
        assert_eq!(store.phase(), Phase::Empty);
        store.init(PASS).unwrap();
        assert_eq!(store.phase(), Phase::Unlocked);
        assert_eq!(store.add(&given("github", "pässword")), Ok(0));
        let settings = Settings::new(Hash::Sha1, 6, 30).unwrap();
        let totp = Some(("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", settings));
        let recipe = Recipe::new(24, [true; 4]).unwrap();
        let entry = NewEntry { name: "bank", user: "", password: NewPassword::Generate(recipe), totp };
        assert_eq!(store.add(&entry), Ok(recipe.entropy_centibits()));
        let password = store.entry("bank").unwrap().password().to_owned();
        assert_eq!(password.len(), 24);
        for _ in 0..3 {
            store.lock();
            assert_eq!((store.phase(), store.len()), (Phase::Locked, 0));
            assert_eq!(store.entry("github").err(), Some(VaultError::Locked));
            store.unlock(PASS, || 0).unwrap();
            let names: Vec<_> = store.entries().unwrap().map(|entry| entry.name().to_owned()).collect();
            assert_eq!(names, ["bank", "github"]);
            let github = store.entry("github").unwrap();
            assert_eq!((github.user(), github.password(), github.totp()), ("me", "pässword", None));
            let bank = store.entry("bank").unwrap();
            assert_eq!(bank.password(), password);
            assert_eq!(bank.entropy_centibits(), recipe.entropy_centibits());
            let (secret, settings) = bank.totp().unwrap();
            assert_eq!(&settings.code(secret, 59)[..6], b"287082");
        }
    });
}

#[test]
fn each_state_refuses_what_does_not_belong_to_it() {
    with_store(|store, _| {
        assert_eq!(store.unlock(PASS, || 0), Err(VaultError::NotInitialised));
        assert_eq!(store.change(PASS, "new", || 0), Err(VaultError::NotInitialised));
        assert_eq!(store.add(&given("a", "b")), Err(VaultError::NotInitialised));
        assert_eq!(store.entries().err(), Some(VaultError::NotInitialised));
        assert_eq!(store.remove("a"), Err(VaultError::NotInitialised));
        store.lock();
        assert_eq!(store.phase(), Phase::Empty);
        assert_eq!(store.init(""), Err(VaultError::EmptyPassphrase));
        store.init(PASS).unwrap();
        assert_eq!(store.init(PASS), Err(VaultError::AlreadyInitialised));
        store.lock();
        assert_eq!(store.init(PASS), Err(VaultError::AlreadyInitialised));
        assert_eq!(store.add(&given("a", "b")), Err(VaultError::Locked));
        assert_eq!(store.change(PASS, "new", || 0), Err(VaultError::Locked));
        assert_eq!(store.remove("a"), Err(VaultError::Locked));
        assert_eq!(store.unlock("", || 0), Err(VaultError::EmptyPassphrase));
        assert_eq!(store.retry_after_ms(0), 0);
    });
}

#[test]
fn wrong_passphrases_wait_longer_each_time_and_a_right_one_ends_that() {
    with_store(|store, _| {
        store.init(PASS).unwrap();
        store.lock();
        let mut now = 0;
        for wait in [1_000, 2_000, 4_000, 8_000] {
            assert_eq!(
                store.unlock("wrong", || now),
                Err(VaultError::WrongPassphrase { retry_after_ms: wait })
            );
            // Until then not even the right one is looked at.
            let left = wait - 1;
            assert_eq!(store.unlock(PASS, || now + 1), Err(VaultError::TooSoon { retry_after_ms: left }));
            assert_eq!(store.retry_after_ms(now + 1), left);
            now += u64::from(wait);
        }
        assert_eq!(store.unlock(PASS, || now), Ok(()));
        store.lock();
        assert_eq!(store.unlock("wrong", || now), Err(VaultError::WrongPassphrase { retry_after_ms: 1_000 }));
    });
}

#[test]
fn the_wait_begins_when_the_passphrase_is_known_to_be_wrong() {
    with_store(|store, _| {
        store.init(PASS).unwrap();
        store.lock();
        let asked = std::cell::Cell::new(0);
        // Deriving the key takes ten seconds.
        let slow = || asked.replace(asked.get() + 10_000);
        assert_eq!(store.unlock("wrong", slow), Err(VaultError::WrongPassphrase { retry_after_ms: 1_000 }));
        assert_eq!(store.unlock(PASS, || 10_999), Err(VaultError::TooSoon { retry_after_ms: 1 }));
        assert_eq!(store.unlock(PASS, || 11_000), Ok(()));
    });
}

#[test]
fn guessing_through_change_costs_the_same_wait() {
    with_store(|store, _| {
        store.init(PASS).unwrap();
        assert_eq!(
            store.change("wrong", "new", || 0),
            Err(VaultError::WrongPassphrase { retry_after_ms: 1_000 })
        );
        assert_eq!(store.change(PASS, "new", || 0), Err(VaultError::TooSoon { retry_after_ms: 1_000 }));
        store.lock();
        assert_eq!(store.unlock(PASS, || 999), Err(VaultError::TooSoon { retry_after_ms: 1 }));
        assert_eq!(store.unlock(PASS, || 1_000), Ok(()));
    });
}

#[test]
fn a_changed_passphrase_opens_and_the_old_one_does_not() {
    with_store(|store, _| {
        store.init(PASS).unwrap();
        store.add(&given("a", "b")).unwrap();
        assert_eq!(store.change(PASS, "", || 0), Err(VaultError::EmptyPassphrase));
        store.change(PASS, "new", || 0).unwrap();
        store.lock();
        assert!(matches!(store.unlock(PASS, || 0), Err(VaultError::WrongPassphrase { .. })));
        store.unlock("new", || 1_000).unwrap();
        assert_eq!(store.entry("a").unwrap().password(), "b");
    });
}

#[test]
fn an_entry_that_cannot_be_added_changes_nothing() {
    with_store(|store, _| {
        store.init(PASS).unwrap();
        store.add(&given("a", "b")).unwrap();
        let settings = Settings::new(Hash::Sha1, 6, 30).unwrap();
        let with_totp = |secret| NewEntry { totp: Some((secret, settings)), ..given("c", "d") };
        assert_eq!(store.add(&given("a", "other")), Err(VaultError::EntryExists));
        assert_eq!(store.add(&given("c", "")), Err(VaultError::EmptyPassphrase));
        assert_eq!(store.add(&with_totp("not base32")), Err(VaultError::BadTotp));
        assert_eq!(store.add(&with_totp("MZXW6YTB")), Err(VaultError::BadTotp));
        assert_eq!(store.add(&with_totp("")), Err(VaultError::BadTotp));
        assert_eq!(store.len(), 1);
        assert_eq!(store.entry("a").unwrap().password(), "b");
        assert_eq!(store.entry("c").err(), Some(VaultError::NoSuchEntry));
        assert_eq!(store.remove("c"), Err(VaultError::NoSuchEntry));
        assert_eq!(store.remove("a"), Ok(()));
        assert!(store.is_empty());
    });
}

#[test]
fn a_vault_holds_128_entries_and_refuses_the_next() {
    with_store(|store, _| {
        store.init(PASS).unwrap();
        for i in 0..ENTRIES_MAX {
            store.add(&given(&format!("{i}"), "x")).unwrap();
        }
        assert_eq!(store.add(&given("one more", "x")), Err(VaultError::Full));
        store.lock();
        store.unlock(PASS, || 0).unwrap();
        assert_eq!(store.len(), ENTRIES_MAX);
    });
}

#[test]
fn without_randomness_nothing_is_opened_but_everything_can_be_locked() {
    with_store(|store, fails| {
        fails.set(true);
        assert_eq!(store.init(PASS), Err(VaultError::Internal));
        assert_eq!(store.phase(), Phase::Empty);
        fails.set(false);
        store.init(PASS).unwrap();
        store.add(&given("a", "b")).unwrap();
        fails.set(true);
        let recipe = Recipe::new(24, [true; 4]).unwrap();
        let generated = NewEntry { password: NewPassword::Generate(recipe), ..given("c", "") };
        assert_eq!(store.add(&generated), Err(VaultError::Internal));
        assert_eq!(store.change(PASS, "new", || 0), Err(VaultError::Internal));
        store.lock();
        assert_eq!(store.phase(), Phase::Locked);
        assert_eq!(store.unlock(PASS, || 0), Err(VaultError::Internal));
        fails.set(false);
        assert_eq!(store.unlock(PASS, || 0), Ok(()));
        assert_eq!(store.len(), 1);
    });
}

/// The bytes of a value as they lie in this process' memory, read through the kernel.
fn memory_of<T: ?Sized>(value: &T) -> Vec<u8> {
    let address = std::ptr::from_ref(value).cast::<u8>() as u64;
    let mut bytes = vec![0; size_of_val(value)];
    File::open("/proc/self/mem").unwrap().read_exact_at(&mut bytes, address).unwrap();
    bytes
}

fn holds(memory: &[u8], canary: &str) -> bool {
    memory.windows(canary.len()).any(|window| window == canary.as_bytes())
}

#[test]
fn after_lock_no_byte_of_the_store_tells_a_secret() {
    let canaries = ["canary-name", "canary-user", "canary-password", "canary-removed", PASS];
    // The bytes of "canary-totp" in base32.
    let totp = Some(("MNQW4YLSPEWXI33UOA", Settings::new(Hash::Sha256, 8, 60).unwrap()));
    let entry =
        NewEntry { name: canaries[0], user: canaries[1], password: NewPassword::Given(canaries[2]), totp };
    with_store(|store, _| {
        store.init(PASS).unwrap();
        store.add(&given("removed", canaries[3])).unwrap();
        store.remove("removed").unwrap();
        store.add(&entry).unwrap();
        let recipe = Recipe::new(24, [true; 4]).unwrap();
        store.add(&NewEntry { name: "z", password: NewPassword::Generate(recipe), ..entry }).unwrap();
        let generated = store.entry("z").unwrap().password().to_owned();

        // The looking glass works: open, the secrets are there, except what was removed and the passphrase.
        let open = memory_of(store);
        for canary in [canaries[0], canaries[1], canaries[2], "canary-totp", &generated] {
            assert!(holds(&open, canary), "{canary}");
        }
        assert!(!holds(&open, canaries[3]) && !holds(&open, PASS));
        let key = open_key(&open);

        store.lock();
        let locked = memory_of(store);
        for canary in canaries.into_iter().chain(["canary-totp", &generated]) {
            assert!(!holds(&locked, canary), "{canary}");
        }
        assert!(!locked.windows(32).any(|window| window == key), "the key is gone");

        let _ = store.unlock("wrong", || 0);
        assert!(
            canaries.iter().all(|canary| !holds(&memory_of(store), canary)),
            "a wrong passphrase opens nothing"
        );
        store.unlock(PASS, || 1_000).unwrap();
        assert!(holds(&memory_of(store), canaries[2]));
    });
}

/// The key of the open store above, derived once more: its salt is the first thing `Seeded` gave.
fn open_key(open: &[u8]) -> [u8; 32] {
    let fails = std::cell::Cell::new(false);
    let mut salt = [0; 16];
    Seeded { state: 1, fails: &fails }.fill(&mut salt).unwrap();
    let params = argon2::Params::new(16, 1, 1, Some(32)).unwrap();
    let argon = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let (mut key, mut blocks) = ([0; 32], vec![Block::new(); 16]);
    argon.hash_password_into_with_memory(PASS.as_bytes(), &salt, &mut key, &mut blocks).unwrap();
    assert!(open.windows(32).any(|window| window == key), "an open store holds its key");
    key
}

#[test]
fn two_locks_of_the_same_entries_never_look_alike() {
    with_store(|store, _| {
        store.init(PASS).unwrap();
        store.add(&given("a", "b")).unwrap();
        store.lock();
        let first = memory_of(store);
        store.unlock(PASS, || 0).unwrap();
        store.lock();
        let second = memory_of(store);
        let same = first.iter().zip(&second).filter(|(a, b)| a == b).count();
        // By chance one byte in 256 is the same, about 270; bookkeeping adds some.
        assert!(same < 1_000, "{same} bytes are the same");
    });
}

#[test]
fn the_blocks_of_argon2_are_wiped() {
    let fails = std::cell::Cell::new(false);
    let mut blocks = vec![Block::new(); COST.blocks()];
    let mut store = Store::new(COST, &mut blocks, Seeded { state: 1, fails: &fails });
    store.init(PASS).unwrap();
    store.lock();
    store.unlock(PASS, || 0).unwrap();
    store.change(PASS, "new", || 0).unwrap();
    drop(store);
    assert!(blocks.iter().all(|block| block.as_ref().iter().all(|&word| word == 0)));
}
