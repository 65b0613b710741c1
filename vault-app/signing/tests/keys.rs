//! Keys: the signatures of RFC 8032, records, files of OpenSSH.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is a panic")]

mod common;

use common::{seed, signer, unhex};
use proptest::prelude::*;
use vault_app_signing::{FILE_MAX, KEYS_MAX, Key, KeyId, PublicKey, Seed, Signer, SigningError};

const PLAIN: &[u8] = include_bytes!("keys/plain");
const ENCRYPTED: &[u8] = include_bytes!("keys/encrypted");
const ECDSA: &[u8] = include_bytes!("keys/ecdsa");
const PASSPHRASE: &[u8] = b"secret words";

fn check_vector(secret: &str, public: &str, message: &str, signature: &str) {
    let secret = Seed::new(unhex(secret).try_into().unwrap());
    let key = Key::new(&secret, "").unwrap();
    assert_eq!(key.public().0.as_slice(), unhex(public));
    assert_eq!(key.sign(&unhex(message)).as_slice(), unhex(signature));
}

#[test]
fn signatures_are_those_of_rfc_8032() {
    // Section 7.1, tests 1 to 3.
    check_vector(
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155
         5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    );
    check_vector(
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da
         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    );
    check_vector(
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac
         18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    );
}

#[test]
fn a_record_is_these_bytes_and_comes_back() {
    let key = Key::new(&seed(7), "a key").unwrap();
    let record = key.to_record();
    assert_eq!(record.as_slice(), [b"\x01\x05a key".as_slice(), &[7; 32]].concat());
    let again = Key::from_record(&record).unwrap();
    assert_eq!((again.public(), again.comment()), (key.public(), "a key"));
}

#[test]
fn a_record_that_is_none_is_refused() {
    let record = Key::new(&seed(7), "a key").unwrap().to_record();
    for length in 0..record.len() {
        assert_eq!(Key::from_record(&record[..length]).err(), Some(SigningError::BadRecord), "{length}");
    }
    let longer = [record.as_slice(), &[0]].concat();
    let mut other_version = record.clone();
    other_version[0] = 2;
    let line_break = [b"\x01\x01\n".as_slice(), &[7; 32]].concat();
    let no_text = [b"\x01\x01\xff".as_slice(), &[7; 32]].concat();
    let long_comment = [[1, 129].as_slice(), &[b'a'; 129], &[7; 32]].concat();
    for bad in [&longer, &*other_version, &line_break, &no_text, &long_comment] {
        assert_eq!(Key::from_record(bad).err(), Some(SigningError::BadRecord));
    }
}

#[test]
fn a_keyring_comes_back_from_its_records() {
    let (signer, ids) = signer(&[1, 2, 3]);
    let records: Vec<_> = ids.iter().map(|id| signer.record(*id).unwrap()).collect();
    let records = || records.iter().map(|(id, bytes)| (*id, bytes.as_slice()));
    let mut again = Signer::new();
    assert_eq!(again.keyring().err(), Some(SigningError::Locked));
    again.unlock(records()).unwrap();
    let lines = |signer: &Signer| {
        let keyring = signer.keyring().unwrap();
        ids.iter().map(|id| keyring.public_line(*id).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(lines(&again), lines(&signer));
    // A record under another's number.
    let swapped = records().map(|(id, _)| id).zip(records().map(|(_, bytes)| bytes).skip(1));
    assert_eq!(again.unlock(swapped), Err(SigningError::WrongRecord));
    assert_eq!(again.keyring().err(), Some(SigningError::Locked));
    assert_eq!(again.unlock(records().chain(records())), Err(SigningError::KeyExists));
}

#[test]
fn keys_are_added_once_up_to_a_limit_and_removed_for_good() {
    let all: Vec<u8> = (0..u8::try_from(KEYS_MAX).unwrap()).collect();
    let (mut signer, ids) = signer(&all);
    assert_eq!(signer.make(&seed(200), ""), Err(SigningError::Full));
    assert_eq!(signer.make(&seed(3), ""), Err(SigningError::KeyExists));
    signer.remove(ids[3]).unwrap();
    assert_eq!(signer.remove(ids[3]), Err(SigningError::NoSuchKey));
    assert_eq!(signer.record(ids[3]).err(), Some(SigningError::NoSuchKey));
    let left: Vec<KeyId> = signer.keyring().unwrap().keys().map(|key| key.public().id()).collect();
    assert_eq!(left, [&ids[..3], &ids[4..]].concat());
    assert_eq!(signer.make(&seed(3), "again"), Ok(ids[3]));
}

#[test]
fn comments_fit_on_a_line() {
    for bad in ["two\nlines", "\r", "\0", &"a".repeat(129)] {
        assert_eq!(Key::new(&seed(1), bad).err(), Some(SigningError::BadComment), "{bad:?}");
    }
    assert!(Key::new(&seed(1), &"ä".repeat(64)).is_ok());
}

#[test]
fn a_key_prints_nothing_secret() {
    let shown = format!("{:?}", Key::new(&Seed::new([0x5a; 32]), "name").unwrap());
    assert_eq!(shown, "Key(\"name\", ***)");
}

/// The line of a key file, as `ssh-keygen` wrote it beside the private one.
fn check_import(file: &[u8], passphrase: Option<&[u8]>, line: &str) {
    let (mut signer, _) = signer(&[]);
    let id = signer.import(file, passphrase).unwrap();
    assert_eq!(signer.keyring().unwrap().public_line(id).unwrap(), line.trim_end());
    assert_eq!(signer.import(file, passphrase), Err(SigningError::KeyExists));
}

#[test]
fn key_files_of_openssh_come_in_with_their_public_line() {
    check_import(PLAIN, None, include_str!("keys/plain.pub"));
    check_import(PLAIN, Some(b"not needed"), include_str!("keys/plain.pub"));
    check_import(ENCRYPTED, Some(PASSPHRASE), include_str!("keys/encrypted.pub"));
}

#[test]
fn what_is_wrong_with_a_key_file_is_said() {
    let (mut signer, _) = signer(&[]);
    let mut import = |file: &[u8], passphrase| signer.import(file, passphrase).unwrap_err();
    assert_eq!(import(b"", None), SigningError::BadFile);
    assert_eq!(import(&PLAIN[..PLAIN.len() / 2], None), SigningError::BadFile);
    assert_eq!(import(ENCRYPTED, None), SigningError::Encrypted);
    assert_eq!(import(ENCRYPTED, Some(b"wrong")), SigningError::WrongPassphrase);
    assert_eq!(import(&[b'a'; FILE_MAX + 1], None), SigningError::FileTooLong);
    assert_eq!(import(ECDSA, None), SigningError::OtherAlgorithm);
    assert_eq!(Signer::new().import(PLAIN, None), Err(SigningError::Locked));
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The bytes within a key file.
fn inside(file: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(file).unwrap();
    let digits = text.lines().filter(|line| !line.starts_with('-')).flat_map(str::bytes);
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for digit in digits.filter(|digit| *digit != b'=') {
        let value = BASE64.iter().position(|other| *other == digit).unwrap();
        bits = bits << 6 | u32::try_from(value).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    bytes
}

/// A key file of these bytes.
fn outside(bytes: &[u8]) -> Vec<u8> {
    let mut digits = Vec::new();
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for digit in 0..4 {
            let value = usize::try_from(bits >> (18 - 6 * digit) & 0x3f).unwrap();
            digits.push(if digit <= group.len() { BASE64[value] } else { b'=' });
        }
    }
    let lines: Vec<&[u8]> = digits.chunks(70).collect();
    let (begin, end) = (b"-----BEGIN OPENSSH PRIVATE KEY-----\n", b"\n-----END OPENSSH PRIVATE KEY-----\n");
    [begin.as_slice(), &lines.join(b"\n".as_slice()), end].concat()
}

#[test]
fn a_key_file_that_asks_for_too_many_rounds_is_not_even_tried() {
    assert_eq!(outside(&inside(ENCRYPTED)), ENCRYPTED);
    let mut bytes = inside(ENCRYPTED);
    // Magic (15), cipher (4 + 10), KDF (4 + 6), length of its options (4), salt (4 + 16), rounds.
    let rounds = 15 + 14 + 10 + 4 + 20;
    assert_eq!(bytes[rounds..rounds + 4], [0, 0, 0, 1]);
    bytes[rounds..rounds + 4].copy_from_slice(&2049_u32.to_be_bytes());
    let (mut signer, _) = signer(&[]);
    assert_eq!(signer.import(&outside(&bytes), Some(PASSPHRASE)), Err(SigningError::TooManyRounds));
    bytes[rounds..rounds + 4].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(signer.import(&outside(&bytes), Some(PASSPHRASE)), Err(SigningError::TooManyRounds));
}

#[test]
fn a_key_file_whose_halves_do_not_match_is_refused() {
    let mut bytes = inside(PLAIN);
    // The last three copies of the public key: in front, before the seed, and behind it. The one behind decides.
    let public = bytes.windows(11).rposition(|window| window == b"ssh-ed25519").unwrap() + 15;
    let public_key: Vec<u8> = bytes[public..public + 32].to_vec();
    let behind = public + 32 + 4 + 32;
    assert_eq!(bytes[behind..behind + 32], public_key);
    bytes[behind] ^= 1;
    let (mut signer, _) = signer(&[]);
    let error = signer.import(&outside(&bytes), None).unwrap_err();
    assert!(matches!(error, SigningError::WrongPublicKey | SigningError::BadFile), "{error:?}");
    // All three changed alike: only the seed says otherwise.
    let at: Vec<usize> =
        bytes.windows(32).enumerate().filter(|(_, w)| *w == public_key).map(|(at, _)| at).collect();
    at.iter().for_each(|at| bytes[*at] ^= 1);
    assert_eq!(at.len(), 2);
    assert_eq!(signer.import(&outside(&bytes), None), Err(SigningError::WrongPublicKey));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_damaged_key_file_is_refused_or_read_and_never_a_panic(
        encrypted in any::<bool>(),
        at in 0_usize..300,
        value in any::<u8>(),
        cut in 0_usize..400,
    ) {
        let mut bytes = inside(if encrypted { ENCRYPTED } else { PLAIN });
        bytes.truncate(bytes.len().min(cut.max(20)));
        if let Some(byte) = bytes.get_mut(at) {
            *byte = value;
        }
        // The byte may be among the rounds, and those below the cap are many.
        if encrypted && (63..67).contains(&at) {
            return Ok(());
        }
        let whole = bytes == inside(if encrypted { ENCRYPTED } else { PLAIN });
        let (mut signer, _) = signer(&[]);
        let imported = signer.import(&outside(&bytes), Some(PASSPHRASE));
        prop_assert!(imported.is_ok() || !whole);
    }

    #[test]
    fn any_text_as_a_key_file_is_no_panic(text in prop::collection::vec(any::<u8>(), 0..500), framed in any::<bool>()) {
        let file = if framed { outside(&text) } else { text };
        let (mut signer, _) = signer(&[]);
        prop_assert!(signer.import(&file, Some(PASSPHRASE)).is_err());
    }

    #[test]
    fn any_bytes_as_a_record_are_a_key_with_that_record_or_none(record in prop::collection::vec(prop_oneof![0_u8..3, any::<u8>()], 0..50)) {
        if let Ok(key) = Key::from_record(&record) {
            prop_assert_eq!(key.to_record().to_vec(), record);
        }
    }
}

#[test]
fn a_number_is_the_beginning_of_the_public_keys_hash() {
    // SHA-256 of 32 zero bytes.
    assert_eq!(PublicKey([0; 32]).id(), KeyId(0x6668_7aad_f862_bd77));
}
