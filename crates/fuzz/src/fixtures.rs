//! The app that the targets work on.

use portraitd_model::{AppKey, AppSettings, CustomField, CustomKeyword, Permission, SdkAppId, ValueType};

/// The id of the app.
pub(crate) const APP: SdkAppId = SdkAppId(1_400_000_000);

/// Unwraps a fixture that is known to be valid.
#[expect(clippy::expect_used, reason = "fixed texts that are known to be valid")]
pub(crate) fn valid<T>(fixture: Option<T>) -> T {
    fixture.expect("a fixture of the fuzz targets is not valid")
}

/// The settings of the app: a key, a custom field of every type, three sensitive words.
pub(crate) fn settings() -> AppSettings {
    let mut settings = AppSettings::new(APP);
    settings.add_key(valid(AppKey::parse("key")), None);
    let types = [("Str", ValueType::String), ("Byt", ValueType::Bytes), ("Num", ValueType::Uint64)];
    settings.custom_fields.extend(types.map(|(name, value_type)| CustomField {
        keyword: valid(CustomKeyword::parse(name)),
        value_type,
        read: Permission::EVERYONE,
        write: Permission::EVERYONE,
        retired: false,
    }));
    settings.words = ["bad", "敏感", "ﬁne"].iter().collect();
    settings
}
