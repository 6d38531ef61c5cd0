//! Pseudo-random numbers from a seed, so that equal runs ask for the same users.

/// A small, fast generator (xorshift64*).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A uniform number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or_default()
    }

    /// A uniform number from 0 up to, not including, 1.
    fn fraction(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let numerator = (self.next() >> 11) as f64;
        numerator / 9_007_199_254_740_992.0
    }
}

/// Zipf's law with exponent 1: the second user is asked for half as often as the first, and so on.
pub(crate) struct Zipf {
    users: u64,
    log_users: f64,
}

impl Zipf {
    pub(crate) fn new(users: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a rank, not an id")]
        let log_users = ((users + 1) as f64).ln();
        Self { users, log_users }
    }

    /// The continuous law, inverted and cut to whole ranks; ranks are then spread over the users, so that users
    /// of similar rank are not neighbours in the database.
    pub(crate) fn draw(&self, random: &mut Random) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at least 1, at most the users"
        )]
        let rank = (random.fraction() * self.log_users).exp() as u64 - 1;
        rank.min(self.users - 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) % self.users
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_and_ranks_follow_the_law() {
        let (mut random, mut counts) = (Random::new(7), [0_u32; 10]);
        for _ in 0..100_000 {
            counts[usize::try_from(random.below(10)).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (9_000..11_000).contains(count)), "{counts:?}");
        let zipf = Zipf::new(1000);
        let first = (0..100_000).filter(|_| zipf.draw(&mut random) == 0).count();
        // ln 2 / ln 1001 of all.
        assert!((9_000..11_000).contains(&first), "{first}");
    }
}
