//! Where settings come from: defaults, then the file, then `PORTRAITD_…` variables, then flags. The later one wins.
//! Every error is found, not just the first.

use super::check::conflicts;
use super::flags::Flags;
use super::setting::{Section, Setting};
use super::value::one_line;
use super::{Config, suggest};
use crate::cli::language::chosen::{language, localized};
use anyhow::Context;
use portraitd_http::address::Addresses;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use toml::Value;
use toml::de::{DeTable, DeValue, ValueDeserializer};

const PREFIX: &str = "PORTRAITD_";
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "source", rename_all = "lowercase")]
pub(crate) enum Source {
    Default,
    File { file: String, line: usize },
    Environment { variable: String },
    Flag { flag: &'static str },
}

/// A configuration that is valid, and where its values come from.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    /// Variables that are ignored, for the log.
    pub(crate) warnings: Vec<String>,
    /// The source of each setting that is not a default, by name.
    sources: BTreeMap<&'static str, Source>,
}

/// A setting with its effective value.
#[derive(Debug, Serialize)]
pub(crate) struct Effective {
    /// With its section: `server.listen`.
    pub(crate) name: &'static str,
    /// Redacted; `None` if it is not set.
    pub(crate) value: Option<Value>,
    #[serde(flatten)]
    pub(crate) source: Source,
}

/// Everything that is wrong with a configuration, a line each.
#[derive(Debug)]
pub(crate) struct Errors(Vec<String>);

/// The layers as they are read.
#[derive(Default)]
struct Reader {
    loaded: Loaded,
    /// With the line of the file that they are in; 0 for those of variables and flags.
    errors: Vec<(usize, String)>,
    /// Settings with an error of their own.
    wrong: BTreeSet<&'static str>,
}

/// A file's text, and on which line a place in it is.
struct Lines<'a> {
    text: &'a str,
    source: &'a dyn Fn(usize) -> Source,
}

impl Loaded {
    /// Reads all layers. `own_variables` are the variables of the command line, which are no settings.
    pub(crate) fn read(file: Option<&Path>, flags: &Flags, own_variables: &[String]) -> anyhow::Result<Self> {
        let text = file.map(read_file).transpose()?;
        let file = file.zip(text.as_deref());
        Ok(Self::from_layers(file, std::env::vars_os(), own_variables, flags)?)
    }

    /// Reads a file alone.
    pub(crate) fn read_file(file: &Path) -> anyhow::Result<Self> {
        let text = read_file(file)?;
        Ok(Self::from_layers(Some((file, &text)), std::iter::empty(), &[], &Flags::default())?)
    }

    /// Reads a file's text, variables and flags.
    pub(crate) fn from_layers(
        file: Option<(&Path, &str)>,
        variables: impl Iterator<Item = (OsString, OsString)>,
        own_variables: &[String],
        flags: &Flags,
    ) -> Result<Self, Errors> {
        let mut reader = Reader::default();
        if let Some((file, text)) = file {
            reader.file(&file.display().to_string(), text);
        }
        reader.variables(variables, own_variables);
        reader.flags(flags);
        reader.finish()
    }

    /// Every setting, in the order of the example file.
    pub(crate) fn effective(&self) -> Vec<Effective> {
        let effective = |setting: &'static Setting| {
            let value = self.config.get(setting).map(|value| setting.redact(value));
            Effective { name: setting.name, value, source: self.source(setting.name) }
        };
        Config::settings().map(effective).collect()
    }

    fn source(&self, name: &str) -> Source {
        self.sources.get(name).cloned().unwrap_or(Source::Default)
    }
}

impl Reader {
    fn file(&mut self, file: &str, text: &str) {
        let ends: Vec<usize> = text.match_indices('\n').map(|(place, _)| place).collect();
        let source = |place: usize| {
            let line = ends.partition_point(|end| *end < place) + 1;
            Source::File { file: file.to_owned(), line }
        };
        let table = match DeTable::parse(text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                // Without the line's text, which may hold a secret.
                let place = error.span().map_or(0, |span| span.start);
                let why = error.message();
                let text = localized!("is not TOML: {why}", "不是有效的 TOML（{why}）");
                return self.error(&source(place), &text);
            }
        };
        for (section, value) in table {
            let at = source(section.span().start);
            let section = section.into_inner();
            let known = Config::default();
            let known = known.sections();
            if !known.iter().any(|known| known.name() == section) {
                let nearest = suggest::nearest(&section, known.iter().map(|known| known.name()));
                let text = match Config::settings().find(|setting| setting.key() == section) {
                    Some(setting) => localized!(
                        "`{section}` outside of its section; did you mean `{}`?",
                        "`{section}` 不在所属的节之内；是否想写 `{}`？",
                        setting.name
                    ),
                    None => {
                        localized!("there is no section [{section}]{nearest}", "没有节 [{section}]{nearest}")
                    }
                };
                self.error(&at, &text);
                continue;
            }
            self.section(&section, value.into_inner(), &at, &Lines { text, source: &source });
        }
    }

    /// Reads the keys of a section, and the sections below it.
    fn section(&mut self, section: &str, value: DeValue<'_>, at: &Source, lines: &Lines<'_>) {
        let DeValue::Table(keys) = value else {
            let text = localized!(
                "`{section}` is a section; write [{section}] on a line of its own",
                "`{section}` 是节；请单独一行写 [{section}]"
            );
            return self.error(at, &text);
        };
        for (key, value) in keys {
            let at = (lines.source)(key.span().start);
            let below = format!("{section}.{}", key.get_ref());
            if Config::default().sections().iter().any(|known| known.name() == below) {
                self.section(&below, value.into_inner(), &at, lines);
                continue;
            }
            let raw = lines.text.get(value.span()).unwrap_or_default().to_owned();
            // A number that no setting could hold stays text, and is refused as such.
            let value = Value::deserialize(ValueDeserializer::from(value)).unwrap_or(Value::String(raw));
            self.key(section, key.get_ref(), &value, at);
        }
    }

    fn key(&mut self, section: &str, key: &str, value: &Value, at: Source) {
        let known = || Config::settings().filter(|setting| setting.is_in(section));
        if let Some(setting) = known().find(|setting| setting.key() == key) {
            return self.set(setting, value, at);
        }
        let nearest = suggest::nearest(key, known().map(Setting::key));
        let text = localized!(
            "there is no key `{key}` in [{section}]{nearest}",
            "[{section}] 中没有配置项 `{key}`{nearest}"
        );
        self.error(&at, &text);
    }

    fn variables(&mut self, all: impl Iterator<Item = (OsString, OsString)>, own: &[String]) {
        let all: BTreeMap<String, OsString> = all
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        for (name, value) in &all {
            if let Some(setting) = Config::settings().find(|setting| setting.variable() == *name) {
                let at = Source::Environment { variable: name.clone() };
                match value.to_str() {
                    Some(text) => self.set(setting, &value_of(setting, text), at),
                    None => self.error(&at, language().pick("must be UTF-8", "必须是 UTF-8")),
                }
            } else if !own.contains(name) && !is_service_link(name, &all) {
                self.unknown_variable(name);
            }
        }
    }

    /// A variable of a section that there is must be a setting; any other may be another program's.
    fn unknown_variable(&mut self, name: &str) {
        let config = Config::default();
        let sections = config.sections().into_iter().map(Section::name).filter(|section| {
            name.strip_prefix(PREFIX)
                .and_then(|name| name.strip_prefix(&section.replace('.', "_").to_uppercase()))
                .is_some_and(|name| name.starts_with('_'))
        });
        // `backup.s3` rather than `backup`.
        let section = sections.max_by_key(|section| section.len());
        let known = Config::settings().filter(|setting| section.is_none_or(|section| setting.is_in(section)));
        let known: Vec<_> = known.map(Setting::variable).collect();
        // The common start of all names is not compared.
        let common = PREFIX.len() + section.map_or(0, |section| section.len() + 1);
        let nearest = suggest::nearest_after(common, name, known.iter().map(String::as_str));
        match section {
            Some(section) => {
                let text = localized!(
                    "there is no such setting in [{section}]{nearest} (`portraitd config --example` lists them)",
                    "[{section}] 中没有此配置项{nearest}（`portraitd config --example` 列出全部配置项）"
                );
                self.error(&Source::Environment { variable: name.to_owned() }, &text);
            }
            None => {
                self.loaded.warnings.push(localized!(
                    "the variable {name} is not a setting and is ignored{nearest}",
                    "变量 {name} 不是配置项，予以忽略{nearest}"
                ));
            }
        }
    }

    fn flags(&mut self, flags: &Flags) {
        let config = &mut self.loaded.config;
        let mut given = Vec::new();
        if !flags.listen.is_empty() {
            config.server.listen = Addresses::new(flags.listen.clone());
            given.push(("server.listen", "--listen"));
        }
        if !flags.admin_listen.is_empty() {
            config.server.admin_listen = Addresses::new(flags.admin_listen.clone());
            given.push(("server.admin_listen", "--admin-listen"));
        }
        if !flags.metrics_listen.is_empty() {
            config.server.metrics_listen = Some(Addresses::new(flags.metrics_listen.clone()));
            given.push(("server.metrics_listen", "--metrics-listen"));
        }
        if let Some(data) = &flags.data {
            config.server.data.clone_from(data);
            given.push(("server.data", "--data"));
        }
        if let Some(format) = flags.log_format {
            config.log.format = format;
            given.push(("log.format", "--log-format"));
        }
        let given = given.into_iter().map(|(name, flag)| (name, Source::Flag { flag }));
        self.loaded.sources.extend(given);
        if let Some(filter) = &flags.log {
            self.key("log", "filter", &Value::String(filter.clone()), Source::Flag { flag: "--log" });
        }
    }

    fn set(&mut self, setting: &'static Setting, value: &Value, at: Source) {
        let redacted = setting.redact(value.clone());
        let hides = redacted != *value;
        match self.loaded.config.set(setting, value) {
            Ok(()) => {
                self.loaded.sources.insert(setting.name, at);
            }
            Err(must) => {
                let shown = shorten(&one_line(&redacted));
                // A parser's own words may repeat the value.
                let remedy = || setting.remedy();
                let must = if hides { localized!("is not valid{}", "无效{}", remedy()) } else { must };
                self.wrong.insert(setting.name);
                self.error(&at, &localized!("{} = {shown}: {must}", "{} = {shown}：{must}", setting.name));
            }
        }
    }

    fn error(&mut self, at: &Source, text: &str) {
        let line = if let Source::File { line, .. } = at { *line } else { 0 };
        self.errors.push((line, localized!("{at}: {text}", "{at}：{text}")));
    }

    fn finish(mut self) -> Result<Loaded, Errors> {
        for conflict in conflicts(&self.loaded.config) {
            // A conflict with a setting that is itself wrong is not reported.
            if let Some(name) = conflict.names.first()
                && !conflict.names.iter().any(|name| self.wrong.contains(name))
            {
                let setting = Config::settings().find(|setting| setting.name == *name);
                let value =
                    setting.and_then(|setting| Some(setting.redact(self.loaded.config.get(setting)?)));
                let shown =
                    value.map(|value| format!(" = {}", shorten(&one_line(&value)))).unwrap_or_default();
                let must = &conflict.must;
                let text = localized!("{name}{shown}: {must}", "{name}{shown}：{must}");
                self.error(&self.loaded.source(name), &text);
            }
        }
        if self.errors.is_empty() {
            return Ok(self.loaded);
        }
        self.errors.sort_by_key(|(line, _)| *line);
        Err(Errors(self.errors.into_iter().map(|(_, text)| text).collect()))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str(language().pick("default", "默认值")),
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Environment { variable } => f.write_str(variable),
            Self::Flag { flag } => f.write_str(flag),
        }
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Errors {}

fn read_file(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = File::open(file).and_then(|open| open.take(FILE_BYTES_MAX + 1).read_to_string(&mut text));
    read.with_context(|| localized!("can't read {}", "无法读取 {}", file.display()))?;
    anyhow::ensure!(
        text.len() as u64 <= FILE_BYTES_MAX,
        localized!(
            "{} is larger than 1 MiB; is it a portraitd configuration?",
            "{} 超过 1 MiB；它是 portraitd 的配置文件吗？",
            file.display()
        )
    );
    Ok(text)
}

/// A variable holds a number, a boolean or a list as TOML writes them, or else text.
fn value_of(setting: &Setting, text: &str) -> Value {
    let is_text = matches!(setting.good_value(), Some(Value::String(_)));
    let value = DeValue::parse(text).ok();
    let value = value.and_then(|value| Value::deserialize(ValueDeserializer::from(value)).ok());
    let is_plain = |value: &Value| value.is_array() || (!is_text && (value.is_integer() || value.is_bool()));
    value.filter(is_plain).unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Whether Kubernetes made the variable for a service that is called `portraitd…`.
fn is_service_link(name: &str, all: &BTreeMap<String, OsString>) -> bool {
    let service = ["_SERVICE_", "_PORT"].iter().find_map(|part| name.split_once(part));
    service.is_some_and(|(service, _)| all.contains_key(&format!("{service}_SERVICE_HOST")))
}

/// A value in an error message: the first 200 characters.
fn shorten(text: &str) -> String {
    const CHARACTERS_MAX: usize = 200;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
