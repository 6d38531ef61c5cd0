//! Stored forms: what reads back must be written and read the same.

use crate::fixtures::APP;
use portraitd_model::{SdkAppId, UserId};
use portraitd_store::codec::{self, with_checksum};

/// A stored profile. The checksum that it needs is added, so that the code behind it is reached.
pub(crate) fn profile_record(body: &[u8], user: UserId) -> bool {
    // Some records of the corpus carry this app in their checksum.
    let app = SdkAppId(1);
    let raw = codec::decode_profile(app, user, body).is_ok();
    let Ok(profile) = codec::decode_profile(app, user, &with_checksum(body.to_vec())) else { return raw };
    let written = codec::encode_profile(app, user, &profile);
    assert!(codec::decode_profile(app, user, &written).is_ok_and(|again| again == profile));
    true
}

/// A stored event, with a checksum added likewise.
pub(crate) fn event_record(body: &[u8]) -> bool {
    let Ok(event) = codec::decode_event(&with_checksum(body.to_vec())) else { return false };
    assert!(codec::decode_event(&codec::encode_event(&event)).is_ok_and(|again| again == event));
    true
}

/// An app's stored settings and its words, one a line.
pub(crate) fn settings_record(json: &str, words: &str) -> bool {
    // As the admin API cleans them.
    let cleaned: Vec<&str> = words.lines().map(str::trim).filter(|word| !word.is_empty()).collect();
    let Ok(settings) = codec::decode_settings(APP, json, &cleaned.join("\n")) else { return false };
    let Ok((written, words)) = codec::encode_settings(&settings) else { return false };
    assert!(codec::decode_settings(APP, &written, &words).is_ok_and(|again| again == settings));
    true
}
