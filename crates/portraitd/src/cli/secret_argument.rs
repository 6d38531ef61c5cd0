//! Secrets as arguments: every user of a machine can read what `ps` shows, so a secret can also come from a file, from
//! standard input, or from an environment variable.

use crate::cli::language::causes;
use crate::cli::language::chosen::{language, localized};
use std::io::Read;
use std::path::Path;

/// The most that is read of a file or of standard input; the longest secret has 256 bytes.
const BYTES_MAX: u64 = 4096;

/// Parses the argument of a secret: `@FILE` reads the first line of a file, `-` that of standard input, anything else is
/// the secret itself. Errors never repeat the secret.
pub(super) fn secret(text: &str) -> Result<String, String> {
    match text.strip_prefix('@') {
        Some(path) => {
            let file = std::fs::File::open(Path::new(path)).map_err(|error| {
                localized!("can't read {path}: {}", "无法读取 {path}：{}", causes::describe(&error))
            })?;
            first_line(file, &in_sentence(path))
        }
        None if text == "-" => first_line(std::io::stdin(), language().pick("standard input", "标准输入")),
        None => Ok(text.to_owned()),
    }
}

/// Parses the argument of an app's key. As [`secret`], but a file's further lines count, so that more than one is refused.
pub(super) fn key(text: &str) -> Result<String, String> {
    match text.strip_prefix('@') {
        Some(path) => {
            let file = std::fs::File::open(Path::new(path)).map_err(|error| {
                localized!("can't read {path}: {}", "无法读取 {path}：{}", causes::describe(&error))
            })?;
            start_of(file, &in_sentence(path)).map(|text| text.trim().to_owned())
        }
        None if text == "-" => start_of(std::io::stdin(), language().pick("standard input", "标准输入"))
            .map(|text| text.trim().to_owned()),
        None => Ok(text.to_owned()),
    }
}

/// The name of a file within a sentence; in Chinese with spaces around it.
fn in_sentence(path: &str) -> String {
    localized!("{path}", " {path} ")
}

fn first_line(source: impl Read, name: &str) -> Result<String, String> {
    let text = start_of(source, name)?;
    match text.lines().next().map(str::trim) {
        None | Some("") => Err(localized!("the first line of {name} is empty", "{name}的第一行为空")),
        Some(line) => Ok(line.to_owned()),
    }
}

fn start_of(source: impl Read, name: &str) -> Result<String, String> {
    let mut text = String::new();
    source.take(BYTES_MAX).read_to_string(&mut text).map_err(|error| {
        localized!("can't read {name}: {}", "无法读取{name}：{}", causes::describe(&error))
    })?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_secret_comes_from_a_file_or_stands_there_itself() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let argument = format!("@{}", file.path().display());
        assert!(secret(&argument).unwrap_err().contains("is empty"));
        writeln!(file, "  s3cret \nanother line").unwrap();
        assert_eq!(secret(&argument).as_deref(), Ok("s3cret"));
        assert_eq!(secret("s3cret").as_deref(), Ok("s3cret"));
        assert!(secret("@/nowhere/at/all").unwrap_err().contains("No such file"));
        assert_eq!(key(&argument).as_deref(), Ok("s3cret \nanother line"), "which no key is");
        assert_eq!(first_line(&b"key\r\n"[..], "standard input").as_deref(), Ok("key"));
    }
}
