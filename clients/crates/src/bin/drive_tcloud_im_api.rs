//! crates.io's `tcloud-im-api`, whose host is fixed (`https://console.tim.qq.com`, and HTTPS only). Whom to trust and the
//! proxy come from the environment (`portraitd run`). It has no profile calls, and keeps the members of answers to itself.

use anyhow::{Context, Result, ensure};
use tcloud_im_api::Client;
use tcloud_im_api::api::account::Account;
use tcloud_im_api::error::Error;

fn env(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set"))
}

#[tokio::main]
async fn main() -> Result<()> {
    let client = Client::new(env("PORTRAITD_SDKAPPID")?.parse()?, "administrator".to_string(), env("PORTRAITD_KEY")?);
    let accounts = client.account();
    let account = |identifier: &str, nick: Option<&str>| Account {
        identifier: identifier.to_string(),
        nick: nick.map(str::to_string),
        face_url: None,
    };
    accounts.import(account("tcloud_user", Some("昵称"))).await?;
    accounts.multi_import(vec!["tcloud_one".to_string(), "tcloud_two".to_string()]).await?;
    println!("account_import, multiaccount_import ok");
    let checked = accounts.check(vec!["tcloud_user".to_string(), "tcloud_ghost".to_string()]).await?;
    let shown = format!("{checked:?}");
    ensure!(shown.contains("\"Imported\"") && shown.contains("\"NotImported\""), "{shown}");
    accounts.kick("tcloud_user".to_string()).await?;
    let ghost = accounts.kick("tcloud_ghost".to_string()).await;
    ensure!(matches!(ghost, Err(Error::RemoteError { code: 70107, .. })), "{ghost:?}");
    accounts.delete(vec!["tcloud_user".to_string(), "tcloud_one".to_string()]).await?;
    println!("account_check, kick, account_delete ok");
    Ok(())
}
