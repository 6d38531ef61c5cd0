//! Why a UserSig is refused, as a mistake of its signer: for the emulator, which has the keys.
//!
//! What people do wrong is tried out, with the app's own keys and within bounds of work: one cause is named only when the
//! signature fits it exactly. No sentence shows a key, or a UserSig as a whole.

mod cause;
mod document;
mod document_cause;
mod encoded;
mod encoded_cause;
mod key_form;
mod key_slip;
mod signature;
mod signed_text;
mod slip;
mod text_slip;
mod warning;
mod words;

pub use cause::Cause;
pub use document_cause::{DocumentCause, MemberProblem};
pub use encoded_cause::EncodedCause;
pub use key_slip::KeySlip;
pub use slip::{DigestSlip, EncodingSlip, Slip};
pub use text_slip::{IdentifierForm, LabelStyle, LineEnds, TextSlip, UserbufSlip};
pub use warning::SigWarning;

use super::{SigFormatError, UserSig};
use crate::{AppKey, Language, SdkAppId, UnixSeconds};
use document::Members;

/// Why a UserSig is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnosis {
    /// The one cause that refuses it, in the order of the checks.
    pub cause: Cause,
    /// What else is odd about it.
    pub warnings: Vec<SigWarning>,
}

/// Says why a UserSig is refused: the cause that the checks meet first. `None` when it is good for this app, identifier and
/// time.
///
/// `keys` are those of every app on the server; at most 4 of this app and 1024 of others are tried. Bounded: 4 KiB of text,
/// 8 KiB of document, 8192 HMACs.
///
/// ```
/// use portraitd_model::{AppKey, KeySlip, SdkAppId, SignRequest, Slip, SigCause, UnixSeconds, UserId, diagnose, sign};
/// let app = SdkAppId(1400000000);
/// let (key, typed) = (AppKey::parse("0123456789abcdef").unwrap(), AppKey::parse("0123456789ABCDEF").unwrap());
/// let identifier = UserId::parse("alice").unwrap();
/// let now = UnixSeconds(1_700_000_000);
/// let sig = sign(&typed, SignRequest { app, identifier, time: now, expire: 60, userbuf: None });
/// let found = diagnose(&sig, app, &[(app, key)], "alice", now).unwrap();
/// assert_eq!(found.cause, SigCause::Signature(vec![Slip::Key(KeySlip::UpperCase)]));
/// ```
pub fn diagnose(
    text: &str,
    app: SdkAppId,
    keys: &[(SdkAppId, AppKey)],
    identifier: &str,
    now: UnixSeconds,
) -> Option<Diagnosis> {
    let sig = match UserSig::decode(text) {
        Ok(sig) => sig,
        Err(why) => return Some(Diagnosis { cause: unreadable(text, why, keys), warnings: Vec::new() }),
    };
    let cause = if sig.sdk_app_id != u64::from(app.0) {
        let is_known = keys.iter().any(|(known, _)| u64::from(known.0) == sig.sdk_app_id);
        Cause::OtherApp { requested: app, signed: sig.sdk_app_id, is_known }
    } else if sig.identifier != identifier {
        Cause::OtherUser { requested: identifier.to_owned(), signed: sig.identifier.clone() }
    } else if now > sig.expires_at() {
        Cause::Expired { issued: sig.issued_at(), expire: sig.expire, now }
    } else if keys.iter().any(|(of, key)| *of == app && sig.is_signed_with(key)) {
        return None;
    } else {
        let document = encoded::document(text).unwrap_or_default();
        signature::cause(&sig, &Members::read(&document).unwrap_or_default(), app, keys)
    };
    Some(Diagnosis { cause, warnings: warning::all(&sig, now) })
}

/// What is odd about a UserSig although it may verify: times in milliseconds, an expiry that is a point in time, a
/// privateMapKey. For `usersig inspect`, and for a good UserSig that works longer than meant.
pub fn sig_warnings(sig: &UserSig, now: UnixSeconds) -> Vec<SigWarning> {
    warning::all(sig, now)
}

fn unreadable(text: &str, why: SigFormatError, keys: &[(SdkAppId, AppKey)]) -> Cause {
    match why {
        SigFormatError::TooLong => Cause::Encoded(vec![EncodedCause::TooLong(text.len())]),
        SigFormatError::Base64 | SigFormatError::Zlib => {
            encoded::causes(text, keys).map_or(Cause::Unreadable(why), Cause::Encoded)
        }
        SigFormatError::TooLarge
        | SigFormatError::Document
        | SigFormatError::Version
        | SigFormatError::Identifier
        | SigFormatError::Userbuf => {
            let cause = encoded::document(text).as_deref().and_then(document::cause);
            cause.map_or(Cause::Unreadable(why), Cause::Document)
        }
    }
}

impl Diagnosis {
    /// Sentences for people: the cause and its remedy, then the warnings.
    pub fn explain(&self, language: Language) -> String {
        let mut sentences = self.cause.explain(language);
        for warning in &self.warnings {
            sentences.push_str(language.pick("; also: ", "；另外："));
            sentences.push_str(&warning.explain(language));
        }
        sentences
    }
}

#[cfg(test)]
mod tests;
