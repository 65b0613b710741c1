//! Part of oracle `kdbx`: files that say anything and are authentic all the same.
//!
//! Whoever has the key can lie behind right checksums and HMACs, and so can a program with a defect. Input: edits of the outer
//! header's fields, how the encrypted contents are cut into blocks and what these claim, then the contents. A plain reading
//! knows whether the file is one; if it is, what opens is what the contents by themselves are read as.

use std::sync::OnceLock;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, StreamCipher};
use argon2::{Algorithm, Argon2, Params, Version};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};
use vault_app_kdbx::{Block, Compression, Database, RawField, SecretBytes, open, read_contents};

use crate::input::Input;
use crate::kdbx::{INNER, SIGNATURE, good_file, key};

const CIPHER: u8 = 2;
const COMPRESSION: u8 = 3;
const SEED: u8 = 4;
const IV: u8 = 7;
const KDF: u8 = 11;
const AES256: &[u8] = b"\x31\xc1\xf2\xe6\xbf\x71\x43\x50\xbe\x58\x05\x21\x6a\xfc\x5a\xff";
const CHACHA20: &[u8] = b"\xd6\x03\x8a\x2b\x8b\x6f\x4c\xb5\xa5\x24\x33\x9a\x31\xdb\xb5\x9a";
/// Most edits of the header, and most blocks.
const EDITS_MAX: u8 = 8;
const BLOCKS_MAX: u8 = 16;
/// Most fields of a header.
const FIELDS_MAX: usize = 32;

type Fields = Vec<(u8, Vec<u8>)>;

/// What a header says, read plainly.
struct Header {
    is_aes: bool,
    compression: Compression,
    seed: Vec<u8>,
    iv: Vec<u8>,
    extra: Vec<RawField>,
}

/// A block: what it says of itself, and its data.
struct Claim {
    index: u64,
    length: usize,
    data: Vec<u8>,
}

/// An authentic file.
pub(crate) fn sealed(input: &mut Input<'_>) {
    let fields = fields(input);
    let header = plain(&fields);
    let fallback = || Header { is_aes: false, compression: Compression::None, ..good() };
    let used = header.as_ref().map_or_else(fallback, |header| Header { extra: Vec::new(), ..copy(header) });
    let cuts: Vec<[u8; 3]> =
        (0..input.byte() % BLOCKS_MAX).map(|_| [input.byte(), input.byte(), input.byte()]).collect();
    let mut contents = [INNER, input.take(usize::MAX)].concat();
    if used.compression == Compression::Gzip {
        contents = gzip(&contents);
    }
    let claims = claims(&cuts, &encrypt(&used, &contents));
    let file = write(&fields, &used, &claims);
    let opened = open(&file, &key(), &mut [const { Block::new() }; 8]);
    let expected = header.as_ref().and_then(|header| expected(header, &claims));
    match (&opened, &expected) {
        (Ok(opened), Some(expected)) => {
            assert!(opened.document == expected.document, "another document");
            assert!(opened.binaries == expected.binaries, "other attachments");
            let extra = header.map(|header| header.extra).unwrap_or_default();
            assert!(opened.public == extra, "other fields of the header");
        }
        _ => assert_eq!(opened.is_ok(), expected.is_some(), "{:?}", opened.err()),
    }
}

fn good() -> Header {
    let (seed, iv) = (vec![0x5a; 32], vec![0x5a; 12]);
    Header { is_aes: false, compression: Compression::None, seed, iv, extra: Vec::new() }
}

fn copy(header: &Header) -> Header {
    let Header { is_aes, compression, seed, iv, extra } = header;
    let (is_aes, compression) = (*is_aes, *compression);
    Header { is_aes, compression, seed: seed.clone(), iv: iv.clone(), extra: extra.clone() }
}

/// The fields of a good header, edited.
fn fields(input: &mut Input<'_>) -> Fields {
    let kind = input.byte();
    let (cipher, iv) = if kind & 1 == 0 { (CHACHA20, 12) } else { (AES256, 16) };
    let flags = u32::from(kind >> 1 & 1).to_le_bytes();
    let mut fields = vec![
        (CIPHER, cipher.to_vec()),
        (COMPRESSION, flags.to_vec()),
        (SEED, vec![0x5a; 32]),
        (KDF, kdf().to_vec()),
        (IV, vec![0x5a; iv]),
    ];
    for _ in 0..input.byte() % EDITS_MAX {
        let (what, at, value) = (input.byte(), usize::from(input.byte()), input.byte());
        let at = at % fields.len().max(1);
        match what % 5 {
            0 if at < fields.len() => drop(fields.remove(at)),
            1 if at < fields.len() => fields.push(fields[at].clone()),
            2 if at < fields.len() => {
                let place = fields[at].1.len() * usize::from(value) / 256;
                // How the key is derived is another part's input (`header` in `kdbx.rs`).
                if fields[at].0 != KDF {
                    fields[at].1.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= value | 1);
                }
            }
            3 if at < fields.len() && fields[at].0 != KDF => fields[at].1.truncate(usize::from(value) % 33),
            // An end field would end it, and the rest be blocks.
            _ => fields.push((value.max(1), input.counted().to_vec())),
        }
    }
    fields
}

/// The good file's derivation.
fn kdf() -> &'static [u8] {
    let mut rest = &good_file()[SIGNATURE.len()..];
    while let Some(([id, length @ ..], more)) = rest.split_first_chunk::<5>() {
        let (value, more) = more.split_at(u32::from_le_bytes(*length) as usize);
        if *id == KDF {
            return value;
        }
        rest = more;
    }
    panic!("a good file says how its key is derived");
}

/// A plain reading of the fields: each once, none of KDBX 3, all that must be there.
fn plain(fields: &Fields) -> Option<Header> {
    let find = |wanted: u8| fields.iter().find(|field| field.0 == wanted).map(|field| field.1.clone());
    let is_once = |(at, field): (usize, &(u8, Vec<u8>))| fields[..at].iter().all(|other| other.0 != field.0);
    let is_old = |field: &(u8, Vec<u8>)| [5, 6, 8, 9, 10].contains(&field.0);
    if fields.len() > FIELDS_MAX || !fields.iter().enumerate().all(is_once) || fields.iter().any(is_old) {
        return None;
    }
    let cipher = find(CIPHER)?;
    let is_aes = cipher == AES256;
    let compression = match *find(COMPRESSION)?.as_slice() {
        [0, 0, 0, 0] => Compression::None,
        [1, 0, 0, 0] => Compression::Gzip,
        _ => return None,
    };
    let (seed, iv) = (find(SEED)?, find(IV)?);
    let is_good = (is_aes || cipher == CHACHA20)
        && iv.len() == if is_aes { 16 } else { 12 }
        && seed.len() == 32
        && find(KDF)? == kdf();
    let others = fields.iter().filter(|field| ![CIPHER, COMPRESSION, SEED, IV, KDF].contains(&field.0));
    let extra = others.map(|(id, value)| RawField { id: *id, value: value.clone() }).collect();
    is_good.then_some(Header { is_aes, compression, seed, iv, extra })
}

/// Cuts the encrypted contents into blocks, some of which lie.
fn claims(cuts: &[[u8; 3]], mut rest: &[u8]) -> Vec<Claim> {
    let mut claims: Vec<Claim> = Vec::new();
    let mut push = |data: &[u8], index: u64, length: usize| {
        let index = claims.len() as u64 ^ index;
        claims.push(Claim { index, length: data.len() ^ length, data: data.to_vec() });
    };
    for [what, size, lie] in cuts {
        let (data, more) = rest.split_at((usize::from(*size) * 4).min(rest.len()));
        let lie = usize::from(*lie);
        match what % 8 {
            // Blocks that are left out or come twice, and such as claim another number or length.
            0 => {}
            1 => {
                push(data, 0, 0);
                push(data, 0, 0);
            }
            2 => push(data, lie as u64, 0),
            3 => push(data, 0, lie),
            4 => push(&[], 0, 0),
            _ => push(data, 0, 0),
        }
        rest = more;
    }
    if !rest.is_empty() {
        push(rest, 0, 0);
    }
    // The empty block at the end is missing when the last cut says so.
    if cuts.last().is_none_or(|[what, ..]| *what < 0xf0) {
        push(&[], 0, 0);
    }
    claims
}

/// What the file must be read as, if it is one.
fn expected(header: &Header, claims: &[Claim]) -> Option<Database> {
    let is_right = |(number, claim): (u64, &Claim)| claim.index == number && claim.length == claim.data.len();
    let (last, before) = claims.split_last()?;
    let is_stream = (0..).zip(claims).all(is_right)
        && last.data.is_empty()
        && before.iter().all(|claim| !claim.data.is_empty());
    let joined: Vec<u8> = claims.iter().flat_map(|claim| claim.data.clone()).collect();
    let contents = if is_stream { decrypt(header, joined)? } else { return None };
    read_contents(SecretBytes::new(contents), header.compression).ok()
}

fn write(fields: &Fields, header: &Header, claims: &[Claim]) -> Vec<u8> {
    let mut file = SIGNATURE.to_vec();
    for (id, value) in fields.iter().chain([&(0, b"\r\n\r\n".to_vec())]) {
        file.push(*id);
        file.extend(u32::try_from(value.len()).expect("short").to_le_bytes());
        file.extend(value);
    }
    let base =
        Sha512::new().chain_update(&header.seed).chain_update(transformed()).chain_update([1]).finalize();
    let mac = |index: u64| {
        let key = Sha512::new().chain_update(index.to_le_bytes()).chain_update(base).finalize();
        Hmac::<Sha256>::new_from_slice(&key).expect("any length")
    };
    let (checksum, authentic) = (Sha256::digest(&file), mac(u64::MAX).chain_update(&file).finalize());
    file.extend(checksum);
    file.extend(authentic.into_bytes());
    for (at, Claim { index, length, data }) in (0_u64..).zip(claims) {
        let length = u32::try_from(*length).expect("short").to_le_bytes();
        let of = mac(*index).chain_update(index.to_le_bytes()).chain_update(length).chain_update(data);
        file.extend(of.finalize().into_bytes());
        file.extend(length);
        file.extend(data);
        assert!(at < u64::from(u8::MAX), "few blocks");
    }
    file
}

/// The passphrase's key, derived without the crate.
fn transformed() -> &'static [u8; 32] {
    static KEY: OnceLock<[u8; 32]> = OnceLock::new();
    KEY.get_or_init(|| {
        let composite = Sha256::digest(Sha256::digest(b"fuzz"));
        let params = Params::new(8, 1, 1, Some(32)).expect("good parameters");
        let argon = Argon2::new(Algorithm::Argon2d, Version::V0x13, params);
        let mut key = [0; 32];
        let blocks = [const { Block::new() }; 8];
        argon
            .hash_password_into_with_memory(&composite, &[0x5a; 32], &mut key, blocks)
            .expect("enough blocks");
        key
    })
}

fn cipher_key(header: &Header) -> [u8; 32] {
    Sha256::new().chain_update(&header.seed).chain_update(transformed()).finalize().into()
}

fn encrypt(header: &Header, contents: &[u8]) -> Vec<u8> {
    let key = cipher_key(header);
    if header.is_aes {
        let aes = cbc::Encryptor::<aes::Aes256>::new_from_slices(&key, &header.iv).expect("16 bytes");
        let mut bytes = [contents, &[0; 16]].concat();
        let length = aes.encrypt_padded::<Pkcs7>(&mut bytes, contents.len()).expect("room").len();
        bytes.truncate(length);
        return bytes;
    }
    let mut bytes = contents.to_vec();
    chacha(&key, &header.iv, &mut bytes);
    bytes
}

fn decrypt(header: &Header, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let key = cipher_key(header);
    if header.is_aes {
        let aes = cbc::Decryptor::<aes::Aes256>::new_from_slices(&key, &header.iv).expect("16 bytes");
        return aes.decrypt_padded::<Pkcs7>(&mut bytes).ok().map(<[u8]>::to_vec);
    }
    chacha(&key, &header.iv, &mut bytes);
    Some(bytes)
}

fn chacha(key: &[u8], iv: &[u8], bytes: &mut [u8]) {
    chacha20::ChaCha20::new_from_slices(key, iv).expect("12 bytes").apply_keystream(bytes);
}

fn gzip(contents: &[u8]) -> Vec<u8> {
    let mut file = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    file.extend(miniz_oxide::deflate::compress_to_vec(contents, 6));
    file.extend(crc32fast::hash(contents).to_le_bytes());
    file.extend(u32::try_from(contents.len()).unwrap_or(u32::MAX).to_le_bytes());
    file
}

/// Inputs to begin with: kinds of header with each kind of edit and of block.
pub(crate) fn seeds(documents: &[&str]) -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for (document, number) in documents.iter().cycle().zip(0..32_u8) {
        let edit = [number % 5, number % 7, number.wrapping_mul(9), 1, b'x'];
        let edits = [&[number & 1][..], if number & 1 == 0 { &[][..] } else { &edit[..] }].concat();
        let cuts = [[5, number, 0], [number % 8, 4, number], [6, 2, 0]].concat();
        inputs.push([&[5, number & 3], &edits[..], &[3], &cuts, document.as_bytes()].concat());
        inputs.push([&[5, number & 3, 0, 0], document.as_bytes()].concat());
    }
    inputs
}
