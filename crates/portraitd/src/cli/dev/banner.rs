//! The output of `portraitd dev`: the credentials and two commands that make the first calls.

use super::emulator_info::{DEFAULT_URL, EmulatorInfo};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use portraitd_model::Language;
use std::io::Write;
use std::path::Path;

impl EmulatorInfo {
    /// Prints the text for people, or one line of JSON.
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
        let retention = match data {
            Some(data) => {
                format!("{}{}", language.pick("the data is kept in ", "数据保存于 "), data.display())
            }
            None => language.pick("nothing is kept after exit", "退出后不保留任何数据").to_owned(),
        };
        let Self { url, admin_url, admin_token, sdkappid, key, admin, usersig, .. } = self;
        let console = match language {
            _ if !cfg!(feature = "console") => String::new(),
            Language::English => format!("  Console     {url}/console/\n"),
            Language::Chinese => format!("  控制台      {url}/console/\n"),
        };
        let cloud = self.cloud_lines(language);
        let set = self.curl("portrait_set", SET);
        let get = self.curl("portrait_get", GET);
        let requests = format!("portraitd emulator requests{}", self.url_option());
        let explain = language.pick("portraitd explain 40003", "portraitd explain 40003 --language zh");
        let width = requests.len().max(explain.len());
        match language {
            Language::English => format!(
                "portraitd is running: {retention}. Ctrl-C stops it.

{console}  URL         {url}{cloud}
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

Refused calls are shown here, one line each. More about them:

  {requests:width$}   # every call, --json with body and answer; --follow
  {explain:width$}   # what an error code means, and the remedy

"
            ),
            Language::Chinese => format!(
                "portraitd 已启动：{retention}。按 Ctrl-C 停止。

{console}  地址        {url}{cloud}
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

被拒的调用会逐条显示在这里。了解详情：

  {requests:width$}   # 全部调用；--json 含包体与应答；--follow 持续显示
  {explain:width$}   # 错误码的含义与处理方法

"
            ),
        }
    }

    /// Returns the lines of the HTTPS port and the proxy.
    fn cloud_lines(&self, language: Language) -> String {
        let (tls, proxy) = (self.tls_url.as_deref(), self.proxy_url.as_deref());
        let trust = language.pick("portraitd cert shows how to trust it", "信任证书的方法：portraitd cert");
        let tls = tls.map(|url| format!("\n  HTTPS       {url}   ({trust})"));
        let (name, set) = language.pick(("Proxy    ", "set it"), ("代理     ", "设置方法"));
        let env = self.env_command();
        let proxy = proxy.map(|url| format!("\n  {name}   {url}   ({set}: eval \"$({env})\")"));
        [tls, proxy].into_iter().flatten().collect()
    }

    /// Returns the command that prints the variables for this emulator.
    fn env_command(&self) -> String {
        format!("portraitd env{}", self.url_option())
    }

    /// Returns the option that commands need to reach this emulator: none at the default URL.
    fn url_option(&self) -> String {
        if self.url == DEFAULT_URL { String::new() } else { format!(" --url {}", self.url) }
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
