//! Handlers of named admin tokens. Creating or revoking one takes effect with the next request.

use crate::audit_log::{AuditChange, AuditContext};
use crate::auth::LOCAL;
use crate::error::AdminError;
use crate::error_code::AdminCode;
use crate::secret::{AdminToken, random_token};
use crate::state::{AdminResult, State, parse_body};
use crate::types::{CreatedToken, NewToken, TokenView};
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use axum::{Extension, Json};
use portraitd_model::bilingual;
use portraitd_store::{PutToken, RemoveToken, StoreError, TokenRecord, TokenRole};
use serde_json::json;

pub(crate) async fn list(Extract(state): Extract<State>) -> AdminResult<Vec<TokenView>> {
    let view = |name: String, created_ms, role: TokenRole| TokenView {
        created_ms,
        role: role.as_str().to_owned(),
        last_used_ms: state.authenticator.last_use(&name).map(|at| at.0),
        since_ms: state.started_ms(),
        name,
    };
    let local = view(LOCAL.to_owned(), None, TokenRole::Admin);
    let named = state.store.tokens().await?.into_iter();
    let named = named.map(|token| view(token.name, Some(token.created.0), token.role));
    Ok(Json([local].into_iter().chain(named).collect()))
}

pub(crate) async fn create(
    Extract(state): Extract<State>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> Result<(StatusCode, Json<CreatedToken>), AdminError> {
    let NewToken { name, role } = parse_body(&body)?;
    if !is_valid_name(&name) {
        return Err(AdminError::invalid(bilingual!(
            "name: a token's name has 1 to 64 letters, digits, dots, hyphens and underscores, the first a letter or a digit",
            "name：令牌名称为 1 到 64 个字母、数字、点、连字符与下划线，以字母或数字开头"
        )));
    }
    let role = role.as_deref().map_or(Ok(TokenRole::Admin), |role| {
        let is_none = || {
            AdminError::invalid(bilingual!(
                "role: `{role}` is not viewer, operator or admin",
                "role：`{role}` 不是 viewer、operator 或 admin"
            ))
        };
        TokenRole::named(role).ok_or_else(is_none)
    })?;
    let exists = || {
        AdminError::new(
            AdminCode::AlreadyExists,
            bilingual!(
                "there is a token named {name} already; revoke it first, or choose another name",
                "已有名为 {name} 的令牌；请先吊销它，或另选名称"
            ),
        )
    };
    if name == LOCAL {
        return Err(exists());
    }
    let token = random_token().map_err(AdminError::system)?;
    let hash = AdminToken::new(&token).hash();
    let record = TokenRecord { name: name.clone(), hash, created: state.clock.now(), role };
    let change = AuditChange::without_before(json!({ "token": name, "role": role.as_str() }));
    match state.write_audited(&context, None, PutToken(record), change).await {
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
        let sentence = bilingual!(
            "the token `local` can't be revoked: to replace it, delete the file admin.token and restart the server",
            "令牌 `local` 不能吊销：如需更换，请删除 admin.token 文件并重启服务"
        );
        return Err(AdminError::new(AdminCode::NotPossible, sentence));
    }
    let change = AuditChange { before: json!({ "token": name }), after: json!({}) };
    let removed = state.write_audited(&context, None, RemoveToken(name.clone()), change).await?;
    if removed == 0 {
        return Err(AdminError::new(
            AdminCode::NoSuchItem,
            bilingual!("there is no token named {name}", "没有名为 {name} 的令牌"),
        ));
    }
    state.authenticator.reload().await?;
    if let Some(sessions) = state.authenticator.sessions() {
        sessions.end_all(&name).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A name is a segment of a path, and an argument of commands: not `..`, and not `-h`.
fn is_valid_name(name: &str) -> bool {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    (1..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_an_alphabet() {
        for name in ["a", "7", "ci.deploy-2_b", &"n".repeat(64)] {
            assert!(is_valid_name(name), "{name}");
        }
        for name in ["", ".", "..", "...", "-h", "_a", ".a", "a b", "a/b", "é", "a\u{202e}", &"n".repeat(65)]
        {
            assert!(!is_valid_name(name), "{name}");
        }
    }
}
