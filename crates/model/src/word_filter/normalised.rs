//! The form in which words and values are compared.

use unicode_normalization::UnicodeNormalization;

/// Returns the text in NFKC, in lower case, and in NFKC again, since lower-casing may take a text out of the form.
pub(super) fn normalised(text: &str) -> String {
    let mut normalised = String::with_capacity(text.len());
    push_normalised(&mut normalised, text);
    normalised
}

/// Adds the text to another one.
pub(super) fn push_normalised(to: &mut String, text: &str) {
    if text.is_ascii() {
        to.extend(text.bytes().map(|byte| char::from(byte.to_ascii_lowercase())));
    } else {
        to.extend(characters(text));
    }
}

/// Returns how many bytes the text will have.
pub(super) fn normalised_len(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { characters(text).map(char::len_utf8).sum() }
}

fn characters(text: &str) -> impl Iterator<Item = char> {
    text.nfkc().flat_map(char::to_lowercase).nfkc()
}
