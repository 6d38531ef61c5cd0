//! What is odd about a UserSig that may verify all the same.

use super::super::UserSig;
use super::words::{date, span};
use crate::{Language, UnixSeconds};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Something odd about a UserSig that does not refuse it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SigWarning {
    /// `TLS.time` is in milliseconds, or smaller: it never expires.
    TimeInMilliseconds(u64),
    /// `TLS.time` is before 2001: hardly Unix seconds.
    TimeLongAgo(u64),
    /// `TLS.time` is ahead of the server's clock by so many seconds.
    TimeAhead(u64),
    /// `TLS.expire` is a point in time, not a number of seconds.
    ExpireIsATime(u64),
    /// `TLS.expire` is so long that it is hardly in seconds.
    ExpireInMilliseconds(u64),
    /// `TLS.expire` is so short that it is hardly in seconds: 1, 7, 30, 180, 365.
    ExpireInDays(u64),
    /// It is a privateMapKey of TRTC, made for a room.
    PrivateMapKey,
}

/// 5138 in seconds, 1973 in milliseconds.
const SECONDS_MAX: u64 = 100_000_000_000;
/// 2001.
const SECONDS_MIN: u64 = 1_000_000_000;
const DAY: u64 = 86_400;
const YEAR: u64 = 31_557_600;

/// All that is odd.
pub(super) fn all(sig: &UserSig, now: UnixSeconds) -> Vec<SigWarning> {
    let (time, expire) = (sig.time, sig.expire);
    let is_a_time =
        |seconds: u64| (now.0.saturating_sub(YEAR)..=now.0.saturating_add(20 * YEAR)).contains(&seconds);
    let of_time = if time >= SECONDS_MAX {
        Some(SigWarning::TimeInMilliseconds(time))
    } else if time < SECONDS_MIN {
        Some(SigWarning::TimeLongAgo(time))
    } else {
        // Clocks differ by some minutes.
        let ahead = time.saturating_sub(now.0);
        (ahead > 300).then_some(SigWarning::TimeAhead(ahead))
    };
    let of_expire = if expire > 20 * YEAR && (is_a_time(expire) || is_a_time(expire / 1000)) {
        Some(SigWarning::ExpireIsATime(expire))
    } else if expire > 20 * YEAR || (expire > 0 && expire % (1000 * DAY) == 0) {
        Some(SigWarning::ExpireInMilliseconds(expire))
    } else {
        matches!(expire, 1 | 7 | 30 | 90 | 180 | 365).then_some(SigWarning::ExpireInDays(expire))
    };
    let of_room = is_private_map_key(sig).then_some(SigWarning::PrivateMapKey);
    [of_time, of_expire, of_room].into_iter().flatten().collect()
}

/// Whether its user buffer is what TRTC's signers write for a room: a version, the length of the name, the name, the app, the room.
fn is_private_map_key(sig: &UserSig) -> bool {
    let name = sig.identifier.as_bytes();
    let Some(bytes) = sig.userbuf.as_deref().and_then(|text| STANDARD.decode(text).ok()) else {
        return false;
    };
    let length = u16::try_from(name.len()).unwrap_or(u16::MAX).to_be_bytes();
    let app = u32::try_from(sig.sdk_app_id).unwrap_or_default().to_be_bytes();
    let start = [&length[..], name, &app[..]].concat();
    bytes.split_first().is_some_and(|(version, rest)| *version <= 1 && rest.starts_with(&start))
}

impl SigWarning {
    /// A sentence: what is odd, and the remedy.
    pub fn explain(self, language: Language) -> String {
        match language {
            Language::English => self.in_english(),
            Language::Chinese => self.in_chinese(),
        }
    }

    fn in_english(self) -> String {
        let span = |seconds| span(seconds, Language::English);
        match self {
            Self::TimeInMilliseconds(time) => format!(
                "TLS.time is {time}: in milliseconds it would be {}; it is read as seconds, so this UserSig never expires; \
                 divide by 1000",
                date(UnixSeconds(time / 1000))
            ),
            Self::TimeLongAgo(time) => {
                format!("TLS.time is {time}, which is {}: it is the time of signing in Unix seconds", date(UnixSeconds(time)))
            }
            Self::TimeAhead(ahead) => {
                format!("TLS.time is {} ahead of the server's clock: set the clock of the signing machine, in UTC", span(ahead))
            }
            Self::ExpireIsATime(expire) => format!(
                "TLS.expire is {expire}, which looks like a point in time ({}); it is a number of seconds after TLS.time, such as \
                 86400 for a day",
                date(UnixSeconds(if expire >= SECONDS_MAX { expire / 1000 } else { expire }))
            ),
            Self::ExpireInMilliseconds(expire) => format!(
                "TLS.expire is {expire} seconds, which is {}: is it in milliseconds? Divide by 1000",
                span(expire)
            ),
            Self::ExpireInDays(expire) => {
                format!("TLS.expire is {expire} seconds: is it in days? A day is 86400")
            }
            Self::PrivateMapKey => {
                "it is a privateMapKey of TRTC, made for a room: the REST API wants a UserSig, from genUserSig".to_owned()
            }
        }
    }

    fn in_chinese(self) -> String {
        let span = |seconds| span(seconds, Language::Chinese);
        match self {
            Self::TimeInMilliseconds(time) => format!(
                "TLS.time 为 {time}，按毫秒计是 {}；此处按秒计，因此该 UserSig 永不过期，请除以 1000",
                date(UnixSeconds(time / 1000))
            ),
            Self::TimeLongAgo(time) => {
                format!(
                    "TLS.time 为 {time}，即 {}：应为签名时的 Unix 时间戳，单位秒",
                    date(UnixSeconds(time))
                )
            }
            Self::TimeAhead(ahead) => {
                format!("TLS.time 比服务器时钟快 {}：请校准签名机器的时钟（UTC）", span(ahead))
            }
            Self::ExpireIsATime(expire) => format!(
                "TLS.expire 为 {expire}，像是一个时间点（{}）；它是从 TLS.time 起的秒数，例如一天为 86400",
                date(UnixSeconds(if expire >= SECONDS_MAX { expire / 1000 } else { expire }))
            ),
            Self::ExpireInMilliseconds(expire) => {
                format!("TLS.expire 为 {expire} 秒，即 {}：是否误用了毫秒？请除以 1000", span(expire))
            }
            Self::ExpireInDays(expire) => {
                format!("TLS.expire 为 {expire} 秒：是否误用了天数？一天为 86400 秒")
            }
            Self::PrivateMapKey => {
                "这是 TRTC 的 privateMapKey（进房权限票据）；REST API 需要 genUserSig 生成的 UserSig"
                    .to_owned()
            }
        }
    }
}
