//! Which parts of which accounts may differ between the sides without a fault of either: after a write whose outcome on one
//! side is not known, or that one side did and the other refused. Differences that show such a part are counted apart, until a
//! later call has shown or made it equal.

use crate::call::SigTimes;
use crate::named::Aspects;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

/// The most accounts that are remembered. Beyond, every account counts as unsettled.
const ACCOUNTS_MAX: usize = 100_000;
/// The most kicks whose time is remembered; older ones are forgotten.
const KICKS_MAX: usize = 10_000;

/// A write without an answer may still be executed for this long. Nothing settles what it touches before.
pub(crate) const LATE_EXECUTION: Duration = Duration::from_secs(10);

/// How far the clocks of both sides may be apart, in seconds.
const CLOCKS_APART: u64 = 5;

/// The unsettled accounts.
#[derive(Default)]
pub(crate) struct Unsettled {
    accounts: HashMap<AccountKey, Note>,
    is_full: bool,
    kicks: HashMap<AccountKey, KickTime>,
    kicks_in_order: VecDeque<AccountKey>,
}

type AccountKey = (u32, Box<str>);

struct Note {
    aspects: Aspects,
    /// Nothing settles it before.
    not_before: Instant,
    /// UserSigs issued up to this Unix second may be valid on one side alone.
    sigs_until: u64,
}

/// The Unix seconds in which a kick was executed on both sides: a UserSig of that time may be before one and after the other.
#[derive(Clone, Copy)]
struct KickTime {
    from: u64,
    to: u64,
}

/// A point in time, on both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) instant: Instant,
    pub(crate) unix_seconds: u64,
}

impl Unsettled {
    /// Notes that parts of an account may differ. Calls that began before `not_before` do not settle them.
    pub(crate) fn add(
        &mut self,
        app: u32,
        account: &str,
        aspects: &Aspects,
        not_before: Instant,
        sigs_until: u64,
    ) {
        let key: AccountKey = (app, account.into());
        if self.accounts.len() >= ACCOUNTS_MAX && !self.accounts.contains_key(&key) {
            self.is_full = true;
            return;
        }
        let new = || Note { aspects: Aspects::default(), not_before, sigs_until: 0 };
        let note = self.accounts.entry(key).or_insert_with(new);
        note.aspects.existence |= aspects.existence;
        note.aspects.fields.add(&aspects.fields);
        note.not_before = note.not_before.max(not_before);
        if aspects.login {
            note.aspects.login = true;
            note.sigs_until = note.sigs_until.max(sigs_until);
        }
    }

    /// Notes that parts of an account are equal, as a call shows that began at this time.
    pub(crate) fn settle(&mut self, app: u32, account: &str, aspects: &Aspects, began: Instant) {
        let key: AccountKey = (app, account.into());
        let Some(note) = self.accounts.get_mut(&key).filter(|note| began >= note.not_before) else { return };
        note.aspects.existence &= !aspects.existence;
        note.aspects.login &= !aspects.login;
        note.aspects.fields.remove(&aspects.fields);
        if note.aspects.is_empty() {
            self.accounts.remove(&key);
        }
    }

    /// Notes a kick that both sides executed between two times.
    pub(crate) fn kicked(&mut self, app: u32, account: &str, from: u64, to: u64) {
        let key: AccountKey = (app, account.into());
        let time = KickTime { from: from.saturating_sub(CLOCKS_APART), to: to.saturating_add(CLOCKS_APART) };
        if self.kicks.insert(key.clone(), time).is_none() {
            self.kicks_in_order.push_back(key);
        }
        if self.kicks_in_order.len() > KICKS_MAX
            && let Some(oldest) = self.kicks_in_order.pop_front()
        {
            self.kicks.remove(&oldest);
        }
    }

    /// Returns what may differ of these accounts.
    pub(crate) fn of(&self, app: u32, accounts: &BTreeSet<String>) -> BTreeMap<String, Aspects> {
        let of = |account: &String| {
            if self.is_full {
                return Some(Aspects::everything());
            }
            let key: AccountKey = (app, account.as_str().into());
            self.accounts.get(&key).map(|note| note.aspects.clone())
        };
        accounts.iter().filter_map(|account| Some((account.clone(), of(account)?))).collect()
    }

    /// Whether a caller's UserSig is known to be valid on both sides, or on neither: not around a kick, and not at its end.
    pub(crate) fn is_sig_settled(&self, app: u32, identifier: &str, sig: SigTimes, now: u64) -> bool {
        let key: AccountKey = (app, identifier.into());
        let in_doubt = self.accounts.get(&key).is_some_and(|note| {
            note.aspects.existence || (note.aspects.login && sig.issued_at <= note.sigs_until)
        });
        let at_kick = self.kicks.get(&key).is_some_and(|kick| (kick.from..=kick.to).contains(&sig.issued_at));
        let at_end = sig.expires_at.abs_diff(now) <= CLOCKS_APART;
        !(self.is_full || in_doubt || at_kick || at_end)
    }

    /// Returns how many accounts are unsettled, and whether more are than can be remembered.
    pub(crate) fn count(&self) -> (usize, bool) {
        (self.accounts.len(), self.is_full)
    }

    /// Forgets everything: the operator has made both sides equal.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::named::Fields;
    use portraitd_model::{SdkAppId, Tag};

    fn fields(names: &[&str]) -> Aspects {
        let tags = names.iter().map(|name| Tag::parse(name, SdkAppId(1)).unwrap()).collect();
        Aspects { fields: Fields::These(tags), ..Aspects::default() }
    }

    fn of(unsettled: &Unsettled, account: &str) -> Option<Aspects> {
        unsettled.of(1, &BTreeSet::from([account.to_owned()])).remove(account)
    }

    #[test]
    fn a_part_is_unsettled_until_a_later_call_settles_it() {
        let (mut unsettled, start) = (Unsettled::default(), Instant::now());
        let both = fields(&["Tag_Profile_IM_Nick", "Tag_Profile_IM_Level"]);
        unsettled.add(1, "a", &both, start + LATE_EXECUTION, 0);
        assert_eq!((of(&unsettled, "a"), of(&unsettled, "b")), (Some(both.clone()), None));
        assert!(unsettled.of(2, &BTreeSet::from(["a".to_owned()])).is_empty());
        // The write may still be executed.
        unsettled.settle(1, "a", &both, start);
        assert_eq!(of(&unsettled, "a"), Some(both));
        unsettled.settle(1, "a", &fields(&["Tag_Profile_IM_Nick"]), start + LATE_EXECUTION);
        assert_eq!(of(&unsettled, "a"), Some(fields(&["Tag_Profile_IM_Level"])));
        unsettled.settle(1, "a", &Aspects::everything(), start + LATE_EXECUTION);
        assert_eq!((of(&unsettled, "a"), unsettled.count()), (None, (0, false)));
    }

    #[test]
    fn after_a_lost_deletion_an_import_settles_existence_alone() {
        let (mut unsettled, now) = (Unsettled::default(), Instant::now());
        unsettled.add(1, "a", &Aspects::everything(), now, 100);
        unsettled.settle(1, "a", &Aspects { existence: true, ..fields(&["Tag_Profile_IM_Nick"]) }, now);
        let left = of(&unsettled, "a").unwrap();
        assert!(!left.existence && left.login);
        assert!(!left.fields.contains(Tag::parse("Tag_Profile_IM_Nick", SdkAppId(1))));
        assert!(left.fields.contains(Tag::parse("Tag_Profile_IM_Level", SdkAppId(1))));
    }

    #[test]
    fn more_accounts_than_can_be_remembered_unsettle_all() {
        let (mut unsettled, now) = (Unsettled::default(), Instant::now());
        for n in 0..=ACCOUNTS_MAX {
            unsettled.add(1, &n.to_string(), &fields(&["Tag_Profile_IM_Nick"]), now, 0);
        }
        assert_eq!(unsettled.count(), (ACCOUNTS_MAX, true));
        assert_eq!(of(&unsettled, "other"), Some(Aspects::everything()));
        unsettled.clear();
        assert_eq!((of(&unsettled, "other"), unsettled.count()), (None, (0, false)));
    }

    #[test]
    fn a_usersig_is_in_doubt_around_a_kick_and_at_its_end() {
        let (mut unsettled, now) = (Unsettled::default(), Instant::now());
        let settled = |unsettled: &Unsettled, issued_at| {
            unsettled.is_sig_settled(1, "a", SigTimes { issued_at, expires_at: 100_000 }, 2000)
        };
        unsettled.kicked(1, "a", 1000, 1001);
        assert_eq!([900, 996, 1003, 1100].map(|at| settled(&unsettled, at)), [true, false, false, true]);
        unsettled.add(1, "a", &Aspects { login: true, ..Aspects::default() }, now, 1500);
        assert_eq!([900, 1500, 1501].map(|at| settled(&unsettled, at)), [false, false, true]);
        let at_end = SigTimes { issued_at: 1, expires_at: 2003 };
        assert!(!unsettled.is_sig_settled(1, "b", at_end, 2000));
        for n in 0..=KICKS_MAX {
            unsettled.kicked(2, &n.to_string(), 1, 1);
        }
        assert_eq!((unsettled.kicks.len(), unsettled.kicks_in_order.len()), (KICKS_MAX, KICKS_MAX));
    }
}
