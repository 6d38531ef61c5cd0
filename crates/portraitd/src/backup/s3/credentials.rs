//! The credentials of the storage, from a file or the environment. They are read for each backup, and shown nowhere.

use portraitd_model::{Bilingual, bilingual};
use std::fs;
use std::path::Path;

/// The credentials of the storage. No `Debug`: it would show them.
pub(super) struct Credentials {
    pub(super) key_id: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
}

impl Credentials {
    /// Reads the file that the settings name, or else the environment.
    pub(super) fn read(file: Option<&Path>) -> Result<Self, Bilingual> {
        let Some(file) = file else { return Self::of_environment(|name| std::env::var(name).ok()) };
        let shown = file.display();
        let text = fs::read_to_string(file).map_err(|error| {
            bilingual!(
                "backup.s3.credentials_file = {shown} can't be read: {error}",
                "无法读取 backup.s3.credentials_file = {shown}：{error}"
            )
        })?;
        Self::parse(&text).ok_or_else(|| {
            bilingual!(
                "backup.s3.credentials_file = {shown} lacks a line `aws_access_key_id = …` or `aws_secret_access_key = …` in its first \
                 profile",
                "backup.s3.credentials_file = {shown} 的第一个 profile 中缺少 `aws_access_key_id = …` 或 `aws_secret_access_key = …`"
            )
        })
    }

    fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Bilingual> {
        let named = |name| variable(name).filter(|value| !value.is_empty());
        match (named("AWS_ACCESS_KEY_ID"), named("AWS_SECRET_ACCESS_KEY")) {
            (Some(key_id), Some(secret)) => Ok(Self { key_id, secret, token: named("AWS_SESSION_TOKEN") }),
            _ => Err(bilingual!(
                "there are no credentials for the storage: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the server's environment, or \
                 backup.s3.credentials_file",
                "缺少存储的凭证：请在服务的环境中设置 AWS_ACCESS_KEY_ID 与 AWS_SECRET_ACCESS_KEY，或设置 backup.s3.credentials_file"
            )),
        }
    }

    /// Reads the first profile of a file as AWS' tools write it.
    fn parse(text: &str) -> Option<Self> {
        let (mut key_id, mut secret, mut token) = (None, None, None);
        let mut profiles = 0;
        for line in text.lines().map(str::trim) {
            profiles += usize::from(line.starts_with('['));
            if profiles > 1 {
                break;
            }
            let Some((key, value)) = line.split_once('=') else { continue };
            let place = match key.trim() {
                "aws_access_key_id" => &mut key_id,
                "aws_secret_access_key" => &mut secret,
                "aws_session_token" => &mut token,
                _ => continue,
            };
            *place = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        }
        Some(Self { key_id: key_id?, secret: secret?, token })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_profile_of_a_file_is_read() {
        let file = "# of the team\n[default]\naws_access_key_id = AKID\nregion=x\naws_secret_access_key=a/b+c=\n\n[other]\naws_session_token = t\n";
        let read = Credentials::parse(file).unwrap();
        assert_eq!((&*read.key_id, &*read.secret, read.token), ("AKID", "a/b+c=", None));
        for text in [
            "",
            "aws_access_key_id = a",
            "[a]\n[b]\naws_access_key_id=a\naws_secret_access_key=b",
            "aws_access_key_id =\naws_secret_access_key=b",
        ] {
            assert!(Credentials::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn without_a_file_the_environment_has_them() {
        let all = |name: &str| Some(format!("value of {name}"));
        let read = Credentials::of_environment(all).ok().unwrap();
        assert_eq!(read.token.as_deref(), Some("value of AWS_SESSION_TOKEN"));
        let none = Credentials::of_environment(|_| Some(String::new())).err().unwrap();
        assert!(
            none.english().contains("AWS_SECRET_ACCESS_KEY") && none.english().contains("credentials_file")
        );
        let missing = Credentials::read(Some(Path::new("/nowhere/at/all"))).err().unwrap();
        assert!(missing.english().contains("/nowhere/at/all"));
    }
}
