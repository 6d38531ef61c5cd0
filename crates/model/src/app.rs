//! An app (SDKAppID) and its settings, as kept in the store.

use crate::field::{FieldSpec, Permission};
use crate::lexicon::{Lexicon, LexiconError};
use crate::value::{ValueRule, ValueType};
use crate::{AppKey, CustomKeyword, SdkAppId, Tag, UnixSeconds, UserId, Webhook};
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
}

/// A custom field's definition (contract, section 6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CustomField {
    /// Its name; never changes.
    pub keyword: CustomKeyword,
    /// Its type; never changes. [`ValueType::Uint32`] is for standard fields only.
    pub value_type: ValueType,
    /// Who may read it.
    pub read: Permission,
    /// Who may write it.
    pub write: Permission,
    /// Taken out of use: answers 40009, values stay, may be restored.
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
    /// Off: every call answers 60016.
    pub enabled: bool,
    /// The active keys, oldest first.
    pub keys: Vec<KeyRecord>,
    /// The number that the next key gets.
    pub next_key_id: u32,
    /// The App admins. [`AppSettings::ADMINISTRATOR`] is always among them.
    pub admins: Vec<UserId>,
    /// Calls a second by command; a command that is absent has its default; 0 = no limit. `total` counts all.
    pub limits: BTreeMap<String, u32>,
    /// Users may set their own profile with their own UserSig.
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
    pub words: Vec<String>,
    /// The fields that are screened for sensitive words.
    pub screened_tags: Vec<Tag>,
    /// The code that a sensitive word is answered with.
    pub sensitive_code: SensitiveCode,
    /// `portrait_get` names an unknown account by the id asked for, instead of `@TLS#NOT_FOUND`.
    pub echo_unknown: bool,
    /// `account_delete` answers 71000. An operator can still delete.
    pub deletion_forbidden: bool,
    /// For so many seconds after its deletion an account can't be imported over `/v4` (70399); `None` = it can at
    /// once. An operator can still import.
    pub reimport_after: Option<NonZeroU32>,
    /// Who is told of profile changes; `None` = nobody, and no event is kept.
    pub webhook: Option<Webhook>,
}

/// An app's settings with what the store knows beside them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AppRecord {
    /// The settings.
    pub settings: AppSettings,
    /// Counts the changes of the settings; a change names the revision it was made from.
    pub revision: u64,
    /// When an admin was kicked, of those who were. Authentication needs no store for admins.
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
    /// A field nobody may read or nobody may write.
    #[error("custom field {0}: at least one of app and admin must be able to read it, and one to write it")]
    NoPermission(CustomKeyword),
    /// The name is too long.
    #[error("the name is longer than 100 bytes")]
    NameTooLong,
    /// Too many entries in the allow list.
    #[error("allow_ips can hold at most 1000 entries")]
    TooManyAddresses,
    /// Too many screened fields.
    #[error("screened_tags can hold at most 100 entries")]
    TooManyScreened,
    /// The word list is refused.
    #[error(transparent)]
    Words(#[from] LexiconError),
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
            words: Vec::new(),
            screened_tags: Lexicon::SCREENED_BY_DEFAULT.to_vec(),
            sensitive_code: SensitiveCode::default(),
            echo_unknown: false,
            deletion_forbidden: false,
            reimport_after: None,
            webhook: None,
        }
    }

    /// The moment that `reimport_after` reaches back to: who was deleted later can't be imported yet. `None` when the
    /// app has no such term.
    pub fn refused_if_deleted_after(&self, now: UnixMillis) -> Option<UnixMillis> {
        let term = u64::from(self.reimport_after?.get()) * 1000;
        Some(UnixMillis(now.0.saturating_sub(term)))
    }

    /// Adds a key and gives its number.
    pub fn add_key(&mut self, key: AppKey) -> KeyId {
        let id = KeyId(self.next_key_id);
        self.next_key_id = self.next_key_id.saturating_add(1);
        self.keys.push(KeyRecord { id, key });
        id
    }

    /// Whether a user is an App admin.
    pub fn is_admin(&self, user: &str) -> bool {
        self.admins.iter().any(|admin| admin.as_str() == user)
    }

    /// Checks the settings as a whole; a store takes only those that pass. Whether the words can be matched is for
    /// [`Lexicon::new`] to say.
    pub fn validate(&self) -> Result<(), AppError> {
        let in_use = self.custom_fields.iter().filter(|field| !field.retired).count();
        let shut = self.custom_fields.iter().find(|field| {
            let nobody = |permission: Permission| !permission.user && !permission.admin;
            nobody(field.read) || nobody(field.write)
        });
        match () {
            () if self.admins.len() > Self::ADMINS_MAX => Err(AppError::TooManyAdmins),
            () if !self.is_admin(Self::ADMINISTRATOR) => Err(AppError::AdministratorMissing),
            () if self.keys.len() > Self::KEYS_MAX => Err(AppError::TooManyKeys),
            () if self.custom_fields_max > Self::CUSTOM_FIELDS_MAX => Err(AppError::FieldsMaxTooLarge),
            () if in_use > self.custom_fields_max => Err(AppError::TooManyFields(self.custom_fields_max)),
            () if !(1..=500).contains(&self.location_bytes_max) => Err(AppError::LocationLimit),
            () if self.name.len() > 100 => Err(AppError::NameTooLong),
            () if self.allow_ips.len() > 1000 => Err(AppError::TooManyAddresses),
            () if self.screened_tags.len() > 100 => Err(AppError::TooManyScreened),
            () => match shut {
                Some(field) => Err(AppError::NoPermission(field.keyword)),
                None => Ok(Lexicon::check(&self.words)?),
            },
        }
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
    fn the_term_of_a_deletion_reaches_back_from_now() {
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
        assert_eq!(settings.add_key(key()), KeyId(1));
        settings.keys.clear();
        assert_eq!(settings.add_key(key()), KeyId(2));
    }

    /// Changes settings so that there are so many of something.
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
                        app.add_key(AppKey::parse("k").unwrap());
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
                |app, many| app.screened_tags = vec![Lexicon::SCREENED_BY_DEFAULT[0]; many],
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
        let nowhere = AppSettings { location_bytes_max: 0, ..AppSettings::new(SdkAppId(1)) };
        assert_eq!(nowhere.validate(), Err(AppError::LocationLimit));
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
    fn somebody_can_read_a_field_and_somebody_write_it() {
        let [nobody, users, admins] =
            [(false, false), (true, false), (false, true)].map(|(user, admin)| Permission { user, admin });
        let fine = [(users, users), (users, admins), (admins, users), (Permission::EVERYONE, admins)];
        for (read, write) in fine {
            let app =
                AppSettings { custom_fields: vec![field(1, read, write)], ..AppSettings::new(SdkAppId(1)) };
            assert_eq!(app.validate(), Ok(()), "{read:?} {write:?}");
        }
        for (read, write) in [(nobody, admins), (users, nobody), (nobody, nobody)] {
            let shut = field(1, read, write);
            let app = AppSettings { custom_fields: vec![shut.clone()], ..AppSettings::new(SdkAppId(1)) };
            assert_eq!(app.validate(), Err(AppError::NoPermission(shut.keyword)), "{read:?} {write:?}");
        }
    }
}
