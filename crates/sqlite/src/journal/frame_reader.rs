//! Reads the frames of a segment one after the other, and tells a torn end from damage: behind damage lies another frame.

use crate::journal::file::ReadAt;
use crate::journal::frame::{BLOCK, FRAME_HEAD, FrameHead, checksum};
use std::io;

/// Reads frame after frame.
pub(super) struct FrameReader<'a, F: ?Sized> {
    file: &'a F,
    seed: u32,
    /// The number of the next frame.
    pub(super) number: u64,
    /// Where it begins.
    pub(super) at: u64,
    /// Where the frame before it begins.
    pub(super) last_at: u64,
    /// Whether a frame lies behind one that does not read back.
    pub(super) is_continued: bool,
    frame: Vec<u8>,
}

impl<'a, F: ReadAt + ?Sized> FrameReader<'a, F> {
    pub(super) const fn new(file: &'a F, seed: u32) -> Self {
        let at = BLOCK as u64;
        Self { file, seed, number: 0, at, last_at: at, is_continued: false, frame: Vec::new() }
    }

    /// The payload of the next frame; `None` when it does not read back.
    pub(super) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        if !self.is_frame_at(self.at, self.number)? {
            match later_frame(self.file, self.at, self.number, self.seed)? {
                Some((at, head)) if head.repeats && head.number == self.number + 1 => {
                    self.is_frame_at(at, head.number)?;
                }
                later => {
                    self.is_continued = later.is_some();
                    return Ok(None);
                }
            }
        }
        Ok(self.frame.get(FRAME_HEAD..))
    }

    /// Reads the frame at a place, if it has the number; the next one is then the one behind it.
    fn is_frame_at(&mut self, at: u64, number: u64) -> io::Result<bool> {
        let mut head = [0; FRAME_HEAD];
        if self.file.read(&mut head, at)? < FRAME_HEAD {
            return Ok(false);
        }
        let Some(head) = FrameHead::read(&head).filter(|head| head.number == number) else {
            return Ok(false);
        };
        let is_whole = read_frame(self.file, at, head, self.seed, &mut self.frame)?;
        if is_whole {
            (self.number, self.last_at, self.at) = (number + 1, at, at + head.file_bytes());
        }
        Ok(is_whole)
    }
}

/// The first frame of a segment that lies behind a place where the frame `number` does not read back.
fn later_frame(
    file: &(impl ReadAt + ?Sized),
    from: u64,
    number: u64,
    seed: u32,
) -> io::Result<Option<(u64, FrameHead)>> {
    let mut chunk = vec![0; 256 * BLOCK];
    let mut at = from;
    loop {
        let read = file.read(&mut chunk, at)?;
        for (place, block) in chunk.get(..read).unwrap_or_default().chunks(BLOCK).enumerate() {
            let Some(head) = FrameHead::read(block) else { continue };
            let at = at + (place * BLOCK) as u64;
            // Each frame takes a block at least.
            let number_max = number + (at - from) / BLOCK as u64;
            if head.number > number
                && head.number <= number_max
                && read_frame(file, at, head, seed, &mut Vec::new())?
            {
                return Ok(Some((at, head)));
            }
        }
        at += read as u64;
        if read < chunk.len() {
            return Ok(None);
        }
    }
}

/// Reads a frame without its padding; returns whether its checksum fits.
fn read_frame(
    file: &(impl ReadAt + ?Sized),
    at: u64,
    head: FrameHead,
    seed: u32,
    frame: &mut Vec<u8>,
) -> io::Result<bool> {
    let length = FRAME_HEAD + head.length;
    if at + length as u64 > file.bytes() {
        return Ok(false);
    }
    frame.resize(length, 0);
    let whole = file.read(frame, at)? == length;
    Ok(whole && checksum(seed, frame.get(4..).unwrap_or_default()) == head.checksum)
}
