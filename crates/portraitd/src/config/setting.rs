//! How a setting is declared: once, as a field of its section. Its default, its limits, its English and Chinese
//! sentences, its line of the example file, its environment variable and its row in OPERATIONS come from there.
//!
//! The name of a setting ends in its unit: `_ms` for milliseconds, `_mib` for MiB, `_bytes_max` for bytes.

use crate::cli::language::chosen::localized;
use serde::de::DeserializeOwned;
use toml::Value;

/// Checks what a type can't. The error says what the value must be.
type Check = fn(&Value) -> Result<(), String>;

/// What is declared of a setting besides its type and its default.
#[derive(Debug)]
pub(crate) struct Setting {
    /// With its section: `server.listen`.
    pub(crate) name: &'static str,
    /// Whole sentences, in the lines of the doc comment.
    pub(crate) english: &'static [&'static str],
    pub(crate) chinese: &'static str,
    /// The least and the largest number.
    pub(crate) range: Option<(u64, u64)>,
    pub(crate) check: Option<Check>,
    /// A value as TOML, where the default shows none.
    pub(crate) example: Option<&'static str>,
}

impl Setting {
    /// The name in its section: `listen`.
    pub(crate) fn key(&self) -> &'static str {
        self.name.rsplit_once('.').map_or(self.name, |(_, key)| key)
    }

    /// Its environment variable: `PORTRAITD_SERVER_LISTEN`.
    pub(crate) fn variable(&self) -> String {
        format!("PORTRAITD_{}", self.name.replace('.', "_").to_uppercase())
    }

    /// The value of the example: what a good value looks like.
    pub(super) fn example_value(&self) -> Option<Value> {
        let mut table: toml::Table = format!("example = {}", self.example?).parse().ok()?;
        table.remove("example")
    }
}

/// A table of the configuration file. [`section!`] implements it.
pub(crate) trait Section {
    /// The name in brackets: `server`, `backup.s3`.
    fn name(&self) -> &'static str;

    /// Every setting, in the order of the example file.
    fn settings(&self) -> &'static [Setting];

    /// Changes the setting with this key. The error says what the value must be.
    fn set(&mut self, key: &str, value: Value) -> Result<(), String>;

    /// The value of the setting with this key; `None` if it is not set.
    fn get(&self, key: &str) -> Option<Value>;
}

/// Reads a value of a setting's type.
pub(super) fn read<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    value.try_into().map_err(|error: toml::de::Error| error.message().to_owned())
}

/// Checks the path of a file or directory. The text of a key in its place is refused too.
pub(super) fn is_path(value: &Value) -> Result<(), String> {
    match value.as_str() {
        Some("") => Err(localized!("must be a path; it is empty", "应为路径，不能为空")),
        Some(text) if text.contains('\n') => Err(localized!(
            "must be the path of a file, not what the file holds",
            "应为文件的路径，而不是文件的内容"
        )),
        _ => Ok(()),
    }
}

/// Declares a section. One setting is
///
/// ```text
/// /// English sentences, up to the line length of this file.
/// #[zh = "中文。"]
/// name: Type = default, in 1..=10, check function, example "as TOML";
/// ```
///
/// where `in`, `check` and `example` are left out when there is nothing to say. A number needs `in`; a setting whose
/// default is `None` or an empty list needs `example`.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        [$($section:ident).+] $Section:ident { $($settings:tt)+ }
    ) => {
        $crate::config::setting::section! {
            @ ($($section).+)
            $(#[doc = $about])+
            $Section { $($settings)+ }
        }
    };
    (
        @ $section:tt
        $(#[doc = $about:literal])+
        $Section:ident {
            $(
                $(#[doc = $english:literal])+
                #[zh = $chinese:literal]
                $key:ident: $Type:ty = $default:expr
                    $(, in $least:literal..=$largest:expr)?
                    $(, check $check:path)?
                    $(, example $example:literal)?;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) struct $Section {
            $($(#[doc = $english])+ pub(crate) $key: $Type,)+
        }

        impl Default for $Section {
            fn default() -> Self {
                Self { $($key: $default,)+ }
            }
        }

        impl $crate::config::setting::Section for $Section {
            fn name(&self) -> &'static str {
                $crate::config::setting::section_name!($section)
            }

            fn settings(&self) -> &'static [$crate::config::setting::Setting] {
                &[$($crate::config::setting::Setting {
                    name: concat!($crate::config::setting::section_name!($section), ".", stringify!($key)),
                    english: &[$($english),+],
                    chinese: $chinese,
                    range: $crate::config::setting::optional!($(($least, $largest))?),
                    check: $crate::config::setting::optional!($($check)?),
                    example: $crate::config::setting::optional!($($example)?),
                }),+]
            }

            fn set(&mut self, key: &str, value: toml::Value) -> Result<(), String> {
                match key {
                    $(stringify!($key) => self.$key = $crate::config::setting::read(value)?,)+
                    _ => return Err("is not a setting".to_owned()),
                }
                Ok(())
            }

            fn get(&self, key: &str) -> Option<toml::Value> {
                match key {
                    $(stringify!($key) => toml::Value::try_from(&self.$key).ok(),)+
                    _ => None,
                }
            }
        }
    };
}

/// The name of a section: `server`, `backup.s3`.
macro_rules! section_name {
    (($section:ident)) => {
        stringify!($section)
    };
    (($section:ident . $below:ident)) => {
        concat!(stringify!($section), ".", stringify!($below))
    };
}

/// `None`, or the value.
macro_rules! optional {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}

pub(super) use {optional, section, section_name};
