//! A profile change as it is told to an app's webhook.

use crate::{ProfileItem, UnixMillis, UserId};
use std::fmt;
use std::net::IpAddr;

/// Names an event for ever, also over restarts and restored backups: receivers know by it what they had before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventId(pub u128);

impl EventId {
    /// The id of the `index`th event of one call.
    #[must_use]
    pub fn plus(self, index: usize) -> Self {
        Self(self.0.wrapping_add(index as u128))
    }

    /// Reads what [`EventId`]'s `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(Self)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Where a change came from. A change that has one is told to the webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The event's id; of a call that changes several accounts, the first one's.
    pub id: EventId,
    /// Who asked (`Operator_Account`).
    pub operator: Box<str>,
    /// From which address (`ClientIP`).
    pub client_ip: IpAddr,
}

/// One profile change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProfileEvent {
    /// Its id.
    pub id: EventId,
    /// Whose profile (`From_Account`).
    pub user: UserId,
    /// When (`EventTime`).
    pub at: UnixMillis,
    /// Who asked (`Operator_Account`).
    pub operator: Box<str>,
    /// From which address (`ClientIP`).
    pub client_ip: IpAddr,
    /// What was set, in the order it was asked for.
    pub items: Vec<ProfileItem>,
}

impl ProfileEvent {
    /// The event of a change to one user's profile, the `index`th of its call.
    pub fn of(origin: &Origin, index: usize, user: UserId, at: UnixMillis, items: &[ProfileItem]) -> Self {
        Self {
            id: origin.id.plus(index),
            user,
            at,
            operator: origin.operator.clone(),
            client_ip: origin.client_ip,
            items: items.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back() {
        for id in [EventId(0), EventId(255), EventId(u128::MAX)] {
            assert_eq!(EventId::parse(&id.to_string()), Some(id));
        }
        assert_eq!(EventId(u128::MAX).plus(2), EventId(1));
        assert_eq!(EventId::parse("+0000000000000000000000000000001"), None);
        assert_eq!(EventId::parse("1"), None);
    }
}
