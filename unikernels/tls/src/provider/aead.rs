//! Records under AES-GCM and ChaCha20-Poly1305, as TLS 1.3 and TLS 1.2 use them.
//!
//! Source: RFC 8446 section 5.2, RFC 5288 (AES-GCM in TLS 1.2), RFC 7905 (ChaCha20-Poly1305 in TLS 1.2).

use alloc::boxed::Box;
use core::marker::PhantomData;

use aead::{AeadInOut, KeyInit};
use rustls::crypto::cipher::{
    AeadKey, BorrowedPayload, InboundOpaqueMessage, InboundPlainMessage, Iv, KeyBlockShape, MessageDecrypter,
    MessageEncrypter, Nonce, OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload,
    Tls12AeadAlgorithm, Tls13AeadAlgorithm, UnsupportedOperationError, make_tls12_aad, make_tls13_aad,
};
use rustls::{ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion};

/// Bytes of an authentication tag, the same for all three ciphers.
const TAG_LEN: usize = 16;
/// Bytes of a nonce.
const NONCE_LEN: usize = 12;
/// Bytes of the nonce that AES-GCM in TLS 1.2 sends with each record.
const EXPLICIT_LEN: usize = 8;
/// Bytes of the nonce that AES-GCM in TLS 1.2 takes from the key block.
const SALT_LEN: usize = NONCE_LEN - EXPLICIT_LEN;
/// Most bytes that a record may carry (RFC 5246 section 6.2.1); TLS 1.3 is checked by rustls.
const PLAIN_LEN_MAX: usize = 1 << 14;

/// A cipher that protects records.
pub(crate) trait Cipher: AeadInOut + KeyInit + Send + Sync + Sized + 'static {
    /// The cipher under a key. Its length was asked for: [`KeyInit::key_size`].
    fn keyed(key: &AeadKey) -> Self {
        Self::new_from_slice(key.as_ref()).expect("rustls gives keys of the length that it was told")
    }

    /// Encrypts in place and appends the tag; what precedes `from` stays clear.
    fn seal(
        &self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        payload: &mut PrefixedPayload,
        from: usize,
    ) -> Result<(), Error> {
        let nonce = nonce.as_slice().try_into().map_err(|_| Error::EncryptError)?;
        let plain = payload.as_mut().get_mut(from..).ok_or(Error::EncryptError)?;
        let tag = self.encrypt_inout_detached(nonce, aad, plain.into()).map_err(|_| Error::EncryptError)?;
        payload.extend_from_slice(&tag);
        Ok(())
    }

    /// Checks and decrypts in place; returns how many bytes of `sealed` are plaintext.
    fn open(&self, nonce: [u8; NONCE_LEN], aad: &[u8], sealed: &mut [u8]) -> Result<usize, Error> {
        let nonce = nonce.as_slice().try_into().map_err(|_| Error::DecryptError)?;
        let (plain, tag) = sealed.split_last_chunk_mut::<TAG_LEN>().ok_or(Error::DecryptError)?;
        let len = plain.len();
        let tag = tag.as_slice().try_into().map_err(|_| Error::DecryptError)?;
        self.decrypt_inout_detached(nonce, aad, plain.into(), tag).map_err(|_| Error::DecryptError)?;
        Ok(len)
    }
}

impl<C: AeadInOut + KeyInit + Send + Sync + 'static> Cipher for C {}

/// A cipher in TLS 1.3.
pub(crate) struct Tls13<C>(PhantomData<fn() -> C>);

/// A cipher in TLS 1.2 whose nonce is counted (ChaCha20-Poly1305).
pub(crate) struct Tls12<C>(PhantomData<fn() -> C>);

/// A cipher in TLS 1.2 whose nonce is partly sent (AES-GCM).
pub(crate) struct Tls12Explicit<C>(PhantomData<fn() -> C>);

impl<C> Tls13<C> {
    pub(crate) const ONE: Self = Self(PhantomData);
}

impl<C> Tls12<C> {
    pub(crate) const ONE: Self = Self(PhantomData);
}

impl<C> Tls12Explicit<C> {
    pub(crate) const ONE: Self = Self(PhantomData);
}

/// Keys stay where they are: nobody takes a connection over.
const fn kept() -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
    Err(UnsupportedOperationError)
}

impl<C: Cipher> Tls13AeadAlgorithm for Tls13<C> {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(Records13 { cipher: C::keyed(&key), iv })
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        Box::new(Records13 { cipher: C::keyed(&key), iv })
    }

    fn key_len(&self) -> usize {
        C::key_size()
    }

    fn extract_keys(&self, _: AeadKey, _: Iv) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        kept()
    }
}

pub(crate) struct Records13<C> {
    pub(crate) cipher: C,
    pub(crate) iv: Iv,
}

impl<C: Cipher> MessageEncrypter for Records13<C> {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        seq: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let len = self.encrypted_payload_len(message.payload.len());
        let mut payload = PrefixedPayload::with_capacity(len);
        payload.extend_from_chunks(&message.payload);
        payload.extend_from_slice(&[u8::from(message.typ)]);
        self.cipher.seal(Nonce::new(&self.iv, seq).0, &make_tls13_aad(len), &mut payload, 0)?;
        // The outer version and type of every protected record (RFC 8446 section 5.2).
        Ok(OutboundOpaqueMessage::new(ContentType::ApplicationData, ProtocolVersion::TLSv1_2, payload))
    }

    fn encrypted_payload_len(&self, len: usize) -> usize {
        // One byte says the type of what is inside.
        len.saturating_add(1 + TAG_LEN)
    }
}

impl<C: Cipher> MessageDecrypter for Records13<C> {
    fn decrypt<'a>(
        &mut self,
        message: InboundOpaqueMessage<'a>,
        seq: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let mut message = message;
        // Of the header as it came, so that a change to any of its bytes is found.
        let [high, low] = message.version.to_array();
        let [_, _, _, len_high, len_low] = make_tls13_aad(message.payload.len());
        let aad = [u8::from(message.typ), high, low, len_high, len_low];
        let len = self.cipher.open(Nonce::new(&self.iv, seq).0, &aad, &mut message.payload)?;
        message.payload.truncate(len);
        message.into_tls13_unpadded_message()
    }
}

impl<C: Cipher> Tls12AeadAlgorithm for Tls12<C> {
    fn encrypter(&self, key: AeadKey, iv: &[u8], _: &[u8]) -> Box<dyn MessageEncrypter> {
        Box::new(Records12 { cipher: C::keyed(&key), iv: Iv::copy(iv) })
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        Box::new(Records12 { cipher: C::keyed(&key), iv: Iv::copy(iv) })
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        KeyBlockShape { enc_key_len: C::key_size(), fixed_iv_len: NONCE_LEN, explicit_nonce_len: 0 }
    }

    fn extract_keys(
        &self,
        _: AeadKey,
        _: &[u8],
        _: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        kept()
    }
}

struct Records12<C> {
    cipher: C,
    iv: Iv,
}

impl<C: Cipher> MessageEncrypter for Records12<C> {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        seq: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let len = message.payload.len();
        let mut payload = PrefixedPayload::with_capacity(self.encrypted_payload_len(len));
        payload.extend_from_chunks(&message.payload);
        let aad = make_tls12_aad(seq, message.typ, message.version, len);
        self.cipher.seal(Nonce::new(&self.iv, seq).0, &aad, &mut payload, 0)?;
        Ok(OutboundOpaqueMessage::new(message.typ, message.version, payload))
    }

    fn encrypted_payload_len(&self, len: usize) -> usize {
        len.saturating_add(TAG_LEN)
    }
}

impl<C: Cipher> MessageDecrypter for Records12<C> {
    fn decrypt<'a>(
        &mut self,
        message: InboundOpaqueMessage<'a>,
        seq: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let mut message = message;
        let len = plain_len(&message.payload, TAG_LEN)?;
        let aad = make_tls12_aad(seq, message.typ, message.version, len);
        self.cipher.open(Nonce::new(&self.iv, seq).0, &aad, &mut message.payload)?;
        message.payload.truncate(len);
        Ok(message.into_plain_message())
    }
}

impl<C: Cipher> Tls12AeadAlgorithm for Tls12Explicit<C> {
    fn encrypter(&self, key: AeadKey, iv: &[u8], explicit: &[u8]) -> Box<dyn MessageEncrypter> {
        // Where the sent half starts is free; counting on from secret bytes repeats none (RFC 5288 section 3).
        let mut nonce = [0; NONCE_LEN];
        for (place, byte) in nonce.iter_mut().zip(iv.iter().chain(explicit)) {
            *place = *byte;
        }
        Box::new(Sealing12 { cipher: C::keyed(&key), iv: Iv::new(nonce) })
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        let mut salt = [0; SALT_LEN];
        for (place, byte) in salt.iter_mut().zip(iv) {
            *place = *byte;
        }
        Box::new(Opening12 { cipher: C::keyed(&key), salt })
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        KeyBlockShape { enc_key_len: C::key_size(), fixed_iv_len: SALT_LEN, explicit_nonce_len: EXPLICIT_LEN }
    }

    fn extract_keys(
        &self,
        _: AeadKey,
        _: &[u8],
        _: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        kept()
    }
}

struct Sealing12<C> {
    cipher: C,
    iv: Iv,
}

impl<C: Cipher> MessageEncrypter for Sealing12<C> {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        seq: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let len = message.payload.len();
        let nonce = Nonce::new(&self.iv, seq).0;
        let mut payload = PrefixedPayload::with_capacity(self.encrypted_payload_len(len));
        payload.extend_from_slice(nonce.last_chunk::<EXPLICIT_LEN>().ok_or(Error::EncryptError)?);
        payload.extend_from_chunks(&message.payload);
        let aad = make_tls12_aad(seq, message.typ, message.version, len);
        self.cipher.seal(nonce, &aad, &mut payload, EXPLICIT_LEN)?;
        Ok(OutboundOpaqueMessage::new(message.typ, message.version, payload))
    }

    fn encrypted_payload_len(&self, len: usize) -> usize {
        len.saturating_add(EXPLICIT_LEN + TAG_LEN)
    }
}

struct Opening12<C> {
    cipher: C,
    salt: [u8; SALT_LEN],
}

impl<C: Cipher> MessageDecrypter for Opening12<C> {
    fn decrypt<'a>(
        &mut self,
        message: InboundOpaqueMessage<'a>,
        seq: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let mut message = message;
        let len = plain_len(&message.payload, EXPLICIT_LEN + TAG_LEN)?;
        let aad = make_tls12_aad(seq, message.typ, message.version, len);
        let (explicit, sealed) =
            message.payload.split_first_chunk_mut::<EXPLICIT_LEN>().ok_or(Error::DecryptError)?;
        let mut nonce = [0; NONCE_LEN];
        for (place, byte) in nonce.iter_mut().zip(self.salt.iter().chain(explicit.iter())) {
            *place = *byte;
        }
        self.cipher.open(nonce, &aad, sealed)?;
        Ok(message.into_plain_message_range(EXPLICIT_LEN..EXPLICIT_LEN + len))
    }
}

/// How many bytes a record of TLS 1.2 carries.
fn plain_len(payload: &BorrowedPayload<'_>, overhead: usize) -> Result<usize, Error> {
    let len = payload.len().checked_sub(overhead).ok_or(Error::DecryptError)?;
    if len > PLAIN_LEN_MAX { Err(Error::PeerSentOversizedRecord) } else { Ok(len) }
}
