//! Line numbers of byte positions.

/// Returns the number, from 1, of the line that contains a byte.
pub(crate) fn line_number(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}
