//! The syntax with which shells set variables.

use std::ffi::OsStr;
use std::path::Path;

/// A syntax that sets a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Shell {
    /// bash, zsh, sh: eval "$(portraitd env)"
    Bash,
    /// portraitd env | source
    Fish,
    /// portraitd env | Out-String | Invoke-Expression
    Powershell,
    /// NAME=value: for docker --env-file, `$GITHUB_ENV`, GitLab's dotenv reports
    Dotenv,
}

impl Shell {
    /// Returns the syntax of a shell's path; bash's when it is not known.
    pub(super) fn of(shell: Option<&OsStr>) -> Self {
        match shell.and_then(|shell| Path::new(shell).file_name()?.to_str()) {
            Some("fish") => Self::Fish,
            Some("pwsh" | "powershell") => Self::Powershell,
            _ => Self::Bash,
        }
    }

    /// Returns the line that sets a variable.
    pub(super) fn line(self, name: &str, value: &str) -> String {
        match self {
            Self::Bash => format!("export {name}='{}'", value.replace('\'', r"'\''")),
            Self::Fish => format!("set -gx {name} '{}'", value.replace('\\', r"\\").replace('\'', r"\'")),
            Self::Powershell => format!("$env:{name} = '{}'", value.replace('\'', "''")),
            Self::Dotenv => format!("{name}={value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_quotes_are_escaped() {
        for (shell, line) in [
            (Shell::Bash, r"export A='it'\''s \ $x'"),
            (Shell::Fish, r"set -gx A 'it\'s \\ $x'"),
            (Shell::Powershell, r"$env:A = 'it''s \ $x'"),
            (Shell::Dotenv, r"A=it's \ $x"),
        ] {
            assert_eq!(shell.line("A", r"it's \ $x"), line);
        }
    }

    #[test]
    fn the_syntax_follows_from_the_shells_name() {
        for (path, shell) in [
            (Some("/usr/bin/fish"), Shell::Fish),
            (Some("/opt/pwsh"), Shell::Powershell),
            (Some("/bin/zsh"), Shell::Bash),
            (None, Shell::Bash),
        ] {
            assert_eq!(Shell::of(path.map(OsStr::new)), shell);
        }
    }
}
