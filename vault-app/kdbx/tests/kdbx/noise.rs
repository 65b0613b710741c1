//! Contents that nobody would write: they are refused, or they are kept as they are.

use proptest::collection::vec;
use proptest::prelude::*;
use vault_app_kdbx::{
    ArgonKind, Cipher, Compression, Cost, KdbxError, Options, SecretBytes, open, peek, read_contents, save,
};

use crate::common::{KeyKind, Seeded, blocks};

/// An inner header for ChaCha20, or Salsa20, and a document.
fn contents(cipher: u8, document: &[u8]) -> SecretBytes {
    let mut all = vec![1, 4, 0, 0, 0, cipher, 0, 0, 0, 2, 4, 0, 0, 0, 1, 2, 3, 4];
    all.extend_from_slice(&[3, 3, 0, 0, 0, 1, b'a', b'b', 9, 1, 0, 0, 0, b'?', 0, 0, 0, 0, 0]);
    all.extend_from_slice(document);
    SecretBytes::new(all)
}

/// What was read can be written and is the same then.
fn refused_or_kept(contents: SecretBytes, compression: Compression) {
    let Ok(read) = read_contents(contents, compression) else { return };
    let cost = Cost::new(8, 1, 1).unwrap();
    let options = Options { cipher: Cipher::ChaCha20, compression, kind: ArgonKind::D, cost };
    let (key, mut memory) = (KeyKind::Passphrase.key(), blocks(cost));
    let file = save(&read, &key, &options, &mut Seeded(3), &mut memory).unwrap();
    let again = open(&file, &key, &mut memory).unwrap();
    assert!(again.document == read.document && again.binaries == read.binaries);
}

/// Pieces of documents.
const PIECES: [&str; 40] = [
    "<a>",
    "</a>",
    "<b>",
    "</b>",
    "<a/>",
    "<a ",
    "b='c'",
    "Protected='True'",
    "Protected=\"False\"",
    "/>",
    ">",
    "<",
    "x",
    " ",
    "\n",
    "\r\n",
    "\t",
    "&lt;",
    "&amp;",
    "&#13;",
    "&#x1F511;",
    "&",
    ";",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?xml version='1.0'?>",
    "<?pi?>",
    "<!DOCTYPE a>",
    "YWJj",
    "=",
    "\u{fc}",
    "\u{1f511}",
    "\u{feff}",
    "<Group>",
    "</Group>",
    "<UUID>AAAAAAAAAAAAAAAAAAAAAA==</UUID>",
    "<x:y z:a=''>",
    "</x:y>",
];

fn soup() -> impl Strategy<Value = String> {
    vec(proptest::sample::select(PIECES.to_vec()), 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn a_soup_of_tags_is_refused_or_kept(soup in soup(), around: bool, cipher in 0_u8..5) {
        let document = if around { format!("<r>{soup}</r>") } else { soup };
        refused_or_kept(contents(cipher, document.as_bytes()), Compression::None);
    }

    #[test]
    fn any_bytes_are_refused_or_kept(bytes in vec(any::<u8>(), 0..200), gzip: bool) {
        let compression = if gzip { Compression::Gzip } else { Compression::None };
        refused_or_kept(SecretBytes::new(bytes.clone()), compression);
        let mut file = bytes;
        // Nothing of this is a file, with the right signature and version neither.
        prop_assert!(peek(&file).is_err());
        file.splice(..0, *b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5\x01\0\x04\0");
        prop_assert!(peek(&file).is_err());
    }
}

#[test]
fn an_inner_header_must_be_whole_and_known() {
    let document = b"<a/>";
    let good = contents(3, document);
    assert!(read_contents(good.clone(), Compression::None).is_ok());
    assert!(read_contents(contents(2, document), Compression::None).is_ok());
    for cipher in [0, 1, 4] {
        let error = read_contents(contents(cipher, document), Compression::None).err();
        assert_eq!(error, Some(KdbxError::UnknownInnerCipher(cipher.into())));
    }
    for len in 0..good.len() {
        let cut = SecretBytes::new(good[..len].to_vec());
        assert!(read_contents(cut, Compression::None).is_err(), "cut to {len}");
    }
    let check = |header: &[u8], error| {
        let contents = SecretBytes::new([header, document].concat());
        assert_eq!(read_contents(contents, Compression::None).err(), Some(error));
    };
    check(b"\0\0\0\0\0", KdbxError::InnerMissing(2));
    check(b"\x02\x01\0\0\0k\0\0\0\0\0", KdbxError::InnerMissing(1));
    check(b"\x01\x03\0\0\0\x03\0\0", KdbxError::InnerField(1));
    check(b"\x02\0\0\0\0\x02\0\0\0\0", KdbxError::InnerField(2));
    check(b"\x03\0\0\0\0", KdbxError::InnerField(3));
    check(b"\x09\xff\xff\xff\xff", KdbxError::Truncated);
    let many = b"\x09\0\0\0\0".repeat(4097);
    check(&many, KdbxError::InnerTooLong);
}

#[test]
fn every_flipped_bit_of_real_compressed_contents_ends_in_an_answer() {
    // Contents are authentic before they are read; this is for those whose writer is hostile.
    let plain = contents(3, b"<a><b Protected=\"True\"/>text text text</a>");
    let mut packed = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    packed.extend(miniz_oxide::deflate::compress_to_vec(&plain, 9));
    packed.extend(crc32fast::hash(&plain).to_le_bytes());
    packed.extend(u32::try_from(plain.len()).unwrap().to_le_bytes());
    assert!(read_contents(SecretBytes::new(packed.clone()), Compression::Gzip).is_ok());
    for at in 0..packed.len() {
        for bit in 0..8 {
            let mut bad = packed.clone();
            bad[at] ^= 1 << bit;
            refused_or_kept(SecretBytes::new(bad), Compression::Gzip);
        }
    }
}
