//! An app (SDKAppID) and its settings, as kept in the store.

use crate::field::{FieldSpec, Permission};
use crate::terminal::steers_terminal;
use crate::value::{ValueRule, ValueType};
use crate::word_filter::{WordFilter, WordFilterError, Words};
use crate::{AppKey, CustomKeyword, Language, SdkAppId, Tag, UnixSeconds, UserId, Webhook};
use crate::{SensitiveCode, UnixMillis};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::num::NonZeroU32;

/// The number by which an operator names one of an app's keys; never given twice within an app.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyId(pub u32);

/// One of an app's secret keys. Several may be active at once, so that keys can be changed without a gap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRecord {
    /// Its number.
    pub id: KeyId,
    /// The secret.
    pub key: AppKey,
    /// When it was added; `None` for a key that an earlier portraitd stored.
    pub created: Option<UnixMillis>,
}

/// A custom field's definition (contract, section 6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CustomField {
    /// Its name; never changes.
    pub keyword: CustomKeyword,
    /// Its type; never changes. [`ValueType::Uint32`] is for standard fields only.
    pub value_type: ValueType,
    /// The roles that may read it.
    pub read: Permission,
    /// The roles that may write it.
    pub write: Permission,
    /// Out of use: answers 40009; its values stay, and it can be restored.
    pub retired: bool,
}

impl CustomField {
    /// The longest string or bytes, in bytes of UTF-8.
    pub const BYTES_MAX: usize = 500;

    /// The field as the schema wants it.
    pub(crate) fn spec(&self) -> FieldSpec {
        let rule = match self.value_type {
            ValueType::String | ValueType::Bytes => ValueRule::BytesMax(Self::BYTES_MAX),
            ValueType::Uint32 | ValueType::Uint64 => ValueRule::Any,
        };
        FieldSpec {
            tag: Tag::Custom(self.keyword),
            value_type: self.value_type,
            rule,
            read: self.read,
            write: self.write,
        }
    }
}

/// Everything an operator can set for an app.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct AppSettings {
    /// The app's number; never changes.
    pub id: SdkAppId,
    /// A name for people; may be empty.
    pub name: String,
    /// When off, every call answers 60016.
    pub enabled: bool,
    /// The active keys, oldest first.
    pub keys: Vec<KeyRecord>,
    /// The number that the next key gets.
    pub next_key_id: u32,
    /// The App admins. [`AppSettings::ADMINISTRATOR`] is always among them.
    pub admins: Vec<UserId>,
    /// Calls a second by command; a command that is absent has its default; 0 = no limit. `total` counts all.
    pub limits: BTreeMap<String, u32>,
    /// Whether users may set their own profile with their own UserSig.
    pub self_service: bool,
    /// Put the sentence that explains an error into `ErrorDisplay`; `None` = as the server is configured.
    pub error_detail: Option<bool>,
    /// Addresses that may call; empty = all.
    pub allow_ips: Vec<IpNet>,
    /// The limit of `Tag_Profile_IM_Location`, in bytes of UTF-8.
    pub location_bytes_max: usize,
    /// How many custom fields may be in use.
    pub custom_fields_max: usize,
    /// The custom fields, also the retired ones.
    pub custom_fields: Vec<CustomField>,
    /// The sensitive words, as given.
    pub words: Words,
    /// The fields that are screened for sensitive words.
    pub screened_tags: Vec<Tag>,
    /// The code that a sensitive word is answered with.
    pub sensitive_code: SensitiveCode,
    /// `portrait_get` names an unknown account by the id asked for, instead of `@TLS#NOT_FOUND`.
    pub echo_unknown: bool,
    /// `account_delete` answers 71000. An operator can still delete.
    pub deletion_forbidden: bool,
    /// How many seconds after its deletion an account can't be imported over `/v4` (70399); `None` = no delay.
    /// An operator can still import.
    pub reimport_after: Option<NonZeroU32>,
    /// The receiver of profile changes; `None` = none, and no event is stored.
    pub webhook: Option<Webhook>,
}

/// An app's settings with their revision and the kicks of its admins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppRecord {
    /// The settings.
    pub settings: AppSettings,
    /// Grows by one with each change of the settings; a change names the revision that it was made from.
    pub revision: u64,
    /// The second of the last kick of each admin that was kicked: authentication needs no store for admins.
    pub kicked_admins: BTreeMap<UserId, UnixSeconds>,
}

/// Why settings are refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AppError {
    /// Too many admins.
    #[error("an app can have at most {} admins", AppSettings::ADMINS_MAX)]
    TooManyAdmins,
    /// The fixed admin is missing.
    #[error("`administrator` is always an admin and can't be removed")]
    AdministratorMissing,
    /// Too many keys.
    #[error("an app can have at most {} active keys; revoke one first", AppSettings::KEYS_MAX)]
    TooManyKeys,
    /// Too many custom fields.
    #[error("an app can have at most {0} custom fields in use; retire one, or raise custom_fields_max")]
    TooManyFields(usize),
    /// `custom_fields_max` out of range.
    #[error("custom_fields_max can be at most {}", AppSettings::CUSTOM_FIELDS_MAX)]
    FieldsMaxTooLarge,
    /// `location_bytes_max` out of range.
    #[error("location_bytes_max must be from 1 to 500")]
    LocationLimit,
    /// A custom field that neither users nor admins may read, or write.
    #[error("custom field {0}: users or admins must be able to read it, and users or admins to write it")]
    NoPermission(CustomKeyword),
    /// The name is too long.
    #[error("the app's name can be at most 100 bytes of UTF-8 long")]
    NameTooLong,
    /// The name has a character that could steer a terminal.
    #[error(
        "the app's name can't have control characters, line separators, marks of direction or characters without width"
    )]
    NameUnprintable,
    /// Too many custom fields, those in use and the retired ones.
    #[error(
        "an app can have at most {} custom fields, retired ones included; restore one of them",
        AppSettings::KEPT_FIELDS_MAX
    )]
    TooManyKeptFields,
    /// Too many entries in the allow list.
    #[error("allow_ips can hold at most 1000 networks")]
    TooManyAddresses,
    /// Too many screened fields.
    #[error("screened_tags can hold at most 100 tags")]
    TooManyScreened,
    /// The word list is refused.
    #[error(transparent)]
    Words(#[from] WordFilterError),
}

impl AppError {
    /// Returns its sentence.
    pub fn explain(&self, language: Language) -> String {
        let (admins, keys, fields) =
            (AppSettings::ADMINS_MAX, AppSettings::KEYS_MAX, AppSettings::CUSTOM_FIELDS_MAX);
        match (language, self) {
            (Language::English, error) => error.to_string(),
            (_, Self::TooManyAdmins) => format!("每个应用最多 {admins} 个 App 管理员"),
            (_, Self::AdministratorMissing) => "`administrator` 始终是 App 管理员，不能移除".to_owned(),
            (_, Self::TooManyKeys) => format!("每个应用最多 {keys} 个生效的密钥；请先吊销一个"),
            (_, Self::TooManyFields(most)) => {
                format!("每个应用最多启用 {most} 个自定义字段；请停用一个，或调大 custom_fields_max")
            }
            (_, Self::FieldsMaxTooLarge) => format!("custom_fields_max 最大为 {fields}"),
            (_, Self::LocationLimit) => "location_bytes_max 的取值范围为 1 到 500".to_owned(),
            (_, Self::NoPermission(keyword)) => {
                format!("自定义字段 {keyword}：App 用户与 App 管理员中至少一方可读，且至少一方可写")
            }
            (_, Self::NameTooLong) => "name：应用名称最长 100 字节（UTF-8）".to_owned(),
            (_, Self::NameUnprintable) => {
                "name：应用名称不能包含控制字符、行分隔符、方向标记或零宽字符".to_owned()
            }
            (_, Self::TooManyKeptFields) => format!(
                "每个应用最多 {} 个自定义字段（含已停用的）；请恢复使用其中之一",
                AppSettings::KEPT_FIELDS_MAX
            ),
            (_, Self::TooManyAddresses) => "allow_ips 最多包含 1000 个网段".to_owned(),
            (_, Self::TooManyScreened) => "screened_tags 最多包含 100 个字段".to_owned(),
            (_, Self::Words(error)) => error.explain(language),
        }
    }
}

impl AppSettings {
    /// The admin that every app has.
    pub const ADMINISTRATOR: &str = "administrator";
    /// The most admins of an app.
    pub const ADMINS_MAX: usize = 10;
    /// The most active keys of an app.
    pub const KEYS_MAX: usize = 10;
    /// The most custom fields that `custom_fields_max` can allow.
    pub const CUSTOM_FIELDS_MAX: usize = 200;
    /// The most custom fields, those in use and the retired ones, whose values stay.
    pub const KEPT_FIELDS_MAX: usize = 1000;

    /// An enabled app without keys, with the cloud's defaults.
    pub fn new(id: SdkAppId) -> Self {
        Self {
            id,
            name: String::new(),
            enabled: true,
            keys: Vec::new(),
            next_key_id: 1,
            admins: UserId::parse(Self::ADMINISTRATOR).into_iter().collect(),
            limits: BTreeMap::new(),
            self_service: false,
            error_detail: None,
            allow_ips: Vec::new(),
            location_bytes_max: 500,
            custom_fields_max: 20,
            custom_fields: Vec::new(),
            words: Words::default(),
            screened_tags: WordFilter::SCREENED_BY_DEFAULT.to_vec(),
            sensitive_code: SensitiveCode::default(),
            echo_unknown: false,
            deletion_forbidden: false,
            reimport_after: None,
            webhook: None,
        }
    }

    /// The moment that `reimport_after` reaches back to: an account deleted later can't be imported yet. `None` when
    /// the app has no such delay.
    pub fn refused_if_deleted_after(&self, now: UnixMillis) -> Option<UnixMillis> {
        let delay_ms = u64::from(self.reimport_after?.get()) * 1000;
        Some(UnixMillis(now.0.saturating_sub(delay_ms)))
    }

    /// Adds a key, at the time `created` if that is known, and gives its number.
    pub fn add_key(&mut self, key: AppKey, created: Option<UnixMillis>) -> KeyId {
        let id = KeyId(self.next_key_id);
        self.next_key_id = self.next_key_id.saturating_add(1);
        self.keys.push(KeyRecord { id, key, created });
        id
    }

    /// Whether a user is an App admin.
    pub fn is_admin(&self, user: &str) -> bool {
        self.admins.iter().any(|admin| admin.as_str() == user)
    }

    /// Renames the app. A stored name may be older than this rule, and must not keep the other settings from changing.
    pub fn rename(&mut self, name: &str) -> Result<(), AppError> {
        if name.contains(steers_terminal) {
            return Err(AppError::NameUnprintable);
        }
        name.clone_into(&mut self.name);
        Ok(())
    }

    /// Adds a custom field that the app does not have.
    pub fn add_field(&mut self, field: CustomField) -> Result<(), AppError> {
        if self.custom_fields.len() >= Self::KEPT_FIELDS_MAX {
            return Err(AppError::TooManyKeptFields);
        }
        self.custom_fields.push(field);
        Ok(())
    }

    /// Checks the settings as a whole; a store accepts only those that pass.
    pub fn validate(&self) -> Result<(), AppError> {
        let in_use = self.custom_fields.iter().filter(|field| !field.retired).count();
        let limits = [
            (self.admins.len() <= Self::ADMINS_MAX, AppError::TooManyAdmins),
            (self.is_admin(Self::ADMINISTRATOR), AppError::AdministratorMissing),
            (self.keys.len() <= Self::KEYS_MAX, AppError::TooManyKeys),
            (self.custom_fields_max <= Self::CUSTOM_FIELDS_MAX, AppError::FieldsMaxTooLarge),
            (in_use <= self.custom_fields_max, AppError::TooManyFields(self.custom_fields_max)),
            ((1..=500).contains(&self.location_bytes_max), AppError::LocationLimit),
            (self.name.len() <= 100, AppError::NameTooLong),
            (self.allow_ips.len() <= 1000, AppError::TooManyAddresses),
            (self.screened_tags.len() <= 100, AppError::TooManyScreened),
        ];
        if let Some((_, error)) = limits.into_iter().find(|(holds, _)| !holds) {
            return Err(error);
        }
        let without_access = |permission: Permission| !permission.user && !permission.admin;
        let unusable = |field: &&CustomField| without_access(field.read) || without_access(field.write);
        if let Some(field) = self.custom_fields.iter().find(unusable) {
            return Err(AppError::NoPermission(field.keyword));
        }
        Ok(self.words.check_limits()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn administrator_can_not_be_removed() {
        let mut settings = AppSettings::new(SdkAppId(1));
        assert_eq!(settings.validate(), Ok(()));
        settings.admins.clear();
        assert_eq!(settings.validate(), Err(AppError::AdministratorMissing));
    }

    #[test]
    fn the_delay_after_a_deletion_reaches_back_from_now() {
        let mut settings = AppSettings::new(SdkAppId(1));
        assert_eq!(settings.refused_if_deleted_after(UnixMillis(9_000)), None);
        settings.reimport_after = NonZeroU32::new(7);
        for (now, since) in [(9_000, 2_000), (7_000, 0), (1, 0), (u64::MAX, u64::MAX - 7_000)] {
            assert_eq!(settings.refused_if_deleted_after(UnixMillis(now)), Some(UnixMillis(since)), "{now}");
        }
        settings.reimport_after = NonZeroU32::new(u32::MAX);
        assert_eq!(settings.refused_if_deleted_after(UnixMillis(5)), Some(UnixMillis(0)));
    }

    #[test]
    fn key_numbers_are_never_given_twice() {
        let mut settings = AppSettings::new(SdkAppId(1));
        let key = || AppKey::parse("k").unwrap();
        assert_eq!(settings.add_key(key(), None), KeyId(1));
        settings.keys.clear();
        assert_eq!(settings.add_key(key(), None), KeyId(2));
    }

    /// Changes settings so that they hold a number of something.
    type Fill = fn(&mut AppSettings, usize);

    fn field(number: usize, read: Permission, write: Permission) -> CustomField {
        let letter = char::from(b'A' + u8::try_from(number).unwrap());
        let keyword = CustomKeyword::parse(&letter.to_string()).unwrap();
        CustomField { keyword, value_type: ValueType::String, read, write, retired: false }
    }

    #[test]
    fn limits_are_exact() {
        let limits: [(usize, Fill, AppError); 8] = [
            (
                AppSettings::ADMINS_MAX,
                |app, many| {
                    app.admins
                        .extend((1..many).map(|number| UserId::parse(&format!("ops{number}")).unwrap()));
                },
                AppError::TooManyAdmins,
            ),
            (
                AppSettings::KEYS_MAX,
                |app, many| {
                    (0..many).for_each(|_| {
                        app.add_key(AppKey::parse("k").unwrap(), None);
                    });
                },
                AppError::TooManyKeys,
            ),
            (
                AppSettings::CUSTOM_FIELDS_MAX,
                |app, many| app.custom_fields_max = many,
                AppError::FieldsMaxTooLarge,
            ),
            (
                20,
                |app, many| {
                    app.custom_fields = (0..many)
                        .map(|number| field(number, Permission::EVERYONE, Permission::EVERYONE))
                        .collect();
                },
                AppError::TooManyFields(20),
            ),
            (500, |app, many| app.location_bytes_max = many, AppError::LocationLimit),
            (100, |app, many| app.name = "n".repeat(many), AppError::NameTooLong),
            (
                1000,
                |app, many| app.allow_ips = vec!["10.0.0.0/8".parse().unwrap(); many],
                AppError::TooManyAddresses,
            ),
            (
                100,
                |app, many| app.screened_tags = vec![WordFilter::SCREENED_BY_DEFAULT[0]; many],
                AppError::TooManyScreened,
            ),
        ];
        for (most, fill, error) in limits {
            for (many, expected) in
                [(most, Ok(())), (most + 1, Err(error.clone())), (most + 2, Err(error.clone()))]
            {
                let mut app = AppSettings::new(SdkAppId(1));
                fill(&mut app, many);
                assert_eq!(app.validate(), expected, "{many}");
            }
        }
        let without_location = AppSettings { location_bytes_max: 0, ..AppSettings::new(SdkAppId(1)) };
        assert_eq!(without_location.validate(), Err(AppError::LocationLimit));
    }

    #[test]
    fn names_are_printable() {
        let mut app = AppSettings::new(SdkAppId(1));
        for name in ["", "Live demo", "直播 Ünï 👩‍👧"] {
            assert_eq!(app.rename(name), Ok(()));
            assert_eq!(app.name, name);
        }
        for name in ["\u{1b}[2J", "a\nb", "a\u{9b}", "user\u{202e}gpj", "a\u{2028}b", "a\u{200b}"] {
            assert_eq!(app.rename(name), Err(AppError::NameUnprintable), "{name:?}");
        }
        assert_eq!(app.name, "直播 Ünï 👩‍👧");
    }

    #[test]
    fn retired_fields_are_bounded() {
        let mut app = AppSettings::new(SdkAppId(1));
        let retired =
            || CustomField { retired: true, ..field(0, Permission::EVERYONE, Permission::EVERYONE) };
        for _ in 0..AppSettings::KEPT_FIELDS_MAX {
            assert_eq!(app.add_field(retired()), Ok(()));
        }
        assert_eq!(app.add_field(retired()), Err(AppError::TooManyKeptFields));
        assert_eq!(app.validate(), Ok(()));
    }

    #[test]
    fn a_retired_field_takes_no_place() {
        let mut app = AppSettings::new(SdkAppId(1));
        app.custom_fields =
            (0..21).map(|number| field(number, Permission::EVERYONE, Permission::EVERYONE)).collect();
        app.custom_fields.first_mut().unwrap().retired = true;
        assert_eq!(app.validate(), Ok(()));
    }

    #[test]
    fn a_field_has_a_reader_and_a_writer() {
        let [none, users, admins] =
            [(false, false), (true, false), (false, true)].map(|(user, admin)| Permission { user, admin });
        let fine = [(users, users), (users, admins), (admins, users), (Permission::EVERYONE, admins)];
        for (read, write) in fine {
            let app =
                AppSettings { custom_fields: vec![field(1, read, write)], ..AppSettings::new(SdkAppId(1)) };
            assert_eq!(app.validate(), Ok(()), "{read:?} {write:?}");
        }
        for (read, write) in [(none, admins), (users, none), (none, none)] {
            let unusable = field(1, read, write);
            let app = AppSettings { custom_fields: vec![unusable.clone()], ..AppSettings::new(SdkAppId(1)) };
            assert_eq!(app.validate(), Err(AppError::NoPermission(unusable.keyword)), "{read:?} {write:?}");
        }
    }
}
