//! The handler that makes one call of `/v4` for the console: signs it, sends it, and shows what became of it.

use super::usersig::{newest_key, user_id};
use crate::audit_log::{AuditChange, AuditContext};
use crate::auth::Actor;
use crate::call_target::OutgoingCall;
use crate::error::AdminError;
use crate::language::AcceptLanguage;
use crate::secret::{random_key, random_u64};
use crate::state::{AdminResult, State, parse_body};
use crate::types::console::{TriedCall, TriedSig, TryCall};
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::{Extension, Json};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use portraitd_api::registry::App;
use portraitd_model::{AppKey, AppSettings, Command, SignRequest, UnixSeconds, UserId, bilingual, sign};
use portraitd_store::{StoreError, TokenRole};
use serde_json::json;

/// What stays as it is in a query's value.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'*');
/// How long the UserSigs of tried calls are good, in seconds.
const EXPIRE: u64 = 300;
/// No path of the cloud's is longer.
const PATH_BYTES_MAX: usize = 200;

pub(crate) async fn run(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    AcceptLanguage(language): AcceptLanguage,
    Extension(context): Extension<AuditContext>,
    Extension(actor): Extension<Actor>,
    body: Bytes,
) -> AdminResult<TriedCall> {
    let app = state.app(&app)?;
    let running = state.running.as_ref();
    let running = running.ok_or_else(|| {
        AdminError::not_running(bilingual!(
            "calls can be tried on a running server only",
            "只能在运行中的服务上试调接口"
        ))
    })?;
    let TryCall { path, identifier, usersig, body } = parse_body(&body)?;
    check_path(&path)?;
    actor.require(wanted_role(&path))?;
    let usersig = usersig_of(usersig, &app, &identifier, state.clock.now().seconds())?;
    let random = random_u64().map_err(AdminError::system)?;
    let call = OutgoingCall {
        query: format!(
            "sdkappid={}&identifier={}&random={}&contenttype=json",
            app.settings.id.0,
            utf8_percent_encode(&identifier, QUERY),
            random % 4_294_967_296
        ),
        usersig: usersig
            .map(|sig| format!("&usersig={}", utf8_percent_encode(&sig, QUERY)))
            .unwrap_or_default(),
        path,
        body,
        language,
    };
    if !running.calls.is_emulated() {
        let change = AuditChange::without_before(json!({ "tried": call.path }));
        state.write_audit_entry(&context, Some(app.settings.id), change).await?;
    }
    let sent = running.calls.send(&call, context.client_address()).await;
    sent.map(Json).map_err(|error| {
        StoreError::Unavailable(bilingual!("the call could not be sent: {error}", "请求未能发出：{error}"))
            .into()
    })
}

/// Returns the least role that may make a call: those that can write are for operators.
fn wanted_role(path: &str) -> TokenRole {
    match Command::at_path(path) {
        Some(Command::PortraitGet | Command::AccountCheck) => TokenRole::Viewer,
        _ => TokenRole::Operator,
    }
}

fn check_path(path: &str) -> Result<(), AdminError> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#');
    if path.starts_with("/v4/") && path.len() <= PATH_BYTES_MAX && path.bytes().all(is_plain) {
        return Ok(());
    }
    Err(AdminError::invalid(bilingual!(
        "path: a path starts with /v4/ and has at most {PATH_BYTES_MAX} printable ASCII characters, no ? and no #",
        "path：路径以 /v4/ 开头，最多 {PATH_BYTES_MAX} 个可打印的 ASCII 字符，不含 ? 与 #"
    )))
}

/// Makes the UserSig that was asked for; `None` for a call without one.
fn usersig_of(
    wanted: TriedSig,
    app: &App,
    identifier: &str,
    now: UnixSeconds,
) -> Result<Option<String>, AdminError> {
    const HOUR: u64 = 3600;
    let signed = |key: &AppKey, identifier: UserId, time: UnixSeconds| {
        sign(key, SignRequest { app: app.settings.id, identifier, time, expire: EXPIRE, userbuf: None })
    };
    let long_ago = UnixSeconds(now.0.saturating_sub(HOUR + EXPIRE));
    let unknown_key = || random_key().map_err(AdminError::system);
    Ok(Some(match wanted {
        TriedSig::None => return Ok(None),
        TriedSig::Given(text) => text,
        TriedSig::Valid => signed(newest_key(&app.settings)?, user_id(identifier)?, now),
        TriedSig::Expired => signed(newest_key(&app.settings)?, user_id(identifier)?, long_ago),
        TriedSig::WrongKey => signed(&unknown_key()?, user_id(identifier)?, now),
        TriedSig::OtherUser => {
            // Any name but the caller's.
            let other =
                ["somebody_else", AppSettings::ADMINISTRATOR].into_iter().find(|name| *name != identifier);
            signed(newest_key(&app.settings)?, user_id(other.unwrap_or_default())?, now)
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_model::COMMANDS;

    #[test]
    fn only_calls_that_read_are_a_viewers() {
        let viewers = COMMANDS.iter().filter(|row| wanted_role(row.path) == TokenRole::Viewer);
        let names: Vec<_> = viewers.map(|row| row.name).collect();
        assert_eq!(names, ["portrait_get", "account_check"]);
        for other in
            ["/v4/profile/portrait_get/", "/v4/profile//portrait_get", "/v4/profile/portrait%5fget", "/v4/x"]
        {
            assert_eq!(wanted_role(other), TokenRole::Operator, "{other}");
        }
    }

    #[test]
    fn a_path_stays_one_path() {
        assert!(check_path("/v4/profile/portrait_set").is_ok());
        assert!(check_path("/v4/im_open_login_svc/x%20y").is_ok());
        for bad in [
            "",
            "/",
            "/v4",
            "/admin/v1/apps",
            "/v4/a?b",
            "/v4/a#b",
            "/v4/a b",
            "/v4/a\r\nHost: b",
            "/v4/资料",
        ] {
            assert!(check_path(bad).is_err(), "{bad}");
        }
        assert!(check_path(&format!("/v4/{}", "a".repeat(PATH_BYTES_MAX))).is_err());
    }
}
