//! What a Rust user would write: axum over a store chosen by the first argument. `compare-peer sqlite|fjall PATH PORT` serves;
//! `compare-peer sqlite|fjall PATH load` stores the lines of `portraitd-bench accounts` from standard input.
//!
//! Run by compare.py. No UserSig, no field and no word is checked, so it has less to do than portraitd.

mod store;

use axum::extract::{Json, State};
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::post};
use serde::Deserialize;
use serde_json::{Value, json};
use store::{Profile, Store};

/// Any error; HTTP status 500.
#[derive(Debug)]
struct Failure(Box<dyn std::error::Error + Send + Sync>);

impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.0.to_string()).into_response()
    }
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "Tag")]
    tag: String,
    #[serde(rename = "Value")]
    value: Value,
}

#[derive(Deserialize)]
struct SetCall {
    /// `UserID` in the lines of `portraitd-bench accounts`.
    #[serde(rename = "From_Account", alias = "UserID")]
    account: String,
    #[serde(rename = "ProfileItem")]
    items: Vec<Item>,
}

impl SetCall {
    fn split(self) -> (String, Profile) {
        (self.account, self.items.into_iter().map(|item| (item.tag, item.value)).collect())
    }
}

#[derive(Deserialize)]
struct GetCall {
    #[serde(rename = "To_Account")]
    accounts: Vec<String>,
    #[serde(rename = "TagList")]
    tags: Vec<String>,
}

/// What an answer ends with.
const OK: &str = r#""ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#;

async fn portrait_set(State(store): State<Store>, Json(call): Json<SetCall>) -> Result<Response, Failure> {
    let (account, fields) = call.split();
    store.set(account, fields).await?;
    Ok(([(CONTENT_TYPE, "application/json")], format!("{{{OK}")).into_response())
}

async fn portrait_get(State(store): State<Store>, Json(call): Json<GetCall>) -> Result<Response, Failure> {
    let mut found = Vec::new();
    for account in call.accounts {
        let profile = store.get(&account).await?;
        let item = |tag: &String| Some(json!({ "Tag": tag, "Value": profile.get(tag)? }));
        let items: Vec<_> = call.tags.iter().filter_map(item).collect();
        found.push(json!({ "To_Account": account, "ProfileItem": items, "ResultCode": 0, "ResultInfo": "" }));
    }
    let text = format!(r#"{{"UserProfileItem":{},{OK}"#, Value::Array(found));
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [kind, path, task] = arguments.as_slice() else { return Err("sqlite|fjall PATH PORT|load".into()) };
    let store = match kind.as_str() {
        "sqlite" => Store::sqlite(path).await?,
        "fjall" => Store::fjall(path)?,
        _ => return Err("the store is sqlite or fjall".into()),
    };
    if task == "load" {
        let lines = std::io::stdin().lines();
        return store.load(lines.map(|line| Ok(serde_json::from_str::<SetCall>(&line?)?.split()))).await;
    }
    let routes = Router::new()
        .route("/v4/profile/portrait_set", post(portrait_set))
        .route("/v4/profile/portrait_get", post(portrait_get))
        .with_state(store);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", task.parse::<u16>()?)).await?;
    Ok(axum::serve(listener, routes).await?)
}
