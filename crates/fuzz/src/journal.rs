//! The embedded engine's journal: a frame that reads back was written, and damage is told or is at the end.

use portraitd_sqlite::read_journal_file;

const BLOCK: usize = 4096;
const HEADER: usize = 52;

/// A file of the journal: the bytes as they are, and as a part of a whole segment.
pub(crate) fn journal_file(bytes: &[u8]) -> bool {
    let raw = read_journal_file(bytes).is_some_and(|file| file.frames > 0);
    // Two bytes say where the segment is damaged, and how, and one says how many payloads are counted; the rest are payloads, each with its length before it.
    let [place, flip, count, rest @ ..] = bytes else { return raw };
    let payloads = payloads(rest, usize::from(*count % 8));
    let mut file = segment(&payloads);
    let Some(whole) = read_journal_file(&file) else { return raw };
    assert_eq!((whole.segment, whole.frames, whole.damage), (5, payloads.len() as u64, None));
    assert_eq!(whole.end, file.len() as u64);
    let at = BLOCK + usize::from(*place) * (file.len() - BLOCK) / 256;
    if let Some(byte) = file.get_mut(at) {
        *byte ^= flip;
    }
    if let Some(found) = read_journal_file(&file) {
        assert!(found.frames + 1 >= whole.frames || found.damage.is_some(), "frames are lost silently");
        assert!(found.frames <= whole.frames && found.end <= whole.end, "a frame is invented");
    }
    raw || whole.records.is_some_and(|records| records > 0)
}

fn payloads(mut bytes: &[u8], count: usize) -> Vec<&[u8]> {
    let mut payloads = Vec::new();
    while let Some((length, rest)) = bytes.split_first() {
        let length = if payloads.len() < count { usize::from(*length) } else { rest.len() };
        let (payload, behind) = rest.split_at(length.min(rest.len()));
        payloads.push(payload);
        bytes = behind;
    }
    payloads
}

/// A whole segment, as the engine documents its form.
fn segment(payloads: &[&[u8]]) -> Vec<u8> {
    let mut header = b"PTRDREDO\x01\0\0\0".to_vec();
    header.extend_from_slice(&[7; 16]);
    for number in [5_u64, 3, 9] {
        header.extend_from_slice(&number.to_le_bytes());
    }
    assert_eq!(header.len(), HEADER);
    let seed = crc32fast::hash(&header);
    header.extend_from_slice(&seed.to_le_bytes());
    header.resize(BLOCK / 2, 0);
    let mut file = header.repeat(2);
    for (number, payload) in payloads.iter().enumerate() {
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let mut frame = length.to_le_bytes().to_vec();
        frame.extend_from_slice(&(number as u64).to_le_bytes());
        frame.extend_from_slice(payload);
        let mut checksum = crc32fast::Hasher::new_with_initial(seed);
        checksum.update(&frame);
        file.extend_from_slice(&checksum.finalize().to_le_bytes());
        file.extend_from_slice(&frame);
        file.resize(file.len().next_multiple_of(BLOCK), 0);
    }
    file
}
