//! Faults: the rules in force, which of them a call meets, and how often each did.

pub mod file;
mod nearest;
pub mod rule;

use crate::fault::rule::{Effect, FaultRule};
use portraitd_model::SdkAppId;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Every rule, in the order they were made.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    last_id: u32,
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    id: u32,
    from_file: bool,
    asked: FaultRule,
    effect: Effect,
    matched: u64,
    fired: u64,
}

/// What a rule looks at.
pub(crate) struct CallMatch<'a> {
    pub(crate) command: &'a str,
    pub(crate) app: SdkAppId,
    pub(crate) users: &'a [String],
}

/// A rule that fires for a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Fired {
    pub(crate) rule: u32,
    pub(crate) effect: Effect,
    pub(crate) delay: Duration,
}

/// A rule as it is listed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RuleView {
    pub(crate) id: u32,
    /// `api`, or `file` for those of `--faults`: a reset brings these back as they were.
    pub(crate) from: String,
    pub(crate) rule: serde_json::Value,
    /// The effect in words.
    pub(crate) effect: String,
    /// Calls that it fits.
    pub(crate) matched: u64,
    /// Calls that it hit.
    pub(crate) fired: u64,
    /// Of `next`: calls that it will still hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) left: Option<u64>,
    /// Why it may not do what was meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) warning: Option<String>,
}

impl Faults {
    /// The most rules.
    pub(crate) const MAX: usize = 1000;

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds rules that were checked, all or none; gives their views.
    pub fn add(
        &self,
        rules: Vec<(FaultRule, Effect)>,
        from_file: bool,
        random: u64,
    ) -> Result<Vec<RuleView>, String> {
        let mut book = self.lock();
        if book.rules.len() + rules.len() > Self::MAX {
            let max = Self::MAX;
            return Err(format!("there can be at most {max} rules; delete those that are no longer needed"));
        }
        let mut views = Vec::with_capacity(rules.len());
        for (index, (mut asked, effect)) in rules.into_iter().enumerate() {
            if asked.probability.is_some() {
                // Listed, so that a run can be repeated.
                asked.seed = asked.seed.or(Some(random.wrapping_add(index as u64)));
            }
            book.last_id += 1;
            let rule = Rule { id: book.last_id, from_file, asked, effect, matched: 0, fired: 0 };
            views.push(rule.view());
            book.rules.push(rule);
        }
        Ok(views)
    }

    /// The first rule that hits a call, if one does. It is counted.
    pub(crate) fn pick(&self, met: &CallMatch<'_>) -> Option<Fired> {
        let mut book = self.lock();
        let mut fitting = book.rules.iter_mut().filter(|rule| rule.fits(met));
        fitting.find_map(Rule::roll)
    }

    /// Every rule with its counts.
    pub(crate) fn list(&self) -> Vec<RuleView> {
        self.lock().rules.iter().map(Rule::view).collect()
    }

    /// Takes a rule away; whether there was one.
    pub(crate) fn remove(&self, id: u32) -> bool {
        let mut book = self.lock();
        let before = book.rules.len();
        book.rules.retain(|rule| rule.id != id);
        book.rules.len() < before
    }

    /// Takes all rules away, or those of one app; how many there were.
    pub(crate) fn clear(&self, app: Option<SdkAppId>) -> usize {
        let mut book = self.lock();
        let before = book.rules.len();
        book.rules.retain(|rule| app.is_some_and(|app| rule.asked.app != Some(app.0)));
        before - book.rules.len()
    }

    /// Back to the start: the rules of the file, as if they had met no call yet.
    pub(crate) fn reset(&self) {
        let mut book = self.lock();
        book.rules.retain(|rule| rule.from_file);
        for rule in &mut book.rules {
            (rule.matched, rule.fired) = (0, 0);
        }
    }

    /// Rules that never did anything, in words.
    pub fn idle(&self) -> Vec<String> {
        self.list()
            .into_iter()
            .filter_map(|rule| Some(format!("fault {}: {}", rule.id, rule.warning?)))
            .collect()
    }
}

impl Rule {
    fn fits(&self, met: &CallMatch<'_>) -> bool {
        let asked = &self.asked;
        asked.command.as_deref().is_none_or(|command| command == met.command)
            && asked.app.is_none_or(|app| app == met.app.0)
            && asked.user.as_ref().is_none_or(|user| met.users.contains(user))
    }

    fn roll(&mut self) -> Option<Fired> {
        self.matched += 1;
        let hits = match (self.asked.next, self.asked.probability) {
            (Some(next), _) => self.fired < next,
            (None, Some(p)) => dice(self.asked.seed.unwrap_or_default(), self.matched) < p,
            (None, None) => true,
        };
        if !hits {
            return None;
        }
        self.fired += 1;
        let delay = Duration::from_millis(self.asked.delay_ms.unwrap_or_default());
        Some(Fired { rule: self.id, effect: self.effect, delay })
    }

    fn view(&self) -> RuleView {
        let (matched, fired) = (self.matched, self.fired);
        let warning = match (matched, fired) {
            (0, _) => Some("no call has matched this rule".to_owned()),
            (_, 0) => Some(format!("it matched {matched} calls and hit none of them")),
            _ => None,
        };
        RuleView {
            id: self.id,
            from: if self.from_file { "file" } else { "api" }.to_owned(),
            rule: serde_json::to_value(&self.asked).unwrap_or_default(),
            effect: self.effect.words(),
            matched,
            fired,
            left: self.asked.next.map(|next| next - fired),
            warning,
        }
    }
}

/// A number from 0 to below 1 that follows from a seed and a count (`SplitMix64`).
fn dice(seed: u64, count: u64) -> f64 {
    let mut mixed = seed.wrapping_add(count.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^= mixed >> 31;
    // 32 bits are exact in an f64.
    let top = u32::try_from(mixed >> 32).unwrap_or(u32::MAX);
    f64::from(top) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(rules: &[FaultRule]) -> Faults {
        let faults = Faults::default();
        let apps = [SdkAppId(1), SdkAppId(2)];
        let rules = rules.iter().map(|rule| (rule.clone(), rule.check(&apps).unwrap())).collect();
        faults.add(rules, false, 42).unwrap();
        faults
    }

    fn met<'a>(command: &'a str, app: u32, users: &'a [String]) -> CallMatch<'a> {
        CallMatch { command, app: SdkAppId(app), users }
    }

    #[test]
    fn the_first_rule_that_fits_and_hits_is_met() {
        let rule = FaultRule { code: Some(40006), ..FaultRule::default() };
        let faults = faults(&[
            FaultRule { command: Some("portrait_set".into()), next: Some(2), ..rule.clone() },
            FaultRule { app: Some(2), ..rule.clone() },
            FaultRule { user: Some("bob".into()), next: Some(1), ..rule },
        ]);
        let (alice, both) = (["alice".to_owned()], ["alice".to_owned(), "bob".to_owned()]);
        let pick = |command, app, users| faults.pick(&met(command, app, users)).map(|fired| fired.rule);
        assert_eq!(pick("portrait_get", 1, &alice[..]), None);
        assert_eq!(pick("portrait_set", 1, &alice[..]), Some(1));
        assert_eq!(pick("portrait_set", 2, &alice[..]), Some(1));
        assert_eq!(pick("portrait_set", 2, &alice[..]), Some(2));
        assert_eq!(pick("portrait_get", 1, &both[..]), Some(3));
        assert_eq!(pick("portrait_get", 1, &both[..]), None);
        let counts: Vec<_> = faults.list().iter().map(|rule| (rule.matched, rule.fired, rule.left)).collect();
        assert_eq!(counts, [(3, 2, Some(0)), (1, 1, None), (2, 1, Some(0))]);
        assert!(faults.idle().is_empty());
        assert_eq!(faults.clear(Some(SdkAppId(2))), 1);
        assert!(faults.remove(1) && !faults.remove(1));
    }

    #[test]
    fn dice_follow_from_their_seed() {
        let rolls = |seed| (1..=1000).map(|count| dice(seed, count)).collect::<Vec<_>>();
        assert_eq!(rolls(7), rolls(7));
        assert_ne!(rolls(7), rolls(8));
        let hits = rolls(7).iter().filter(|roll| **roll < 0.3).count();
        assert!((250..350).contains(&hits), "{hits}");
        assert!(rolls(7).iter().all(|roll| (0.0..1.0).contains(roll)));
    }

    #[test]
    fn rules_are_bounded_and_idle_ones_are_named() {
        let rule =
            FaultRule { probability: Some(f64::MIN_POSITIVE), code: Some(40006), ..FaultRule::default() };
        let faults = faults(&[rule.clone(), rule.clone()]);
        assert!(faults.list().iter().all(|rule| rule.rule["seed"].is_u64()));
        faults.pick(&met("portrait_set", 1, &[]));
        assert_eq!(faults.idle().len(), 2);
        let many = vec![(rule, Effect::Late); Faults::MAX - 1];
        assert!(faults.add(many, false, 0).unwrap_err().contains("at most 1000"));
        assert_eq!(faults.list().len(), 2, "all or none");
        faults.reset();
        assert!(faults.list().is_empty());
    }
}
