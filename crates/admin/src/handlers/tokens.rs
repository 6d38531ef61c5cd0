//! Named admin tokens, made and revoked while the server runs.

use crate::audit_log::{AuditContext, Changed};
use crate::auth::LOCAL;
use crate::error::AdminError;
use crate::secret::{AdminToken, random_token};
use crate::state::{Answer, State, read};
use crate::types::{CreatedToken, NewToken, TokenView};
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use axum::{Extension, Json};
use portraitd_store::{PutToken, RemoveToken, StoreError, TokenRecord};
use serde_json::json;

pub(crate) async fn list(Extract(state): Extract<State>) -> Answer<Vec<TokenView>> {
    let local = TokenView { name: LOCAL.to_owned(), created_ms: None };
    let named = state.store.tokens().await?.into_iter();
    let named = named.map(|token| TokenView { name: token.name, created_ms: Some(token.created.0) });
    Ok(Json([local].into_iter().chain(named).collect()))
}

pub(crate) async fn create(
    Extract(state): Extract<State>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> Result<(StatusCode, Json<CreatedToken>), AdminError> {
    let NewToken { name } = read(&body)?;
    if !is_name(&name) {
        return Err(AdminError::bad(
            "a token's name is 1 to 64 letters, digits, dots, hyphens and underscores",
        ));
    }
    let exists = || {
        AdminError::conflict(format!(
            "there is a token named {name}; revoke it first, or choose another name"
        ))
    };
    if name == LOCAL {
        return Err(exists());
    }
    let token = random_token().map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let hash = AdminToken::new(&token).hash();
    let record = TokenRecord { name: name.clone(), hash, created: state.clock.now() };
    let changed = Changed::to(json!({ "token": name }));
    match state.write_audited(&context, None, PutToken(record), changed).await {
        Err(StoreError::Conflict) => return Err(exists()),
        written => written?,
    }
    state.authenticator.reload().await?;
    Ok((StatusCode::CREATED, Json(CreatedToken { name, token })))
}

pub(crate) async fn revoke(
    Extract(state): Extract<State>,
    Path(name): Path<String>,
    Extension(context): Extension<AuditContext>,
) -> Result<StatusCode, AdminError> {
    if name == LOCAL {
        let how = "the token `local` is the file admin.token: delete that file and start the server again";
        return Err(AdminError::conflict(how));
    }
    let changed = Changed { before: json!({ "token": name }), after: json!({}) };
    let removed = state.write_audited(&context, None, RemoveToken(name.clone()), changed).await?;
    if removed == 0 {
        return Err(AdminError::not_found(format!("there is no token named {name}")));
    }
    state.authenticator.reload().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn is_name(name: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    (1..=64).contains(&name.len()) && name.chars().all(fits)
}
