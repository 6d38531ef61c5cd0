//! An app's key as an argument: one word. What people paste with it is named, and the key never shown.

use super::language::chosen::language;
use portraitd_model::AppKey;

/// Reads the value of `--key`. A trimmed or shortened key would sign UserSigs that nothing accepts, so it is refused.
pub(super) fn app_key(text: &str) -> anyhow::Result<AppKey> {
    if let Some(problem) = AppKey::problem(text) {
        anyhow::bail!("--key: {}", problem.explain(language()));
    }
    AppKey::parse(text).ok_or_else(|| {
        let (english, chinese) =
            ("--key: a key is 1 to 256 printable bytes", "--key：密钥为 1 至 256 字节的可打印字符");
        anyhow::anyhow!(language().pick(english, chinese))
    })
}
