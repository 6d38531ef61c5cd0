//! crates.io's `tencent_im_rs` as a back end in Singapore uses it: HTTPS to the cloud's own name. Whom to trust and the
//! proxy come from the environment (`portraitd run`).

use anyhow::{Context, Result, ensure};
use tencent_im_rs::api::v4::TencentHelper;
use tencent_im_rs::api::v4::common::{AccountStatus, ProfileTag};
use tencent_im_rs::api::v4::im_open_login_svc::{account_check, account_delete, account_import, kick};
use tencent_im_rs::api::v4::profile::{portrait_get, portrait_set};
use tencent_im_rs::user_sig::hmac_sha256::TencentSig;

fn env(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set"))
}

#[tokio::main]
async fn main() -> Result<()> {
    let app: u32 = env("PORTRAITD_SDKAPPID")?.parse()?;
    let admin = "administrator".to_string();
    let sig = TencentSig::new(app, env("PORTRAITD_KEY")?).generate_user_sig(admin.clone(), 600);
    let host = "adminapisgp.im.qcloud.com".to_string();
    let mut helper = TencentHelper::new(host, app, admin, sig.context("no UserSig")?);

    let mut import = account_import::AccountImportRequest::new("rust_user");
    import.set_nick(Some("Rust 昵称"));
    let answer = account_import::api_account_import(&mut helper, import).await?;
    ensure!(answer.error_code == Some(0), "{answer:?}");
    println!("account_import ok");

    let check = account_check::AccountCheckRequest::new(vec![account_check::CheckItem::new("rust_user")]);
    let answer = account_check::api_account_check(&mut helper, check).await?;
    let items = answer.result_item.context("no ResultItem")?;
    ensure!(items[0].account_status == AccountStatus::Imported, "{items:?}");
    println!("account_check ok");

    let item = |tag: &str, value| portrait_set::ProfileItem::new(tag.to_string(), value);
    let items = vec![
        item("Tag_Profile_IM_Image", ProfileTag::TagProfileImImage("http://example.com/face.png".into())),
        item("Tag_Profile_IM_Level", ProfileTag::TagProfileImLevel(7)),
    ];
    let set = portrait_set::PortraitSetRequest::new("rust_user".into(), items);
    let answer = portrait_set::api_portrait_set(&mut helper, set).await?;
    ensure!(answer.error_code == Some(0), "{answer:?}");
    println!("portrait_set ok");

    let tags = vec!["Tag_Profile_IM_Nick", "Tag_Profile_IM_Level", "Tag_Profile_IM_Image"];
    let get = portrait_get::PortraitGetRequest::new(vec!["rust_user", "rust_ghost"], tags);
    let answer = portrait_get::api_portrait_get(&mut helper, get).await?;
    ensure!(answer.error_code == Some(0) && answer.fail_account == Some(vec!["rust_ghost".into()]), "{answer:?}");
    let users = answer.user_profile_item.context("no UserProfileItem")?;
    ensure!(users[0].profile_item.as_ref().map(Vec::len) == Some(3) && users[1].result_code == 40003, "{users:?}");
    println!("portrait_get ok");

    let items = vec![item("Tag_Profile_IM_Nope", ProfileTag::TagProfileImNick("x".into()))];
    let set = portrait_set::PortraitSetRequest::new("rust_user".into(), items);
    let answer = portrait_set::api_portrait_set(&mut helper, set).await?;
    ensure!(answer.error_code == Some(40009), "{answer:?}");
    println!("an unknown tag: 40009");

    let answer = kick::api_kick(&mut helper, kick::KickRequest::new("rust_user")).await?;
    ensure!(answer.error_code == Some(0), "{answer:?}");
    let delete = account_delete::AccountDeleteRequest::new(vec![account_delete::DeleteItem::new("rust_user")]);
    let answer = account_delete::api_account_delete(&mut helper, delete).await?;
    ensure!(answer.result_item.context("no ResultItem")?[0].result_code == 0);
    println!("kick and account_delete ok");
    Ok(())
}
