//! Handlers that make and check UserSigs with an app's keys.

use crate::audit_log::{AuditChange, AuditContext};
use crate::error::AdminError;
use crate::error_code::AdminCode;
use crate::language::AcceptLanguage;
use crate::state::{AdminResult, State, parse_body, run_blocking};
use crate::types::console::{CheckedSig, CreatedUserSig, GivenSig, NewUserSig, SigFields};
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::{Extension, Json};
use portraitd_api::given_usersig::GivenUserSig;
use portraitd_model::{
    AppKey, AppSettings, Bilingual, Language, SdkAppId, SignRequest, UnixSeconds, UserId, UserSig, bilingual,
    diagnose, sig_warnings, sign,
};
use serde_json::json;

/// Ten years: a longer life is a mistake, such as milliseconds.
const EXPIRE_MAX: u64 = 10 * 366 * 24 * 3600;

pub(crate) async fn make(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> AdminResult<CreatedUserSig> {
    let app = state.app(&app)?;
    let NewUserSig { identifier, expire, userbuf } = parse_body(&body)?;
    let identifier = user_id(&identifier)?;
    if !(1..=EXPIRE_MAX).contains(&expire) {
        return Err(AdminError::invalid(bilingual!(
            "expire: {expire} is not a number of seconds from 1 to {EXPIRE_MAX}",
            "expire：{expire} 不是 1 到 {EXPIRE_MAX} 的秒数"
        )));
    }
    let (id, time) = (app.settings.id, state.clock.now().seconds());
    let userbuf = userbuf.as_deref().map(str::as_bytes);
    let usersig =
        sign(newest_key(&app.settings)?, SignRequest { app: id, identifier, time, expire, userbuf });
    // Whoever has it can call as this user until then.
    let change = AuditChange::without_before(json!({ "usersig_expires": time.0 + expire }));
    state.write_audit_entry(&context, Some(id), change).await?;
    Ok(Json(CreatedUserSig { usersig, expires: time.0 + expire }))
}

pub(crate) async fn check(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    AcceptLanguage(language): AcceptLanguage,
    body: Bytes,
) -> AdminResult<CheckedSig> {
    let app = state.app(&app)?;
    let GivenSig { usersig, identifier } = parse_body(&body)?;
    let given = GivenUserSig::read(&usersig);
    let wanted = Wanted {
        app: given.sdkappid.map_or(app.settings.id, SdkAppId),
        identifier: identifier.or(given.identifier),
    };
    let keys = state.registry.keys();
    let now = state.clock.now().seconds();
    // Trying what signers do wrong takes some milliseconds of a processor.
    run_blocking(move || Ok(Json(checked(&given.usersig, &wanted, &app.settings, &keys, now, language))))
        .await
}

/// What a UserSig should be for.
struct Wanted {
    app: SdkAppId,
    identifier: Option<String>,
}

fn checked(
    text: &str,
    wanted: &Wanted,
    settings: &AppSettings,
    keys: &[(SdkAppId, AppKey)],
    now: UnixSeconds,
    language: Language,
) -> CheckedSig {
    let sig = UserSig::decode(text).ok();
    let own = sig.as_ref().map_or("", UserSig::identifier);
    let found = diagnose(text, wanted.app, keys, wanted.identifier.as_deref().unwrap_or(own), now);
    let warnings = sig.as_ref().map(|sig| sig_warnings(sig, now)).unwrap_or_default();
    CheckedSig {
        code: found.as_ref().map_or(0, |found| found.cause.code()),
        reason: found.map(|found| found.cause.explain(language)),
        warnings: warnings.iter().map(|warning| warning.explain(language)).collect(),
        fields: sig.map(|sig| SigFields {
            sdkappid: sig.sdk_app_id(),
            identifier: sig.identifier().to_owned(),
            issued: sig.issued_at().0,
            expires: sig.expires_at().0,
            userbuf: sig.userbuf().map(str::to_owned),
            key: settings
                .keys
                .iter()
                .find(|record| sig.is_signed_with(&record.key))
                .map(|record| record.id.0),
        }),
    }
}

/// Returns the key that UserSigs are made with: the newest, as the others are the ones that a rotation revokes.
pub(crate) fn newest_key(settings: &AppSettings) -> Result<&AppKey, AdminError> {
    let key = settings.keys.last().map(|record| &record.key);
    key.ok_or_else(|| {
        AdminError::new(
            AdminCode::NotPossible,
            bilingual!("app {} has no key; add one first", "应用 {} 没有密钥，请先新增", settings.id.0),
        )
    })
}

/// Reads a UserID; 400 when it is none.
pub(crate) fn user_id(text: &str) -> Result<UserId, AdminError> {
    UserId::parse(text).map_err(|error| {
        AdminError::invalid(Bilingual::of(|language| error.explain(language)).of_member("identifier"))
    })
}
