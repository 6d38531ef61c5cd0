//! What is searched for an app's sensitive words.

use super::normalised::push_normalised;

/// The normalised words in order, without those that begin with another one of them. At most one of them can then be where a
/// text begins: the last that is not behind the text in this order.
pub(super) struct Patterns {
    text: String,
    /// Where each begins; the last one is where the text ends.
    starts: Vec<u32>,
    /// The first 4 bytes of each, which most comparisons end with.
    keys: Vec<u32>,
    firsts: FirstBytes,
}

impl Patterns {
    /// Sorts words, of which there is one a line, `count` in all.
    pub(super) fn of(lines: &str, count: usize) -> Self {
        let (mut all, mut ranges) = (String::with_capacity(lines.len()), Vec::with_capacity(count));
        for word in lines.lines() {
            let start = all.len();
            push_normalised(&mut all, word);
            ranges.push(start..all.len());
        }
        let mut words: Vec<&str> = ranges.into_iter().filter_map(|range| all.get(range)).collect();
        words.sort_unstable();
        // A word that begins with another one stands behind it.
        words.dedup_by(|longer, shorter| longer.starts_with(*shorter));
        let firsts = FirstBytes::of(&words);
        let mut patterns = Self { text: String::new(), starts: vec![0], keys: Vec::new(), firsts };
        for word in words {
            patterns.text.push_str(word);
            patterns.starts.push(u32::try_from(patterns.text.len()).unwrap_or(u32::MAX));
            patterns.keys.push(key(word));
        }
        patterns
    }

    fn get(&self, index: usize) -> &str {
        let bound = |index| self.starts.get(index).map_or(0, |at: &u32| usize::try_from(*at).unwrap_or(0));
        self.text.get(bound(index)..bound(index + 1)).unwrap_or_default()
    }

    /// Whether a normalised text contains one.
    pub(super) fn are_in(&self, text: &str) -> bool {
        text.char_indices().any(|(at, _)| self.begin(text.get(at..).unwrap_or_default()))
    }

    /// Whether a text begins with one.
    fn begin(&self, text: &str) -> bool {
        let key = key(text);
        if !self.firsts.may_begin(key) {
            return false;
        }
        let of_smaller_keys = self.keys.partition_point(|other| *other < key);
        let same_key = self.keys.get(of_smaller_keys..).unwrap_or_default();
        let (mut low, mut high) =
            (of_smaller_keys, of_smaller_keys + same_key.partition_point(|other| *other == key));
        while low < high {
            let middle = low.midpoint(high);
            if self.get(middle) <= text { low = middle + 1 } else { high = middle }
        }
        low.checked_sub(1).is_some_and(|last| text.starts_with(self.get(last)))
    }
}

/// Tells of nearly every place of a text at once that no pattern begins there: a bit for each pattern's first 4 bytes, at a
/// place that their hash names. It takes a byte or two for each pattern; a search among 100,000 takes 20 times as long.
struct FirstBytes {
    bits: Vec<u64>,
    /// How far a hash is shifted, so that it names a bit.
    shift: u32,
    /// The lengths of patterns below 4 bytes, as masks of what a text must have in common with them.
    short: Vec<u32>,
}

impl FirstBytes {
    fn of(words: &[&str]) -> Self {
        let mut short: Vec<u32> =
            words.iter().filter(|word| word.len() < 4).map(|word| !(u32::MAX >> (8 * word.len()))).collect();
        short.sort_unstable();
        short.dedup();
        let places = (words.len() * 8).next_power_of_two().max(64);
        let mut firsts = Self { bits: vec![0; places / 64], shift: u64::BITS - places.ilog2(), short };
        for word in words {
            let (index, bit) = firsts.place(key(word));
            if let Some(bits) = firsts.bits.get_mut(index) {
                *bits |= bit;
            }
        }
        firsts
    }

    /// The index and the bit of a key, by Fibonacci hashing.
    fn place(&self, key: u32) -> (usize, u64) {
        let hash = u64::from(key).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift;
        (usize::try_from(hash / 64).unwrap_or(0), 1 << (hash % 64))
    }

    /// Whether a pattern may begin where a text with this key does.
    fn may_begin(&self, key: u32) -> bool {
        let is_set = |key| {
            let (index, bit) = self.place(key);
            self.bits.get(index).is_some_and(|bits| bits & bit != 0)
        };
        is_set(key) || self.short.iter().any(|mask| is_set(key & mask))
    }
}

/// The first 4 bytes as a number, which is ordered as the texts are.
fn key(text: &str) -> u32 {
    let mut first = [0; 4];
    first.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
    u32::from_be_bytes(first)
}
