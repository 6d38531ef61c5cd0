//! A profile change as it is sent to an app's webhook.

use crate::{ProfileItem, UnixMillis, UserId};
use std::fmt;
use std::net::IpAddr;

/// The id of an event. It never changes, also over restarts and restored backups: receivers recognise repeats by it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventId(pub u128);

impl EventId {
    /// The id of the `index`th event of one call.
    #[must_use]
    pub fn plus(self, index: usize) -> Self {
        Self(self.0.wrapping_add(index as u128))
    }

    /// Reads what `Display` writes: 32 hexadecimal digits.
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

/// Where a change came from. A change with an origin makes an event for the webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The event's id; of a call that changes several accounts, the first one's.
    pub id: EventId,
    /// The caller (`Operator_Account`).
    pub operator: Box<str>,
    /// The caller's address (`ClientIP`).
    pub client_ip: IpAddr,
}

/// One profile change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProfileEvent {
    /// Its id.
    pub id: EventId,
    /// The user whose profile changed (`From_Account`).
    pub user: UserId,
    /// The time of the change (`EventTime`).
    pub at: UnixMillis,
    /// The caller (`Operator_Account`).
    pub operator: Box<str>,
    /// The caller's address (`ClientIP`).
    pub client_ip: IpAddr,
    /// The fields that were set, in the order of the request.
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
