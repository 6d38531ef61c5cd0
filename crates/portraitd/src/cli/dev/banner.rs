//! What `portraitd dev` prints: everything that is needed to make the first call, ready to paste.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use portraitd_model::Language;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};

/// For how long the printed UserSig works: 180 days, as the cloud's console makes them.
pub(super) const USERSIG_SECONDS: u64 = 180 * 24 * 3600;

/// Where `portraitd dev` is, unless told otherwise.
pub(super) const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// An emulator that runs.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Page {
    pub(super) url: String,
    /// With `--tls` or `--proxy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tls_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) proxy_url: Option<String>,
    /// The directory of the certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) certificates: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) admin_url: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) admin_token: String,
    pub(super) sdkappid: u32,
    pub(super) key: String,
    pub(super) admin: String,
    pub(super) usersig: String,
}

impl Page {
    /// Prints the page, or the same as one line of JSON.
    pub(super) fn print(&self, json: bool, language: Language, data: Option<&Path>) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        if json {
            writeln!(out, "{}", serde_json::to_string(self)?)?;
        } else {
            write!(out, "{}", self.text(language, data))?;
        }
        Ok(out.flush()?)
    }

    fn text(&self, language: Language, data: Option<&Path>) -> String {
        let kept = match data {
            Some(data) => {
                format!("{}{}", language.pick("everything is kept in ", "数据保存于 "), data.display())
            }
            None => language.pick("nothing is kept after exit", "退出后不保留任何数据").to_owned(),
        };
        let Self { url, admin_url, admin_token, sdkappid, key, admin, usersig, .. } = self;
        let cloud = self.cloud(language);
        let set = self.curl("portrait_set", SET);
        let get = self.curl("portrait_get", GET);
        match language {
            Language::English => format!(
                "portraitd is running: {kept}. Ctrl-C stops it.

  URL         {url}{cloud}
  SDKAppID    {sdkappid}
  Key         {key}
  Admin       {admin}
  UserSig     {usersig}
              (valid for 180 days)
  Accounts    alice, bob, carol
  Custom      Tag_Profile_Custom_Test
  Admin API   {admin_url}/admin/v1   (Authorization: Bearer {admin_token})

Set a nickname:

{set}

Read it back:

{get}

"
            ),
            Language::Chinese => format!(
                "portraitd 已启动：{kept}。按 Ctrl-C 停止。

  地址        {url}{cloud}
  SDKAppID    {sdkappid}
  密钥        {key}
  管理员      {admin}
  UserSig     {usersig}
              （有效期 180 天）
  示例账号    alice、bob、carol
  自定义字段  Tag_Profile_Custom_Test
  管理 API    {admin_url}/admin/v1   (Authorization: Bearer {admin_token})

设置昵称：

{set}

读取资料：

{get}

"
            ),
        }
    }

    /// What callers on this machine may know: all but how to administer it.
    pub(super) fn environment(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::to_value(Self { admin_url: String::new(), admin_token: String::new(), ..self.clone() })
    }

    /// Lines about the ports that stand for the cloud's.
    fn cloud(&self, language: Language) -> String {
        let (tls, proxy) = (self.tls_url.as_deref(), self.proxy_url.as_deref());
        let trust = language.pick("portraitd cert: how to trust it", "信任证书的方法：portraitd cert");
        let tls = tls.map(|url| format!("\n  HTTPS       {url}   ({trust})"));
        let (name, set) = language.pick(("Proxy    ", "set it"), ("代理     ", "设置方法"));
        let env = self.env();
        let proxy = proxy.map(|url| format!("\n  {name}   {url}   ({set}: eval \"$({env})\")"));
        [tls, proxy].into_iter().flatten().collect()
    }

    /// The command that prints the environment for this emulator.
    fn env(&self) -> String {
        if self.url == DEFAULT_URL {
            "portraitd env".to_owned()
        } else {
            format!("portraitd env --url {}", self.url)
        }
    }

    fn curl(&self, command: &str, body: &str) -> String {
        let Self { url, sdkappid, usersig, .. } = self;
        let admin = utf8_percent_encode(&self.admin, NON_ALPHANUMERIC);
        format!(
            "curl '{url}/v4/profile/{command}?sdkappid={sdkappid}&identifier={admin}&usersig={usersig}&random=1&contenttype=json' \\\n  -d '{body}'"
        )
    }
}

const SET: &str =
    r#"{"From_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"Alice Liddell"}]}"#;
const GET: &str = r#"{"To_Account":["alice"],"TagList":["Tag_Profile_IM_Nick","Tag_Profile_Custom_Test"]}"#;
