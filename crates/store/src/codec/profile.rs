//! The stored form of a profile.
//!
//! ```text
//! 1 byte    version: 2; or 1, written by portraitd 0.1, which differs in the checksum only
//! items     up to the checksum (`mod.rs`)
//! 4 bytes   CRC-32, little-endian: of the app's number, the user's id and everything before; in version 1 of
//!           everything before
//! ```

use super::{Damaged, Reader, push_items, split_checksum};
use portraitd_model::{Profile, SdkAppId, UserId};

/// The checksum covers the bytes alone.
const UNBOUND: u8 = 1;
/// The checksum covers whose profile it is.
const BOUND: u8 = 2;

/// Writes a profile.
pub fn encode_profile(app: SdkAppId, user: UserId, profile: &Profile) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    bytes.push(BOUND);
    push_items(&mut bytes, profile.items());
    let checksum = bound_checksum(app, user, &bytes);
    bytes.extend_from_slice(&checksum);
    bytes
}

/// Reads a profile back; any change to the bytes since they were written is found, and so is another user's profile.
pub fn decode_profile(app: SdkAppId, user: UserId, bytes: &[u8]) -> Result<Profile, Damaged> {
    let (body, checksum) = split_checksum(bytes)?;
    let mut reader = Reader(body);
    let expected = match reader.byte()? {
        UNBOUND => crc32fast::hash(body).to_le_bytes(),
        BOUND => bound_checksum(app, user, body),
        _ => return Err(Damaged),
    };
    if expected != checksum {
        return Err(Damaged);
    }
    reader.items().map(Profile::from_items)
}

fn bound_checksum(app: SdkAppId, user: UserId, body: &[u8]) -> [u8; 4] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&app.0.to_le_bytes());
    hasher.update(user.as_str().as_bytes());
    hasher.update(body);
    hasher.finalize().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_model::{CustomKeyword, FieldValue, ProfileItem, STANDARD_FIELDS, StandardTag, Tag};
    use proptest::prelude::*;

    const APP: SdkAppId = SdkAppId(1);

    fn alice() -> UserId {
        UserId::parse("alice").unwrap()
    }

    fn any_profile() -> impl Strategy<Value = Profile> {
        let standard = (0..STANDARD_FIELDS.len()).prop_map(|i| Tag::Standard(STANDARD_FIELDS[i].tag));
        let custom = "[A-Za-z]{1,8}".prop_map(|keyword| Tag::Custom(CustomKeyword::parse(&keyword).unwrap()));
        let value = prop_oneof![
            any::<u64>().prop_map(FieldValue::Uint),
            "\\PC{0,300}".prop_map(|text| FieldValue::Text(text.into())),
        ];
        let item = (prop_oneof![standard, custom], value).prop_map(|(tag, value)| ProfileItem { tag, value });
        prop::collection::vec(item, 0..20).prop_map(Profile::from_items)
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(profile in any_profile()) {
            prop_assert_eq!(decode_profile(APP, alice(), &encode_profile(APP, alice(), &profile)), Ok(profile));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = decode_profile(APP, alice(), &bytes);
            // With a fitting checksum the reader itself must cope.
            let mut sealed = bytes;
            sealed.insert(0, UNBOUND);
            sealed.extend_from_slice(&crc32fast::hash(&sealed).to_le_bytes());
            let _ = decode_profile(APP, alice(), &sealed);
        }
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_found() {
        let items = vec![
            ProfileItem {
                tag: Tag::Standard(StandardTag::Nick), value: FieldValue::Text("爱丽丝".into())
            },
            ProfileItem { tag: Tag::Standard(StandardTag::Level), value: FieldValue::Uint(300) },
            ProfileItem {
                tag: Tag::Custom(CustomKeyword::parse("Test").unwrap()),
                value: FieldValue::Uint(u64::MAX),
            },
        ];
        let profile = Profile::from_items(items);
        let bytes = encode_profile(APP, alice(), &profile);
        let decode = |bytes: &[u8]| decode_profile(APP, alice(), bytes);
        for len in 0..bytes.len() {
            assert_eq!(decode(&bytes[..len]), Err(Damaged), "cut to {len}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&flipped), Err(Damaged), "bit {bit}");
        }
    }

    /// A damaged tree must not show one user's profile as another's.
    #[test]
    fn a_profile_reads_back_under_its_own_user_only() {
        let bytes = encode_profile(APP, alice(), &Profile::default());
        assert_eq!(decode_profile(APP, alice(), &bytes), Ok(Profile::default()));
        assert_eq!(decode_profile(APP, UserId::parse("bob").unwrap(), &bytes), Err(Damaged));
        assert_eq!(decode_profile(SdkAppId(2), alice(), &bytes), Err(Damaged));
    }

    #[test]
    fn format_1_reads_back() {
        let mut bytes = vec![UNBOUND, StandardTag::Level as u8, 0, 7];
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        let profile = decode_profile(APP, alice(), &bytes).unwrap();
        assert_eq!(profile.get(Tag::Standard(StandardTag::Level)), Some(&FieldValue::Uint(7)));
    }
}
