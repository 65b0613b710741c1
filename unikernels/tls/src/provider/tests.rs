//! Known answers: RFC 8448 section 3 (a session of TLS 1.3), RFC 4231 (HMAC), RFC 7748 (X25519).

use alloc::boxed::Box;
use alloc::vec::Vec;

use aes_gcm::{Aes128Gcm, KeyInit};
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, Iv, MessageDecrypter, MessageEncrypter, OutboundChunks,
    OutboundPlainMessage, Tls12AeadAlgorithm, Tls13AeadAlgorithm,
};
use rustls::crypto::hash::Hash;
use rustls::crypto::hmac::Hmac;
use rustls::crypto::{ActiveKeyExchange, SupportedKxGroup};
use rustls::{ContentType, Error, NamedGroup, PeerMisbehaved, ProtocolVersion};
use unikernels_sdk::Csprng;

use super::aead::{Records13, Tls12, Tls12Explicit, Tls13};
use super::hash::{HMAC_SHA256, HMAC_SHA384, SHA256, SHA384};
use super::{exchange, random};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|digit| digit.to_digit(16)?.try_into().ok()).collect();
    assert_eq!(digits.len() % 2, 0);
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// The first record of data that the client of RFC 8448 sends: 50 bytes, counted up.
#[test]
fn a_record_of_rfc_8448() {
    let key = hex("17422dda596ed5d9acd890e3c63f5051");
    let iv = Iv::new(hex("5b78923dee08579033e523d9").try_into().unwrap());
    // rustls alone can make a key of 16 bytes.
    let mut encrypter = Records13 { cipher: Aes128Gcm::new_from_slice(&key).unwrap(), iv };
    let plain: Vec<u8> = (0..50).collect();
    let message = OutboundPlainMessage {
        typ: ContentType::ApplicationData,
        version: ProtocolVersion::TLSv1_2,
        payload: OutboundChunks::Single(&plain),
    };
    let record = encrypter.encrypt(message, 0).unwrap().encode();
    let expected = hex(
        "1703030043 a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b62974e1f5a
         6292a2977014bd1e3deae63aeebb21694915e4",
    );
    assert_eq!(record, expected);
}

/// The extractions of RFC 8448 section 3 are HMACs: the early secret, and that of the handshake.
#[test]
fn the_key_schedule_of_rfc_8448() {
    let extract = |salt: &[u8], secret: &[u8]| HMAC_SHA256.with_key(salt).sign(&[secret]).as_ref().to_vec();
    let early = hex("33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
    assert_eq!(extract(&[0; 32], &[0; 32]), early);
    let derived = hex("6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba");
    // HKDF-Expand-Label of one block (RFC 8446 section 7.1): its length, its label, the hash of nothing.
    let empty = SHA256.hash(b"");
    let info: [&[u8]; 5] = [&[0, 32, 13], b"tls13 derived", &[32], empty.as_ref(), &[1]];
    assert_eq!(HMAC_SHA256.with_key(&early).sign(&info).as_ref(), derived);
    let shared = hex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d");
    let handshake = hex("1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac");
    assert_eq!(extract(&derived, &shared), handshake);
}

/// RFC 4231, test case 2, in pieces.
#[test]
fn hmac_of_rfc_4231() {
    let parts: [&[u8]; 2] = [b"do ya want ", b"for"];
    let of = |hmac: &dyn Hmac| {
        hmac.with_key(b"Jefe").sign_concat(b"what ", &parts, b" nothing?").as_ref().to_vec()
    };
    let sha256 = hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    let sha384 = hex(
        "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
    );
    assert_eq!((of(&HMAC_SHA256), of(&HMAC_SHA384)), (sha256, sha384));
}

/// FIPS 180-4's "abc", whole and in pieces that fork.
#[test]
fn hashes_go_on_after_a_fork() {
    let sha256 = hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let sha384 = hex(
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    );
    for (hash, expected) in [(&SHA256 as &dyn Hash, sha256), (&SHA384, sha384)] {
        assert_eq!(hash.hash(b"abc").as_ref(), expected);
        let mut running = hash.start();
        running.update(b"ab");
        let mut fork = running.fork();
        fork.update(b"c");
        assert_ne!(running.fork_finish().as_ref(), expected);
        running.update(b"c");
        assert_eq!(running.fork_finish().as_ref(), expected);
        assert_eq!(running.finish().as_ref(), expected);
        assert_eq!(fork.finish().as_ref(), expected);
    }
}

fn start(group: &dyn SupportedKxGroup, seed: u8) -> Box<dyn ActiveKeyExchange> {
    random::lend(&mut Csprng::new([seed; 32]), || group.start()).unwrap()
}

/// Both sides of X25519 with the keys of RFC 8448 section 3.
#[test]
fn the_key_exchange_of_rfc_8448() {
    let client = "49af42ba7f7994852d713ef2784bcbcaa7911de26adc5642cb634540e7ea5005";
    let server = hex("c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f");
    let exchange = exchange::OverX25519::new(hex(client).try_into().unwrap());
    let public = hex("99381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c");
    assert_eq!(exchange.pub_key(), public);
    let shared = Box::new(exchange).complete(&server).unwrap();
    let expected = hex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d");
    assert_eq!(shared.secret_bytes(), expected);
}

#[test]
fn both_sides_of_an_exchange_agree_and_two_do_not() {
    let groups: [(&dyn SupportedKxGroup, NamedGroup, usize); 3] = [
        (&exchange::X25519, NamedGroup::X25519, 32),
        (&exchange::P256, NamedGroup::secp256r1, 65),
        (&exchange::P384, NamedGroup::secp384r1, 97),
    ];
    for (group, name, len) in groups {
        let [ours, theirs, other] = [1, 2, 3].map(|seed| start(group, seed));
        assert_eq!((group.name(), ours.group(), ours.pub_key().len()), (name, name, len));
        let [our_public, their_public] = [&ours, &theirs].map(|exchange| exchange.pub_key().to_vec());
        let one = ours.complete(&their_public).unwrap();
        let two = theirs.complete(&our_public).unwrap();
        assert_eq!(one.secret_bytes(), two.secret_bytes());
        assert_ne!(other.complete(&our_public).unwrap().secret_bytes(), one.secret_bytes());
    }
}

#[test]
fn key_shares_that_are_none_are_refused() {
    let bad = Some(Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare));
    // Points of small order (RFC 7748 section 6.1), and wrong lengths.
    let one: Vec<u8> = [1].into_iter().chain([0; 31]).collect();
    let order = hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
    for share in [&[0; 32][..], &one, &order, &[9; 31], &[9; 33], &[]] {
        assert_eq!(start(&exchange::X25519, 1).complete(share).err(), bad);
    }
    let good = start(&exchange::P256, 2).pub_key().to_vec();
    let (mut off, mut compressed) = (good.clone(), good[..33].to_vec());
    off[64] ^= 1;
    compressed[0] = 2 | good[64] & 1;
    for share in [&off[..], &compressed, &good[..64], &[0], &[4; 65], &[]] {
        assert_eq!(start(&exchange::P256, 1).complete(share).err(), bad);
    }
    assert!(start(&exchange::P256, 1).complete(&good).is_ok());
}

/// What one side seals the other opens, once, at its place, unchanged.
fn check_records(seal: &mut dyn MessageEncrypter, open: &mut dyn MessageDecrypter) {
    let plain: Vec<u8> = (0..100).collect();
    for seq in [0, 1, 255, u64::from(u32::MAX) + 7] {
        let message = || OutboundPlainMessage {
            typ: ContentType::ApplicationData,
            version: ProtocolVersion::TLSv1_2,
            payload: OutboundChunks::Single(&plain),
        };
        let record = seal.encrypt(message(), seq).unwrap().encode();
        assert_eq!(record.len(), 5 + seal.encrypted_payload_len(plain.len()));
        let mut opened = |change: Option<usize>, len: usize, seq: u64| {
            let mut payload = record[5..].to_vec();
            payload.truncate(len);
            if let Some(place) = change {
                payload[place] ^= 1;
            }
            let message = InboundOpaqueMessage::new(
                ContentType::ApplicationData,
                ProtocolVersion::TLSv1_2,
                &mut payload,
            );
            open.decrypt(message, seq).map(|plain| plain.payload.to_vec()).ok()
        };
        let len = record.len() - 5;
        assert_eq!(opened(None, len, seq).as_ref(), Some(&plain));
        assert_eq!(opened(None, len, seq + 1), None);
        for place in 0..len {
            assert_eq!(opened(Some(place), len, seq), None, "byte {place}");
            assert_eq!(opened(None, place, seq), None, "cut to {place}");
        }
    }
}

#[test]
fn records_are_opened_at_their_place_and_unchanged() {
    let key = || AeadKey::from([7; 32]);
    let iv = || Iv::new([3; 12]);
    let chacha = Tls13::<chacha20poly1305::ChaCha20Poly1305>::ONE;
    check_records(&mut *chacha.encrypter(key(), iv()), &mut *chacha.decrypter(key(), iv()));
    let aes = Tls13::<aes_gcm::Aes256Gcm>::ONE;
    check_records(&mut *aes.encrypter(key(), iv()), &mut *aes.decrypter(key(), iv()));
    let chacha = Tls12::<chacha20poly1305::ChaCha20Poly1305>::ONE;
    check_records(&mut *chacha.encrypter(key(), &[3; 12], &[]), &mut *chacha.decrypter(key(), &[3; 12]));
    let aes = Tls12Explicit::<aes_gcm::Aes256Gcm>::ONE;
    check_records(&mut *aes.encrypter(key(), &[3; 4], &[5; 8]), &mut *aes.decrypter(key(), &[3; 4]));
}
