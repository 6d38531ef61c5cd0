//! Constructors of ids, patches and settings for tests.

use portraitd_model::{
    AccountSeed, AppKey, AppSettings, FieldSchema, NewUserId, NumberText, Profile, ProfilePatch, Role,
    SdkAppId, UncheckedItem, UncheckedValue, UserId, WordFilter,
};
use portraitd_store::Found;

/// The app that most tests use.
pub const APP: SdkAppId = SdkAppId(1_400_000_000);
/// Another app in the same store.
pub const OTHER: SdkAppId = SdkAppId(1_400_000_001);

/// A text field.
pub const NICK: &str = "Tag_Profile_IM_Nick";
/// A number field.
pub const LEVEL: &str = "Tag_Profile_IM_Level";

/// Runs a future on a runtime with timers and blocking threads.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// An id.
pub fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

/// A checked patch of numbers and texts, by the type of each field.
pub fn patch(fields: &[(&str, &str)]) -> ProfilePatch {
    let value = |tag: &str, text: &'static str| match tag {
        "Tag_Profile_IM_Level" | "Tag_Profile_IM_Role" => UncheckedValue::Number(NumberText(text)),
        _ => UncheckedValue::Text(text.into()),
    };
    let fields: Vec<(String, &'static str)> =
        fields.iter().map(|(tag, text)| ((*tag).to_owned(), &*text.to_string().leak())).collect();
    let items: Vec<UncheckedItem<'_>> =
        fields.iter().map(|(tag, text)| UncheckedItem { tag, value: value(tag, text) }).collect();
    FieldSchema::of(&AppSettings::new(APP)).check(&WordFilter::default(), Role::Admin, &items).unwrap()
}

/// An account to import.
pub fn seed(name: &str, fields: &[(&str, &str)]) -> AccountSeed {
    AccountSeed { user: NewUserId::parse(name).unwrap(), patch: patch(fields) }
}

/// A profile as a read gives it.
pub fn found(fields: &[(&str, &str)]) -> Found {
    let mut profile = Profile::default();
    profile.merge(&patch(fields));
    Found::Profile(profile)
}

/// An app's settings with a name and a key.
pub fn settings(app: SdkAppId, name: &str) -> AppSettings {
    let mut settings = AppSettings::new(app);
    name.clone_into(&mut settings.name);
    settings.admins.push(user("second"));
    settings.add_key(AppKey::parse("0123456789abcdef").unwrap(), None);
    settings
}
