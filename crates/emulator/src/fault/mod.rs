//! Fault rules: the active rules, the choice of the rule that fires for a call, and their counts. The first rule that
//! matches and fires wins.

pub mod file;
pub mod rule;

use crate::command_name::names;
use crate::fault::rule::{Effect, FaultRule, is_host};
use portraitd_admin::counted::counted;
use portraitd_model::{Bilingual, SdkAppId, bilingual};
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Every active rule, in the order of creation.
#[derive(Debug, Default)]
pub struct Faults(Mutex<RuleSet>);

#[derive(Debug, Default)]
struct RuleSet {
    last_id: u32,
    rules: Vec<ActiveRule>,
}

#[derive(Debug)]
struct ActiveRule {
    id: u32,
    from_file: bool,
    definition: FaultRule,
    effect: Effect,
    matched: u64,
    fired: u64,
}

/// The properties of a call that rules match.
pub(crate) struct CallMatch<'a> {
    /// The path of the command, as the tables have it.
    pub(crate) command_path: &'a str,
    pub(crate) host: Option<&'a str>,
    pub(crate) app: SdkAppId,
    pub(crate) users: &'a [String],
}

/// A rule that fired for a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FiredRule {
    pub(crate) rule: u32,
    pub(crate) effect: Effect,
    pub(crate) delay: Duration,
}

/// A rule in the control API, with its counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FaultRuleView {
    pub(crate) id: u32,
    /// `api`, or `file` for a rule of `--faults`; a reset keeps the latter and sets their counts to 0.
    pub(crate) from: String,
    pub(crate) rule: serde_json::Value,
    /// The effect in words.
    pub(crate) effect: String,
    /// How many calls it matched.
    pub(crate) matched: u64,
    /// How many calls it fired for.
    pub(crate) fired: u64,
    /// With `next`: how many more calls it will fire for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) left: Option<u64>,
    /// Set while the rule has had no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) warning: Option<String>,
}

impl Faults {
    /// The most rules.
    pub(crate) const MAX: usize = 1000;

    fn lock(&self) -> MutexGuard<'_, RuleSet> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds checked rules, all or none, and returns their views. `random` seeds the probabilities of rules without a seed.
    pub fn add(
        &self,
        rules: Vec<(FaultRule, Effect)>,
        from_file: bool,
        random: u64,
    ) -> Result<Vec<FaultRuleView>, Bilingual> {
        let mut set = self.lock();
        if set.rules.len() + rules.len() > Self::MAX {
            let max = Self::MAX;
            return Err(bilingual!(
                "there can be at most {max} fault rules; delete those that are no longer needed",
                "最多 {max} 条故障规则；请删除不再需要的"
            ));
        }
        let mut views = Vec::with_capacity(rules.len());
        for (index, (mut definition, effect)) in rules.into_iter().enumerate() {
            if definition.probability.is_some() {
                // The seed is part of the listed rule, so that the run can be repeated.
                definition.seed = definition.seed.or(Some(random.wrapping_add(index as u64)));
            }
            set.last_id += 1;
            let rule = ActiveRule { id: set.last_id, from_file, definition, effect, matched: 0, fired: 0 };
            views.push(rule.view());
            set.rules.push(rule);
        }
        Ok(views)
    }

    /// Returns the first rule that matches a call and fires, and counts both.
    pub(crate) fn first_firing(&self, call: &CallMatch<'_>) -> Option<FiredRule> {
        let mut set = self.lock();
        let mut matching = set.rules.iter_mut().filter(|rule| rule.matches(call));
        matching.find_map(ActiveRule::fire)
    }

    /// Returns every rule with its counts.
    pub(crate) fn list(&self) -> Vec<FaultRuleView> {
        self.lock().rules.iter().map(ActiveRule::view).collect()
    }

    /// Removes a rule, and returns whether it existed.
    pub(crate) fn remove(&self, id: u32) -> bool {
        let mut set = self.lock();
        let before = set.rules.len();
        set.rules.retain(|rule| rule.id != id);
        set.rules.len() < before
    }

    /// Removes all rules, or those of one app, and returns how many there were.
    pub(crate) fn clear(&self, app: Option<SdkAppId>) -> usize {
        let mut set = self.lock();
        let before = set.rules.len();
        set.rules.retain(|rule| app.is_some_and(|app| rule.definition.app != Some(app.0)));
        before - set.rules.len()
    }

    /// Removes the rules of the control API, and sets the counts of the file's rules to 0.
    pub(crate) fn reset(&self) {
        let mut set = self.lock();
        set.rules.retain(|rule| rule.from_file);
        for rule in &mut set.rules {
            (rule.matched, rule.fired) = (0, 0);
        }
    }

    /// Returns a sentence for each rule that never fired.
    pub fn unused_rules(&self) -> Vec<String> {
        self.list()
            .into_iter()
            .filter_map(|rule| Some(format!("fault {}: {}", rule.id, rule.warning?)))
            .collect()
    }
}

impl ActiveRule {
    fn matches(&self, call: &CallMatch<'_>) -> bool {
        let definition = &self.definition;
        definition.command.as_deref().is_none_or(|command| names(command, call.command_path))
            && definition
                .host
                .as_deref()
                .is_none_or(|host| call.host.is_some_and(|called| is_host(host, called)))
            && definition.app.is_none_or(|app| app == call.app.0)
            && definition.user.as_ref().is_none_or(|user| call.users.contains(user))
    }

    fn fire(&mut self) -> Option<FiredRule> {
        self.matched += 1;
        let fires = match (self.definition.next, self.definition.probability) {
            (Some(next), _) => self.fired < next,
            (None, Some(p)) => random_fraction(self.definition.seed.unwrap_or_default(), self.matched) < p,
            (None, None) => true,
        };
        if !fires {
            return None;
        }
        self.fired += 1;
        let delay = Duration::from_millis(self.definition.delay_ms.unwrap_or_default());
        Some(FiredRule { rule: self.id, effect: self.effect, delay })
    }

    fn view(&self) -> FaultRuleView {
        let (matched, fired) = (self.matched, self.fired);
        let warning = match (matched, fired) {
            (0, _) => Some("no call has matched this rule".to_owned()),
            (_, 0) => Some(format!("it matched {}, but did not fire", counted(matched, "call"))),
            _ => None,
        };
        FaultRuleView {
            id: self.id,
            from: if self.from_file { "file" } else { "api" }.to_owned(),
            rule: serde_json::to_value(&self.definition).unwrap_or_default(),
            effect: self.effect.label(),
            matched,
            fired,
            left: self.definition.next.map(|next| next - fired),
            warning,
        }
    }
}

/// Returns a pseudo-random number from 0 to below 1, determined by a seed and a count (`SplitMix64`).
fn random_fraction(seed: u64, count: u64) -> f64 {
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
    use crate::command_name::Others;

    fn faults(rules: &[FaultRule]) -> Faults {
        let faults = Faults::default();
        let apps = [SdkAppId(1), SdkAppId(2)];
        let rules = rules.iter().map(|rule| (rule.clone(), rule.check(&apps, Others::Ok).unwrap())).collect();
        faults.add(rules, false, 42).unwrap();
        faults
    }

    fn call<'a>(command: &'a str, app: u32, users: &'a [String]) -> CallMatch<'a> {
        let command_path = portraitd_model::Command::named(command).unwrap().row().path;
        CallMatch { command_path, host: Some("Console.tim.qq.com"), app: SdkAppId(app), users }
    }

    #[test]
    fn the_first_rule_that_matches_and_fires_wins() {
        let rule = FaultRule { code: Some(40006), ..FaultRule::default() };
        let faults = faults(&[
            FaultRule { command: Some("portrait_set".into()), next: Some(2), ..rule.clone() },
            FaultRule { app: Some(2), ..rule.clone() },
            FaultRule { user: Some("bob".into()), next: Some(1), ..rule },
        ]);
        let (alice, both) = (["alice".to_owned()], ["alice".to_owned(), "bob".to_owned()]);
        let fired =
            |command, app, users| faults.first_firing(&call(command, app, users)).map(|fired| fired.rule);
        assert_eq!(fired("portrait_get", 1, &alice[..]), None);
        assert_eq!(fired("portrait_set", 1, &alice[..]), Some(1));
        assert_eq!(fired("portrait_set", 2, &alice[..]), Some(1));
        assert_eq!(fired("portrait_set", 2, &alice[..]), Some(2));
        assert_eq!(fired("portrait_get", 1, &both[..]), Some(3));
        assert_eq!(fired("portrait_get", 1, &both[..]), None);
        let counts: Vec<_> = faults.list().iter().map(|rule| (rule.matched, rule.fired, rule.left)).collect();
        assert_eq!(counts, [(3, 2, Some(0)), (1, 1, None), (2, 1, Some(0))]);
        assert!(faults.unused_rules().is_empty());
        assert_eq!(faults.clear(Some(SdkAppId(2))), 1);
        assert!(faults.remove(1) && !faults.remove(1));
    }

    #[test]
    fn hosts_are_compared_without_regard_to_case() {
        let rule =
            |host: &str| FaultRule { host: Some(host.into()), code: Some(40006), ..FaultRule::default() };
        let faults = faults(&[rule("adminapisgp.im.qcloud.com"), rule("console.TIM.qq.com.")]);
        let fired = faults.first_firing(&call("portrait_set", 1, &[])).map(|fired| fired.rule);
        assert_eq!(fired, Some(2));
        let without = CallMatch { host: None, ..call("portrait_set", 1, &[]) };
        assert_eq!(faults.first_firing(&without), None);
    }

    #[test]
    fn dice_follow_from_their_seed() {
        let numbers = |seed| (1..=1000).map(|count| random_fraction(seed, count)).collect::<Vec<_>>();
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
        let hits = numbers(7).iter().filter(|number| **number < 0.3).count();
        assert!((250..350).contains(&hits), "{hits}");
        assert!(numbers(7).iter().all(|number| (0.0..1.0).contains(number)));
    }

    #[test]
    fn rules_are_bounded_and_unused_ones_are_named() {
        let rule =
            FaultRule { probability: Some(f64::MIN_POSITIVE), code: Some(40006), ..FaultRule::default() };
        let faults = faults(&[rule.clone(), rule.clone()]);
        assert!(faults.list().iter().all(|rule| rule.rule["seed"].is_u64()));
        faults.first_firing(&call("portrait_set", 1, &[]));
        assert_eq!(faults.unused_rules().len(), 2);
        let many = vec![(rule, Effect::DelayOnly); Faults::MAX - 1];
        assert!(faults.add(many, false, 0).unwrap_err().english().contains("at most 1000"));
        assert_eq!(faults.list().len(), 2, "all or none");
        faults.reset();
        assert!(faults.list().is_empty());
    }
}
