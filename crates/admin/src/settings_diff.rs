//! The difference between two versions of an app's settings, for the audit log. Secrets are left out: a key is shown as
//! its number, a webhook's token as `set` or `none`, the sensitive words as their count.

use crate::audit_log::AuditChange;
use crate::types::AppView;
use portraitd_model::{AppSettings, Webhook, Words};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// A longer list is shown as its length.
const LIST_MAX: usize = 100;

/// Returns the members that differ. A new app is compared with the defaults.
pub(super) fn diff(before: Option<&AppSettings>, after: &AppSettings) -> AuditChange {
    let defaults = AppSettings::new(after.id);
    let (old, mut new) = (without_secrets(before.unwrap_or(&defaults)), without_secrets(after));
    let token = |webhook: &Webhook| webhook.token.as_ref().map(|token| token.expose().to_owned());
    let tokens = |settings: &AppSettings| settings.webhook.as_ref().and_then(token);
    if let Some(previous) = before.and_then(tokens)
        && tokens(after).is_some_and(|token| token != previous)
        && let Some(Value::Object(webhook)) = new.get_mut("webhook")
    {
        webhook.insert("token".into(), "another".into());
    }
    let (mut old, mut new) = differences(old, new);
    let words = before.map_or_else(Words::default, |before| before.words.clone());
    if words != after.words {
        let (old_words, new_words): (HashSet<&str>, HashSet<&str>) =
            (words.iter().collect(), after.words.iter().collect());
        let added = new_words.difference(&old_words).count();
        let removed = old_words.difference(&new_words).count();
        old.insert("words".into(), json!({ "count": words.len() }));
        new.insert("words".into(), json!({ "count": after.words.len(), "added": added, "removed": removed }));
    }
    let before = if before.is_some() { Value::Object(old) } else { Value::Null };
    AuditChange { before, after: Value::Object(new) }
}

/// Returns the members of an app that is removed, where they are not the defaults.
pub(super) fn removed(settings: &AppSettings) -> AuditChange {
    let AuditChange { after, .. } = diff(None, settings);
    AuditChange { before: after, after: Value::Null }
}

/// Returns the settings without secrets, as JSON members that can be compared one by one.
fn without_secrets(settings: &AppSettings) -> Map<String, Value> {
    let view = AppView::from(settings);
    let fields = view.fields.iter().map(|field| (field.keyword.clone(), json!(field)));
    let fields: Map<String, Value> = fields.collect();
    let keys: Vec<u32> = settings.keys.iter().map(|record| record.id.0).collect();
    let webhook = settings.webhook.as_ref().map(|webhook| {
        // The URL's query may hold a secret of the receiver; its `Debug` form leaves the query out.
        let token = if webhook.token.is_some() { "set" } else { "none" };
        json!({ "url": format!("{:?}", webhook.url), "token": token })
    });
    let list =
        |list: &[String]| if list.len() > LIST_MAX { json!({ "count": list.len() }) } else { json!(list) };
    let members = [
        ("name", json!(view.name)),
        ("enabled", json!(view.enabled)),
        ("self_service", json!(view.self_service)),
        ("error_detail", json!(view.error_detail)),
        ("allow_ips", list(&view.allow_ips)),
        ("location_bytes_max", json!(view.location_bytes_max)),
        ("custom_fields_max", json!(view.custom_fields_max)),
        ("limits", json!(view.limits)),
        ("keys", json!(keys)),
        ("admins", json!(view.admins)),
        ("fields", Value::Object(fields)),
        ("screened_tags", json!(view.screened_tags)),
        ("sensitive_code", json!(view.sensitive_code)),
        ("echo_unknown", json!(view.echo_unknown)),
        ("deletion_forbidden", json!(view.deletion_forbidden)),
        ("reimport_after", json!(view.reimport_after)),
        ("webhook", json!(webhook)),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Returns two objects without the members that are equal in both, at every depth.
fn differences(
    mut old: Map<String, Value>,
    mut new: Map<String, Value>,
) -> (Map<String, Value>, Map<String, Value>) {
    let equal: Vec<String> = old
        .iter()
        .filter(|(name, value)| new.get(*name) == Some(value))
        .map(|(name, _)| name.clone())
        .collect();
    for name in equal {
        old.remove(&name);
        new.remove(&name);
    }
    for (name, value) in &mut old {
        if let (Value::Object(was), Some(Value::Object(is))) = (value, new.get_mut(name)) {
            let (before, after) = differences(std::mem::take(was), std::mem::take(is));
            (*was, *is) = (before, after);
        }
    }
    (old, new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_model::{AppKey, SdkAppId, WebhookToken, WebhookUrl};
    use std::collections::BTreeMap;

    fn check(change: impl Fn(&mut AppSettings), before: &Value, after: &Value) {
        let mut old = AppSettings::new(SdkAppId(1));
        old.add_key(AppKey::parse("secret-one").unwrap(), None);
        old.words = ["a", "b"].iter().collect();
        old.webhook = Some(Webhook {
            url: WebhookUrl::parse("https://example.com/hook?secret-two=1").unwrap(),
            token: WebhookToken::parse("secret-three"),
        });
        let mut new = old.clone();
        change(&mut new);
        let changed = diff(Some(&old), &new);
        assert_eq!((&changed.before, &changed.after), (before, after));
        let created = diff(None, &new);
        assert!(!format!("{changed:?}{created:?}").contains("secret"), "{created:?}");
    }

    #[test]
    fn changes_are_shown_without_secrets() {
        check(|_| {}, &json!({}), &json!({}));
        check(|app| app.enabled = false, &json!({"enabled": true}), &json!({"enabled": false}));
        check(
            |app| (app.reimport_after, app.deletion_forbidden) = (std::num::NonZeroU32::new(7), true),
            &json!({"reimport_after": 0, "deletion_forbidden": false}),
            &json!({"reimport_after": 7, "deletion_forbidden": true}),
        );
        check(
            |app| (app.sensitive_code, app.echo_unknown) = (portraitd_model::SensitiveCode::Content, true),
            &json!({"sensitive_code": 40005, "echo_unknown": false}),
            &json!({"sensitive_code": 80001, "echo_unknown": true}),
        );
        check(
            |app| app.limits = BTreeMap::from([("kick".into(), 7)]),
            &json!({"limits": {"kick": 200}}),
            &json!({"limits": {"kick": 7}}),
        );
        check(
            |app| {
                app.add_key(AppKey::parse("secret-four").unwrap(), None);
            },
            &json!({"keys": [1]}),
            &json!({"keys": [1, 2]}),
        );
        let words = json!({"words": {"count": 2, "added": 1, "removed": 1}});
        check(|app| app.words = ["b", "c"].iter().collect(), &json!({"words": {"count": 2}}), &words);
        let webhook = |app: &mut AppSettings, token: Option<&str>| {
            app.webhook.as_mut().unwrap().token = token.and_then(WebhookToken::parse);
        };
        let token = |token: &str| json!({"webhook": {"token": token}});
        check(|app| webhook(app, None), &token("set"), &token("none"));
        check(|app| webhook(app, Some("secret-five")), &token("set"), &token("another"));
        check(
            |app| app.allow_ips = vec!["10.0.0.0/8".parse().unwrap(); 101],
            &json!({"allow_ips": []}),
            &json!({"allow_ips": {"count": 101}}),
        );
    }
}
