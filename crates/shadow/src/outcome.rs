//! What two answers to a call mean for what is known of its accounts.

use crate::answer::ProtocolAnswer;
use crate::named::{Aspects, Fields, Named};
use crate::side::Sides;
use crate::unsettled::{Moment, Unsettled};
use portraitd_model::Command;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Instant;

/// The code of an account that does not exist, when it is deleted.
const DELETED_BEFORE: u64 = 70107;

/// A call that was made.
pub(crate) struct MadeCall<'a> {
    pub(crate) command: Command,
    pub(crate) app: u32,
    pub(crate) named: &'a Named,
    pub(crate) began: Moment,
    pub(crate) ended: Moment,
}

/// What became of one account on one side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum AccountOutcome {
    /// It is now as the write says.
    Written,
    Unchanged,
}

impl MadeCall<'_> {
    /// After a write whose outcome on one side is not known: all that it names is unsettled, for as long as it may still be
    /// executed.
    pub(crate) fn note_unknown(&self, unsettled: &mut Unsettled, not_before: Instant) {
        for (account, aspects) in &self.named.changes {
            unsettled.add(self.app, account, aspects, not_before, self.ended.unix_seconds + LATE_SECONDS);
        }
    }

    /// After both answers to a write: what both did is equal, what one did is not.
    pub(crate) fn note_write(&self, unsettled: &mut Unsettled, answers: &Sides<&ProtocolAnswer>) {
        for (account, aspects) in &self.named.changes {
            let cloud = self.outcome(answers.cloud, account);
            let here = self.outcome(answers.here, account);
            match (cloud, here) {
                (AccountOutcome::Unchanged, AccountOutcome::Unchanged) => {}
                (AccountOutcome::Written, AccountOutcome::Written) => {
                    unsettled.settle(self.app, account, aspects, self.began.instant);
                    if self.command == Command::Kick {
                        let (from, to) = (self.began.unix_seconds, self.ended.unix_seconds);
                        unsettled.kicked(self.app, account, from, to);
                    }
                }
                _ => unsettled.add(self.app, account, aspects, self.ended.instant, self.ended.unix_seconds),
            }
        }
    }

    /// After both answers to a read: what was asked for and does not differ is equal.
    pub(crate) fn note_read(
        &self,
        unsettled: &mut Unsettled,
        cloud: &ProtocolAnswer,
        differing: &BTreeSet<String>,
    ) {
        if !cloud.is_done() {
            return;
        }
        let asked = self.named.asked.iter();
        for (place, account) in asked.enumerate().filter(|(_, account)| !differing.contains(*account)) {
            if let Some(aspects) = self.seen(cloud, place, account) {
                unsettled.settle(self.app, account, &aspects, self.began.instant);
            }
        }
    }

    /// Returns what an answer shows of an account; `None` when it does not tell.
    fn seen(&self, answer: &ProtocolAnswer, place: usize, account: &str) -> Option<Aspects> {
        /// An account that does not exist, in `portrait_get`.
        const UNKNOWN: u64 = 40003;
        let existing = |fields| Aspects { existence: true, login: false, fields };
        // An account that does not exist has no fields that could differ.
        let absent = existing(Fields::all());
        if self.command == Command::AccountCheck {
            let entry = entry_of(answer, "ResultItem", "UserID", account)?;
            return match entry.get("AccountStatus").and_then(Value::as_str)? {
                "NotImported" => Some(absent),
                "Imported" => Some(existing(Fields::default())),
                _ => None,
            };
        }
        let entries = answer.members.get("UserProfileItem")?.as_array()?;
        let entry = entries.get(place).filter(|_| entries.len() == self.named.asked.len())?;
        match entry.get("ResultCode").and_then(Value::as_u64)? {
            0 if entry.get("To_Account").and_then(Value::as_str) == Some(account) => {
                Some(existing(Fields::These(self.named.tags.iter().copied().collect())))
            }
            UNKNOWN => Some(absent),
            _ => None,
        }
    }

    fn outcome(&self, answer: &ProtocolAnswer, account: &str) -> AccountOutcome {
        let is_written = answer.is_done()
            && match self.command {
                Command::MultiaccountImport => {
                    let failed = answer.members.get("FailAccounts").and_then(Value::as_array);
                    !failed.is_some_and(|failed| failed.iter().any(|failed| failed == account))
                }
                Command::AccountDelete => {
                    let entry = entry_of(answer, "ResultItem", "UserID", account);
                    let code = entry.and_then(|entry| entry.get("ResultCode")).and_then(Value::as_u64);
                    // One that did not exist does not exist now either.
                    matches!(code, Some(0 | DELETED_BEFORE))
                }
                Command::PortraitSet
                | Command::AccountImport
                | Command::Kick
                | Command::PortraitGet
                | Command::AccountCheck => true,
            };
        if is_written { AccountOutcome::Written } else { AccountOutcome::Unchanged }
    }
}

/// [`LATE_EXECUTION`](crate::unsettled::LATE_EXECUTION) in seconds.
const LATE_SECONDS: u64 = crate::unsettled::LATE_EXECUTION.as_secs();

/// Returns the entry of an account in a list. The first counts: an account that is named twice has two.
fn entry_of<'a>(answer: &'a ProtocolAnswer, list: &str, key: &str, account: &str) -> Option<&'a Value> {
    let entries = answer.members.get(list)?.as_array()?;
    entries.iter().find(|entry| entry.get(key).and_then(Value::as_str) == Some(account))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::definite;
    use serde_json::json;
    use std::time::Duration;

    struct Known(Unsettled);

    impl Known {
        /// Makes a write: the answers of the cloud and of portraitd.
        fn write(&mut self, command: Command, body: &Value, cloud: &Value, here: &Value) {
            self.made(command, body, |call, unsettled| {
                call.note_write(unsettled, &Sides { cloud: &definite(cloud), here: &definite(here) });
            });
        }

        fn read(&mut self, command: Command, body: &Value, answer: &Value, differing: &[&str]) {
            let differing = differing.iter().map(|account| (*account).to_owned()).collect();
            self.made(command, body, |call, unsettled| {
                call.note_read(unsettled, &definite(answer), &differing);
            });
        }

        fn made(&mut self, command: Command, body: &Value, then: impl FnOnce(&MadeCall<'_>, &mut Unsettled)) {
            let named = Named::of(command, Some(1), body.to_string().as_bytes());
            let now = Moment { instant: Instant::now(), unix_seconds: 1000 };
            let call = MadeCall { command, app: 1, named: &named, began: now, ended: now };
            then(&call, &mut self.0);
        }

        fn of(&self, account: &str) -> Option<Aspects> {
            self.0.of(1, &BTreeSet::from([account.to_owned()])).remove(account)
        }
    }

    fn ok() -> Value {
        json!({"ActionStatus": "OK", "ErrorCode": 0})
    }

    fn refused() -> Value {
        json!({"ActionStatus": "FAIL", "ErrorCode": 40601})
    }

    #[test]
    fn what_one_side_did_is_unsettled_until_both_do_it() {
        let mut known = Known(Unsettled::default());
        let set = json!({"From_Account": "a", "ProfileItem": [{"Tag": "Tag_Profile_IM_Nick", "Value": "x"}]});
        known.write(Command::PortraitSet, &set, &refused(), &refused());
        known.write(Command::PortraitSet, &set, &ok(), &ok());
        assert_eq!(known.of("a"), None);
        known.write(Command::PortraitSet, &set, &ok(), &refused());
        assert!(!known.of("a").unwrap().fields.is_empty());
        known.write(Command::PortraitSet, &set, &ok(), &ok());
        assert_eq!(known.of("a"), None);
    }

    #[test]
    fn deletions_and_imports_count_for_each_account() {
        let mut known = Known(Unsettled::default());
        let delete = json!({"DeleteItem": [{"UserID": "a"}, {"UserID": "b"}]});
        let deleted = |a: u64, b: u64| {
            json!({"ActionStatus": "OK", "ErrorCode": 0, "ResultItem": [
                {"UserID": "a", "ResultCode": a}, {"UserID": "b", "ResultCode": b}]})
        };
        known.write(Command::AccountDelete, &delete, &deleted(0, 0), &deleted(70107, 70402));
        assert_eq!((known.of("a"), known.of("b")), (None, Some(Aspects::everything())));
        let import = json!({"Accounts": ["b", "c"]});
        let imported =
            |failed: &[&str]| json!({"ActionStatus": "OK", "ErrorCode": 0, "FailAccounts": failed});
        known.write(Command::MultiaccountImport, &import, &imported(&[]), &imported(&["c"]));
        assert!(!known.of("b").unwrap().existence && known.of("c").unwrap().existence);
        known.write(Command::AccountDelete, &delete, &deleted(0, 0), &deleted(0, 0));
        assert_eq!(known.of("b"), None);
    }

    #[test]
    fn a_read_settles_what_it_shows_to_be_equal() {
        let mut known = Known(Unsettled::default());
        let set = json!({"From_Account": "a", "ProfileItem": [
            {"Tag": "Tag_Profile_IM_Nick", "Value": "x"}, {"Tag": "Tag_Profile_IM_Level", "Value": 1}]});
        known.write(Command::PortraitSet, &set, &ok(), &refused());
        let get = json!({"To_Account": ["z", "a"], "TagList": ["Tag_Profile_IM_Nick"]});
        let shown = json!({"ActionStatus": "OK", "ErrorCode": 0, "UserProfileItem": [
            {"To_Account": "@TLS#NOT_FOUND", "ResultCode": 40003}, {"To_Account": "a", "ResultCode": 0}]});
        known.read(Command::PortraitGet, &get, &shown, &["a"]);
        assert!(known.of("a").is_some());
        known.read(Command::PortraitGet, &get, &shown, &[]);
        let left = known.of("a").unwrap().fields;
        assert!(matches!(&left, Fields::These(tags) if tags.len() == 1), "{left:?}");
        let check = json!({"CheckItem": [{"UserID": "a"}]});
        let status = |status: &str| {
            json!({"ActionStatus": "OK", "ErrorCode": 0, "ResultItem": [
                {"UserID": "a", "ResultCode": 0, "AccountStatus": status}]})
        };
        known.read(Command::AccountCheck, &check, &status("Imported"), &[]);
        assert!(known.of("a").is_some());
        known.read(Command::AccountCheck, &check, &status("NotImported"), &[]);
        assert_eq!(known.of("a"), None);
    }

    #[test]
    fn an_unknown_write_may_still_be_executed() {
        let mut known = Known(Unsettled::default());
        let import = json!({"UserID": "a"});
        known.made(Command::AccountImport, &import, |call, unsettled| {
            call.note_unknown(unsettled, Instant::now() + Duration::from_secs(10));
        });
        known.write(Command::AccountImport, &import, &ok(), &ok());
        assert!(known.of("a").unwrap().existence);
    }
}
