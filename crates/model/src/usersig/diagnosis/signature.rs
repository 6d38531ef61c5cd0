//! Tries the mistakes that people make against a signature, until one fits.

use super::super::UserSig;
use super::document::Members;
use super::key_form::{self, TriedKey};
use super::signed_text::{self, SignedText};
use super::words::from_hex;
use super::{Cause, DigestSlip, EncodingSlip, Slip};
use crate::{AppKey, SdkAppId};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;

/// The most HMACs that one diagnosis computes: some milliseconds.
const HMACS_MAX: usize = 8192;
/// The most mistakes in key and text that are named together; two in the text count as one.
const SLIPS_MAX: usize = 2;
/// The most keys of the app itself that are tried.
const OWN_KEYS_MAX: usize = 4;
/// The most keys of other apps that are tried.
const OTHER_KEYS_MAX: usize = 1024;
/// The most other apps whose number is tried in the signed text.
const OTHER_APPS_MAX: usize = 32;

/// Why a signature fits no key of its app.
pub(super) fn cause(
    sig: &UserSig,
    members: &Members<'_>,
    app: SdkAppId,
    keys: &[(SdkAppId, AppKey)],
) -> Cause {
    let own: Vec<&AppKey> =
        keys.iter().filter(|(of, _)| *of == app).map(|(_, key)| key).take(OWN_KEYS_MAX).collect();
    let others = || keys.iter().filter(|(of, _)| *of != app).take(OTHER_KEYS_MAX);
    let apps: Vec<u64> = others().take(OTHER_APPS_MAX).map(|(of, _)| u64::from(of.0)).collect();
    let search = Search {
        right: signed_text::right(sig),
        texts: signed_text::wrong(sig, members, &apps),
        keys: key_form::wrong(&own, others(), app, &sig.identifier),
        own: own.iter().map(|key| key.expose().as_bytes()).collect(),
    };
    let mut left = HMACS_MAX;
    let written = written(members, &sig.signature);
    for slips in 0..=SLIPS_MAX {
        for (encoding, bytes) in &written {
            for digest in DIGESTS.into_iter().filter(|digest| digest.length() == bytes.len()) {
                if let Some(found) = search.find(slips, digest, bytes, &mut left) {
                    let before = [digest.slip().map(Slip::Digest), encoding.map(Slip::Encoding)];
                    return Cause::Signature(before.into_iter().flatten().chain(found).collect());
                }
            }
        }
    }
    let has_length = |(_, bytes): &(_, Vec<u8>)| bytes.len() == 32;
    if written.iter().any(has_length) {
        Cause::UnknownKey
    } else {
        Cause::SignatureLength(sig.signature.len())
    }
}

/// The signature's bytes, read in each way in which it may have been written.
fn written(members: &Members<'_>, signature: &[u8]) -> Vec<(Option<EncodingSlip>, Vec<u8>)> {
    let text = members.text("TLS.sig").unwrap_or_default();
    let inner = std::str::from_utf8(signature).unwrap_or_default();
    let ways = [
        (None, Some(signature.to_vec())),
        (Some(EncodingSlip::Hexadecimal), from_hex(text.trim())),
        (Some(EncodingSlip::Base64OfHexadecimal), from_hex(inner.trim())),
        (
            Some(EncodingSlip::Base64Twice),
            STANDARD.decode(inner.trim()).ok().filter(|bytes| !bytes.is_empty()),
        ),
    ];
    ways.into_iter().filter_map(|(slip, bytes)| Some((slip, bytes?))).collect()
}

/// What makes a signature of a key and a text.
#[derive(Clone, Copy)]
enum Digested {
    Right,
    Wrong(DigestSlip),
}

const DIGESTS: [Digested; 8] = [
    Digested::Right,
    Digested::Wrong(DigestSlip::Swapped),
    Digested::Wrong(DigestSlip::NoKey),
    Digested::Wrong(DigestSlip::KeyFirst),
    Digested::Wrong(DigestSlip::KeyLast),
    Digested::Wrong(DigestSlip::Sha512),
    Digested::Wrong(DigestSlip::Sha384),
    Digested::Wrong(DigestSlip::Sha224),
];

impl Digested {
    fn slip(self) -> Option<DigestSlip> {
        match self {
            Self::Right => None,
            Self::Wrong(slip) => Some(slip),
        }
    }

    fn length(self) -> usize {
        match self.slip() {
            Some(DigestSlip::Sha512) => 64,
            Some(DigestSlip::Sha384) => 48,
            Some(DigestSlip::Sha224) => 28,
            Some(DigestSlip::Swapped | DigestSlip::KeyFirst | DigestSlip::KeyLast | DigestSlip::NoKey)
            | None => 32,
        }
    }

    fn fits(self, key: &[u8], text: &[u8], signature: &[u8]) -> bool {
        match self.slip() {
            None => hmac_fits::<Hmac<Sha256>>(key, text, signature),
            Some(DigestSlip::Swapped) => hmac_fits::<Hmac<Sha256>>(text, key, signature),
            Some(DigestSlip::Sha512) => hmac_fits::<Hmac<Sha512>>(key, text, signature),
            Some(DigestSlip::Sha384) => hmac_fits::<Hmac<Sha384>>(key, text, signature),
            Some(DigestSlip::Sha224) => hmac_fits::<Hmac<Sha224>>(key, text, signature),
            Some(DigestSlip::KeyFirst) => hash_fits(key, text, signature),
            Some(DigestSlip::KeyLast) => hash_fits(text, key, signature),
            Some(DigestSlip::NoKey) => hash_fits(text, b"", signature),
        }
    }
}

fn hmac_fits<M: Mac + KeyInit>(key: &[u8], text: &[u8], signature: &[u8]) -> bool {
    // HMAC takes keys of any length.
    <M as KeyInit>::new_from_slice(key).is_ok_and(|mut mac| {
        mac.update(text);
        mac.verify_slice(signature).is_ok()
    })
}

fn hash_fits(first: &[u8], second: &[u8], signature: &[u8]) -> bool {
    let digest = Sha256::new().chain_update(first).chain_update(second).finalize();
    digest.ct_eq(signature).into()
}

/// What is tried against a signature.
struct Search<'a> {
    right: Vec<u8>,
    texts: Vec<SignedText>,
    own: Vec<&'a [u8]>,
    keys: Vec<TriedKey>,
}

impl Search<'_> {
    /// So many mistakes in key and text that make this signature. None at all is an answer too: the digest or the encoding may
    /// be the only mistake.
    fn find(&self, slips: usize, digest: Digested, signature: &[u8], left: &mut usize) -> Option<Vec<Slip>> {
        let mut fits = |key: &[u8], text: &[u8]| {
            *left = left.saturating_sub(1);
            *left > 0 && digest.fits(key, text, signature)
        };
        let of_text = |text: &SignedText| text.slips.iter().cloned().map(Slip::Text).collect::<Vec<_>>();
        let of_key = |key: &TriedKey| vec![Slip::Key(key.slip.clone())];
        match slips {
            0 => self.own.iter().any(|key| fits(key, &self.right)).then(Vec::new),
            1 => {
                if let Some(key) = self.keys.iter().find(|key| fits(&key.bytes, &self.right)) {
                    return Some(of_key(key));
                }
                // A rare mistake beside a wrong digest is not worth the work.
                let mut texts = self.texts.iter().filter(|text| text.is_common || digest.slip().is_none());
                texts.find(|text| self.own.iter().any(|key| fits(key, &text.bytes))).map(of_text)
            }
            _ => {
                let is_tried = digest.slip().is_none();
                let texts = self.texts.iter().filter(|text| text.is_common && is_tried);
                let keys = || self.keys.iter().filter(|key| key.is_common);
                let mut pairs = texts.flat_map(|text| keys().map(move |key| (key, text)));
                let (key, text) = pairs.find(|(key, text)| fits(&key.bytes, &text.bytes))?;
                Some([of_key(key), of_text(text)].concat())
            }
        }
    }
}
