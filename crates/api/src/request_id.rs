//! Request ids, for answers and the log.

use hyper::header::HeaderValue;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// Generates request ids: a random prefix for each process, then a count.
pub(crate) struct RequestIds {
    /// 16 hexadecimal digits and a hyphen.
    prefix: [u8; Self::PREFIX_BYTES],
    next: AtomicU64,
}

const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";

impl RequestIds {
    const PREFIX_BYTES: usize = 17;
    const BYTES_MAX: usize = Self::PREFIX_BYTES + 16;

    /// Returns a generator; `seed` is the prefix.
    pub(crate) fn new(seed: u64) -> Self {
        let mut prefix = [0; Self::PREFIX_BYTES];
        // The digits always fit.
        let _ = write!(prefix.as_mut_slice(), "{seed:016x}-");
        Self { prefix, next: AtomicU64::new(1) }
    }

    /// Returns the next id.
    pub(crate) fn next(&self) -> HeaderValue {
        // Without `format!`, which costs as much as all the headers of an answer.
        let mut rest = self.next.fetch_add(1, Ordering::Relaxed);
        let digits = (u64::BITS - rest.leading_zeros()).div_ceil(4).max(1) as usize;
        let mut id = [0; Self::BYTES_MAX];
        let (prefix, count) = id.split_at_mut(Self::PREFIX_BYTES);
        prefix.copy_from_slice(&self.prefix);
        for digit in count.iter_mut().take(digits).rev() {
            *digit = HEXADECIMAL.get(usize::from(rest.to_le_bytes()[0] % 16)).copied().unwrap_or_default();
            rest /= 16;
        }
        let id = id.get(..Self::PREFIX_BYTES + digits).unwrap_or_default();
        HeaderValue::from_bytes(id).unwrap_or(HeaderValue::from_static(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_prefix_and_a_count_in_hexadecimal() {
        let ids = RequestIds::new(0xab);
        for count in 1..=0x1234 {
            assert_eq!(ids.next(), format!("00000000000000ab-{count:x}").as_str());
        }
        ids.next.store(u64::MAX, Ordering::Relaxed);
        assert_eq!(ids.next(), "00000000000000ab-ffffffffffffffff");
    }
}
