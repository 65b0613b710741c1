//! SHA-256 and SHA-384, alone and in HMAC.

use alloc::boxed::Box;
use core::marker::PhantomData;

use hmac::{Hmac, KeyInit, Mac};
use rustls::crypto::hash::{Context, Hash, HashAlgorithm, Output};
use rustls::crypto::hmac::{Hmac as HmacOf, Key, Tag};
use sha2::{Digest, Sha256, Sha384};

/// A hash function by its type.
pub(crate) struct HashBy<D>(PhantomData<fn() -> D>);

pub(crate) static SHA256: HashBy<Sha256> = HashBy(PhantomData);
pub(crate) static SHA384: HashBy<Sha384> = HashBy(PhantomData);

/// What TLS calls the hash functions that it takes.
pub(crate) trait Named: Digest + Clone + Send + Sync + 'static {
    /// Its name.
    const NAME: HashAlgorithm;
}

impl Named for Sha256 {
    const NAME: HashAlgorithm = HashAlgorithm::SHA256;
}

impl Named for Sha384 {
    const NAME: HashAlgorithm = HashAlgorithm::SHA384;
}

impl<D: Named> Hash for HashBy<D> {
    fn start(&self) -> Box<dyn Context> {
        Box::new(Running(D::new()))
    }

    fn hash(&self, data: &[u8]) -> Output {
        Output::new(&D::digest(data))
    }

    fn output_len(&self) -> usize {
        <D as Digest>::output_size()
    }

    fn algorithm(&self) -> HashAlgorithm {
        D::NAME
    }
}

struct Running<D>(D);

impl<D: Named> Context for Running<D> {
    fn fork_finish(&self) -> Output {
        Output::new(&self.0.clone().finalize())
    }

    fn fork(&self) -> Box<dyn Context> {
        Box::new(Self(self.0.clone()))
    }

    fn finish(self: Box<Self>) -> Output {
        Output::new(&self.0.finalize())
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }
}

/// HMAC by its type.
pub(crate) struct HmacBy<M>(PhantomData<fn() -> M>);

pub(crate) static HMAC_SHA256: HmacBy<Hmac<Sha256>> = HmacBy(PhantomData);
pub(crate) static HMAC_SHA384: HmacBy<Hmac<Sha384>> = HmacBy(PhantomData);

impl<M: Mac + KeyInit + Clone + Send + Sync + 'static> HmacOf for HmacBy<M> {
    fn with_key(&self, key: &[u8]) -> Box<dyn Key> {
        let keyed = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of every length");
        Box::new(Keyed(keyed))
    }

    fn hash_output_len(&self) -> usize {
        M::output_size()
    }
}

struct Keyed<M>(M);

impl<M: Mac + Clone + Send + Sync> Key for Keyed<M> {
    fn sign_concat(&self, first: &[u8], middle: &[&[u8]], last: &[u8]) -> Tag {
        let mut mac = self.0.clone();
        mac.update(first);
        middle.iter().for_each(|part| mac.update(part));
        mac.update(last);
        Tag::new(&mac.finalize().into_bytes())
    }

    fn tag_len(&self) -> usize {
        M::output_size()
    }
}
