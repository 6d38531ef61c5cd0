//! The parts that fuzz targets reach from outside; only there with the feature `internals`, and no promise to anybody.
//! Bytes get the checksum they need, so that what is behind it is reached.

use crate::codec::{decode_event, decode_profile, encode_event, encode_profile};
use crate::settings;
use portrait_model::{SdkAppId, UserId};

fn with_checksum(body: &[u8]) -> Vec<u8> {
    [body, &crc32fast::hash(body).to_le_bytes()].concat()
}

/// Reads a stored profile; what reads back must be written and read the same.
pub fn profile(body: &[u8], user: UserId) -> bool {
    let app = SdkAppId(1);
    let raw = decode_profile(app, user, body).is_ok();
    let Ok(profile) = decode_profile(app, user, &with_checksum(body)) else { return raw };
    let written = encode_profile(app, user, &profile);
    assert!(decode_profile(app, user, &written).is_ok_and(|again| again == profile));
    true
}

/// Reads a stored event; what reads back must be written and read the same.
pub fn event(body: &[u8]) -> bool {
    let Ok(event) = decode_event(&with_checksum(body)) else { return false };
    assert!(decode_event(&encode_event(&event)).is_ok_and(|again| again == event));
    true
}

/// Reads stored settings; what reads back must be written and read the same.
pub fn app_settings(json: &str, words: &str) -> bool {
    // As the admin API cleans them.
    let words: Vec<&str> = words.lines().map(str::trim).filter(|word| !word.is_empty()).collect();
    let Ok(settings) = settings::decode(SdkAppId(7), json, &words.join("\n")) else { return false };
    let Ok((json, words)) = settings::encode(&settings) else { return false };
    assert!(settings::decode(SdkAppId(7), &json, &words).is_ok_and(|again| again == settings));
    true
}
