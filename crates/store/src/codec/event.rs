//! The stored form of an event in the outbox.
//!
//! ```text
//! 1 byte    version, now 1
//! 16 bytes  the event's id, little-endian
//! varint    when, in milliseconds
//! 3 texts   user, operator, client's address
//! items     up to the checksum
//! 4 bytes   CRC-32 of everything before, little-endian
//! ```

use super::{Damaged, Reader, push_items, push_text, push_varint, split_checksum, with_checksum};
use portraitd_model::{EventId, ProfileEvent, UnixMillis, UserId};

const VERSION: u8 = 1;

/// Writes an event.
pub fn encode_event(event: &ProfileEvent) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(192);
    bytes.push(VERSION);
    bytes.extend_from_slice(&event.id.0.to_le_bytes());
    push_varint(&mut bytes, event.at.0);
    push_text(&mut bytes, event.user.as_str());
    push_text(&mut bytes, &event.operator);
    push_text(&mut bytes, &event.client_ip.to_string());
    push_items(&mut bytes, &event.items);
    with_checksum(bytes)
}

/// Reads an event back; any change to the bytes since they were written is found, and is [`Damaged`].
pub fn decode_event(bytes: &[u8]) -> Result<ProfileEvent, Damaged> {
    let (body, checksum) = split_checksum(bytes)?;
    if crc32fast::hash(body).to_le_bytes() != checksum {
        return Err(Damaged);
    }
    let mut reader = Reader(body);
    if reader.byte()? != VERSION {
        return Err(Damaged);
    }
    let id = reader.take(size_of::<u128>())?.try_into().map_err(|_| Damaged)?;
    Ok(ProfileEvent {
        id: EventId(u128::from_le_bytes(id)),
        at: UnixMillis(reader.varint()?),
        user: UserId::parse(reader.counted()?).map_err(|_| Damaged)?,
        operator: reader.counted()?.into(),
        client_ip: reader.counted()?.parse().map_err(|_| Damaged)?,
        items: reader.items()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_model::{FieldValue, ProfileItem, StandardTag, Tag};

    #[test]
    fn events_read_back_and_every_change_is_found() {
        let event = ProfileEvent {
            id: EventId(u128::MAX - 5),
            user: UserId::parse("爱丽丝").unwrap(),
            at: UnixMillis(1_700_000_000_123),
            operator: "administrator".into(),
            client_ip: "2001:db8::1".parse().unwrap(),
            items: vec![
                ProfileItem { tag: Tag::Standard(StandardTag::Nick), value: FieldValue::Text("n".into()) },
                ProfileItem { tag: Tag::Standard(StandardTag::Level), value: FieldValue::Uint(u64::MAX) },
            ],
        };
        let bytes = encode_event(&event);
        assert_eq!(decode_event(&bytes), Ok(event));
        for len in 0..bytes.len() {
            assert_eq!(decode_event(&bytes[..len]), Err(Damaged), "cut to {len}");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode_event(&flipped), Err(Damaged), "bit {bit}");
        }
    }
}
