//! The two sides that a call is made on.

use serde::{Deserialize, Serialize};

/// One of the two sides.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The cloud's REST API.
    Cloud,
    /// The portraitd that is to take the cloud's place.
    Here,
}

impl Side {
    /// Returns its name in options and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Here => "here",
        }
    }

    /// Returns the other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Cloud => Self::Here,
            Self::Here => Self::Cloud,
        }
    }
}

/// Something that each side has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sides<T> {
    /// The cloud's.
    pub cloud: T,
    /// portraitd's.
    pub here: T,
}

impl<T> Sides<T> {
    /// Returns one side's.
    pub const fn get(&self, side: Side) -> &T {
        match side {
            Side::Cloud => &self.cloud,
            Side::Here => &self.here,
        }
    }

    /// Returns what the side that answers first has and what the other has, as sides.
    pub(crate) fn in_order(first: Side, of_first: T, of_second: T) -> Self {
        match first {
            Side::Cloud => Self { cloud: of_first, here: of_second },
            Side::Here => Self { cloud: of_second, here: of_first },
        }
    }
}
