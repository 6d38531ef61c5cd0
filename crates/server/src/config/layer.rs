//! Where settings come from: defaults, then the file, then `PORTRAITD_…` variables, then flags. The later one wins,
//! and a key that does not exist is an error that names the nearest one that does.

use super::Config;
use crate::listener::{Address, Addresses};
use anyhow::Context;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

const ENV_PREFIX: &str = "PORTRAITD_";

/// Settings that have a flag.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Flags {
    /// Where to listen: `127.0.0.1:8080`, `https://[::]:443`, `unix:/path`; port 0 takes a free one (repeatable)
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<Address>,
    /// Where the admin API listens (repeatable)
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Vec<Address>,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// What is logged: error, warn, info, debug (one line a request) or trace
    #[arg(long, value_name = "LEVEL")]
    log: Option<String>,
    /// How log lines are written
    #[arg(long, value_enum)]
    log_format: Option<super::LogFormat>,
}

impl Config {
    /// Reads all layers.
    pub(crate) fn load(file: Option<&Path>, flags: &Flags) -> anyhow::Result<Self> {
        let text = match file {
            Some(file) => {
                std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?
            }
            None => String::new(),
        };
        let name = file.map_or_else(|| "the configuration".into(), |file| file.display().to_string());
        Self::from_layers(&text, std::env::vars(), flags).with_context(|| name)
    }

    pub(crate) fn from_layers(
        text: &str,
        env: impl Iterator<Item = (String, String)>,
        flags: &Flags,
    ) -> anyhow::Result<Self> {
        let mut table: Table = text.parse()?;
        let known = known_keys()?;
        for (section, value) in &table {
            check_section(&known, section, value)?;
        }
        for (variable, text) in env {
            // Other commands have variables of their own, so one that is no key of this file is passed over.
            let Some((section, key)) = known.iter().find(|key| variable == variable_of(key)) else {
                continue;
            };
            let section = table.entry(section.clone()).or_insert_with(|| Value::Table(Table::new()));
            let section = section.as_table_mut().context("a section is not a table")?;
            section.insert(key.clone(), value_of(&text));
        }
        let mut config: Self = Value::Table(table).try_into()?;
        config.apply(flags);
        config.validate()?;
        Ok(config)
    }

    fn apply(&mut self, flags: &Flags) {
        if !flags.listen.is_empty() {
            self.server.listen = Addresses::new(flags.listen.clone());
        }
        if !flags.admin_listen.is_empty() {
            self.server.admin_listen = Addresses::new(flags.admin_listen.clone());
        }
        if let Some(data) = &flags.data {
            self.server.data.clone_from(data);
        }
        if let Some(filter) = &flags.log {
            self.log.filter.clone_from(filter);
        }
        self.log.format = flags.log_format.unwrap_or(self.log.format);
    }

    /// What types alone can't say.
    fn validate(&self) -> anyhow::Result<()> {
        let server = &self.server;
        let timeouts = [
            ("server.header_timeout_ms", server.header_timeout_ms),
            ("server.body_timeout_ms", server.body_timeout_ms),
            ("server.idle_timeout_ms", server.idle_timeout_ms),
            ("server.write_timeout_ms", server.write_timeout_ms),
            ("server.answer_timeout_ms", server.answer_timeout_ms),
            ("tls.handshake_timeout_ms", self.tls.handshake_timeout_ms),
        ];
        for (key, value) in timeouts {
            anyhow::ensure!((1..=86_400_000).contains(&value), "{key} must be from 1 to 86400000 (a day)");
        }
        for (key, value) in [
            ("connections_max", server.connections_max),
            ("connections_per_address_max", server.connections_per_address_max),
            ("requests_max", server.requests_max),
        ] {
            anyhow::ensure!(value > 0, "server.{key} must be at least 1");
        }
        let sizes = 1024..=64 << 20;
        anyhow::ensure!(
            sizes.contains(&server.body_bytes_max),
            "server.body_bytes_max must be from 1024 to 67108864"
        );
        anyhow::ensure!(
            server.request_memory_bytes_max >= 4 * server.body_bytes_max.max(1 << 20),
            "server.request_memory_bytes_max must be at least 4 MiB, and 4 times server.body_bytes_max"
        );
        self.tls.validate()?;
        self.validate_addresses()?;
        self.log.validate()?;
        self.webhook.read(None)?;
        Ok(())
    }
}

impl Config {
    fn validate_addresses(&self) -> anyhow::Result<()> {
        let server = &self.server;
        let mut seen = Vec::new();
        for (address, certificate) in server
            .listen
            .iter()
            .map(|address| (address, self.tls.public()))
            .chain(server.admin_listen.iter().map(|address| (address, self.tls.admin())))
        {
            let place = match address {
                Address::Tcp { socket, .. } => socket.to_string(),
                Address::Unix(path) => path.display().to_string(),
            };
            let any_port = matches!(address, Address::Tcp { socket, .. } if socket.port() == 0);
            anyhow::ensure!(any_port || !seen.contains(&place), "{place} is listened on twice");
            seen.push(place);
            anyhow::ensure!(
                certificate.is_some() || !matches!(address, Address::Tcp { tls: Some(true), .. }),
                "{address} needs a certificate; set the one of its listener in [tls]"
            );
        }
        Ok(())
    }
}

/// Every (section, key) there is, read off the defaults.
fn known_keys() -> anyhow::Result<Vec<(String, String)>> {
    let mut config = Config::default();
    config.server.allow_hosts = Some(Vec::new());
    config.tls = super::tls::TlsSection::whole();
    config.log.otlp_endpoint = Some(String::new());
    config.webhook.ca_file = Some(PathBuf::new());
    let table = Table::try_from(config)?;
    let keys = table.iter().flat_map(|(section, value)| {
        let keys = value.as_table().into_iter().flat_map(Table::keys);
        keys.map(move |key| (section.clone(), key.clone()))
    });
    Ok(keys.collect())
}

fn check_section(known: &[(String, String)], section: &str, value: &Value) -> anyhow::Result<()> {
    let sections = known.iter().map(|(section, _)| section.as_str());
    if !known.iter().any(|(name, _)| name == section) {
        anyhow::bail!("there is no section [{section}]{}", nearest(section, sections));
    }
    for key in value.as_table().into_iter().flat_map(Table::keys) {
        let keys = known.iter().filter(|(name, _)| name == section).map(|(_, key)| key.as_str());
        if !keys.clone().any(|name| name == key) {
            anyhow::bail!("there is no key `{key}` in [{section}]{}", nearest(key, keys));
        }
    }
    Ok(())
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let best =
        known.map(|known| (strsim::jaro_winkler(name, known), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(likeness, _)| *likeness > 0.7)
        .map(|(_, known)| format!("; did you mean `{known}`?"))
        .unwrap_or_default()
}

/// `PORTRAITD_SERVER_LISTEN` for `listen` in `[server]`.
fn variable_of((section, key): &(String, String)) -> String {
    format!("{ENV_PREFIX}{}_{}", section.to_uppercase(), key.to_uppercase())
}

/// A variable holds a number, a boolean or a list as TOML writes them, or else text.
fn value_of(text: &str) -> Value {
    let table: Option<Table> = format!("value = {text}").parse().ok();
    let value = table.and_then(|mut table| table.remove("value"));
    let is_plain = |value: &Value| value.is_integer() || value.is_bool() || value.is_array();
    value.filter(is_plain).unwrap_or_else(|| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, env: &[(&str, &str)]) -> Result<Config, String> {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::from_layers(text, env, &Flags::default()).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn the_example_is_the_defaults() {
        assert_eq!(load(super::super::EXAMPLE, &[]), Ok(Config::default()));
        for (section, key) in known_keys().unwrap() {
            assert!(
                super::super::EXAMPLE.contains(&format!("{key} =")),
                "[{section}] {key} is not in the example"
            );
        }
    }

    /// docs/OPERATIONS.md says of every key what happens when it changes.
    #[test]
    fn operations_name_every_key() {
        for page in [
            include_str!("../../../../docs/OPERATIONS.md"),
            include_str!("../../../../docs/OPERATIONS.zh-CN.md"),
        ] {
            for (section, key) in known_keys().unwrap() {
                assert!(page.contains(&format!("`{section}.{key}`")), "{section}.{key} is not in OPERATIONS");
            }
        }
    }

    #[test]
    fn variables_win_over_the_file() {
        let text = "[server]\nlisten = \"127.0.0.1:1\"\nerror_detail = true";
        let env = [
            ("PORTRAITD_SERVER_LISTEN", "127.0.0.1:2"),
            ("PORTRAITD_SERVER_BODY_BYTES_MAX", "2048"),
            ("PORTRAITD_SERVER_ALLOW_HOSTS", "[\"a\"]"),
            ("PORTRAITD_LOG_FORMAT", "json"),
            ("PORTRAITD_KEY", "another command's"),
        ];
        let config = load(text, &env).unwrap();
        assert_eq!(config.server.listen, Addresses::new(vec!["127.0.0.1:2".parse().unwrap()]));
        assert_eq!(config.server.body_bytes_max, 2048);
        assert_eq!(config.server.allow_hosts, Some(vec!["a".to_owned()]));
        assert!(config.server.error_detail);
        assert_eq!(config.log.format, super::super::LogFormat::Json);
    }

    #[test]
    fn mistakes_are_named() {
        let check = |text: &str, part: &str| {
            let error = load(text, &[]).unwrap_err();
            assert!(error.contains(part), "{error}");
        };
        check(
            "[server]\nlisten_adress = \"x\"",
            "there is no key `listen_adress` in [server]; did you mean `listen`?",
        );
        check("[sever]\nlisten = \"x\"", "there is no section [sever]; did you mean `server`?");
        check("[server]\nlisten = \"localhost\"", "invalid socket address");
        check("[server]\nbody_bytes_max = 1", "1024");
        check("[server]\nbody_timeout_ms = 0", "body_timeout_ms");
        check("[server]\nlisten = []", "the list of addresses is empty");
        check("[server]\nlisten = 80", "expected an address or a list of addresses");
        check("[server]\nlisten = \"https://127.0.0.1:1\"", "needs a certificate");
        check(
            "[server]\nlisten = [\"127.0.0.1:1\", \"http://127.0.0.1:1\"]",
            "127.0.0.1:1 is listened on twice",
        );
        check("[server]\nlisten = \"unix:/a\"\nadmin_listen = \"unix:/a\"", "/a is listened on twice");
        check("[server]\nunix_mode = \"rw\"", "in octal");
        check("[tls]\ncertificate = \"a.pem\"", "set both or none");
        check("[tls]\nhandshake_timeout_ms = 0", "tls.handshake_timeout_ms");
        check("[server\n", "TOML parse error");
    }
}
