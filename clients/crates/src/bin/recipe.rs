//! The Rust recipe: users' profiles in Tencent Cloud IM, as a back end calls the REST API. Only `main` knows of
//! portraitd.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

/// The API, called as an App admin.
struct Profiles {
    url: String,
    query: [(&'static str, String); 4],
    client: reqwest::Client,
}

impl Profiles {
    fn new(url: &str, sdkappid: &str, admin: &str, usersig: &str) -> Self {
        let query = [("sdkappid", sdkappid), ("identifier", admin), ("usersig", usersig), ("contenttype", "json")];
        Self { url: url.into(), query: query.map(|(name, value)| (name, value.into())), client: reqwest::Client::new() }
    }

    async fn call(&self, path: &str, body: Value) -> Result<Value> {
        let request = self.client.post(format!("{}/v4/{path}", self.url)).query(&self.query).json(&body);
        Ok(request.send().await?.json().await?)
    }

    async fn add(&self, user: &str) -> Result<Value> {
        self.call("im_open_login_svc/account_import", json!({ "UserID": user })).await
    }

    async fn set(&self, user: &str, tag: &str, value: Value) -> Result<Value> {
        let items = json!([{ "Tag": tag, "Value": value }]);
        self.call("profile/portrait_set", json!({ "From_Account": user, "ProfileItem": items })).await
    }

    async fn get(&self, user: &str, tag: &str) -> Result<Value> {
        let answer = self.call("profile/portrait_get", json!({ "To_Account": [user], "TagList": [tag] })).await?;
        Ok(answer["UserProfileItem"][0]["ProfileItem"][0]["Value"].clone())
    }
}

async fn check(profiles: Profiles) -> Result<()> {
    ensure!(profiles.add("ferris").await?["ErrorCode"] == 0);
    ensure!(profiles.set("ferris", "Tag_Profile_IM_Nick", json!("昵称")).await?["ErrorCode"] == 0);
    ensure!(profiles.get("ferris", "Tag_Profile_IM_Nick").await? == "昵称");
    ensure!(profiles.set("ferris", "nickName", json!("x")).await?["ErrorCode"] == 40009);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let env = |name| std::env::var(format!("PORTRAITD_{name}"));
    let (app, admin, sig) = (env("SDKAPPID")?, env("ADMIN")?, env("USERSIG")?);
    // The cloud's own name: `portraitd run` leads it to the emulator, SSL_CERT_FILE has its certificate trusted.
    check(Profiles::new("https://console.tim.qq.com", &app, &admin, &sig)).await?;
    check(Profiles::new(&env("URL")?, &app, &admin, &sig)).await?;
    println!("2 passed");
    Ok(())
}
