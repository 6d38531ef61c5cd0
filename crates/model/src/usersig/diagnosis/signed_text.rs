//! The texts that people sign in place of the right one.

use super::super::{UserSig, content};
use super::document::Members;
use super::words::{percent_encoded, utf16};
use super::{IdentifierForm, LabelStyle, LineEnds, TextSlip, UserbufSlip};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::HashSet;

/// A text, and what is wrong with it.
pub(super) struct SignedText {
    pub(super) slips: Vec<TextSlip>,
    pub(super) bytes: Vec<u8>,
    /// Whether it is frequent enough to be tried together with a wrong key.
    pub(super) is_common: bool,
}

const LABELS: [&str; 4] = ["TLS.identifier", "TLS.sdkappid", "TLS.time", "TLS.expire"];

/// Every order of the four lines, those that people write first.
fn orders() -> Vec<[usize; 4]> {
    let mut orders = vec![[0, 1, 3, 2], [1, 0, 2, 3], [3, 0, 1, 2]];
    for a in 0..4 {
        for b in (0..4).filter(|b| *b != a) {
            for c in (0..4).filter(|c| ![a, b].contains(c)) {
                orders.extend((0..4).filter(|d| ![a, b, c].contains(d)).map(|d| [a, b, c, d]));
            }
        }
    }
    orders
}

/// The expiries that libraries and examples have as a default, in seconds.
const EXPIRIES: [u64; 9] = [0, 300, 3_600, 86_400, 604_800, 2_592_000, 15_552_000, 31_536_000, 315_360_000];

/// A signed text in the making: its lines of a label and a value.
#[derive(Clone)]
struct Lines(Vec<(&'static str, String)>);

impl Lines {
    fn of(sig: &UserSig) -> Self {
        let values = [
            sig.identifier.clone(),
            sig.sdk_app_id.to_string(),
            sig.time.to_string(),
            sig.expire.to_string(),
        ];
        let mut lines: Vec<_> = LABELS.into_iter().zip(values).collect();
        lines.extend(sig.userbuf.clone().map(|buffer| ("TLS.userbuf", buffer)));
        Self(lines)
    }

    fn join(&self, between: &str, end: &str) -> String {
        let lines: Vec<_> = self.0.iter().map(|(label, value)| format!("{label}:{value}")).collect();
        lines.join(between) + end
    }

    fn text(&self) -> String {
        self.join("\n", "\n")
    }

    fn with(&self, label: &str, value: impl Into<String>) -> Self {
        let mut lines = self.clone();
        if let Some(line) = lines.0.iter_mut().find(|(known, _)| *known == label) {
            line.1 = value.into();
        }
        lines
    }

    fn ordered(&self, order: [usize; 4]) -> Self {
        let lines = order.into_iter().filter_map(|place| self.0.get(place).cloned());
        Self(lines.chain(self.0.iter().skip(4).cloned()).collect())
    }

    /// With labels and what is between label and value written otherwise.
    fn labelled(&self, separator: &str, label: impl Fn(&str) -> String) -> String {
        let lines = self.0.iter().map(|(known, value)| [&label(known), separator, value, "\n"].concat());
        lines.collect()
    }

    /// Every way of ending lines.
    fn ended(&self) -> impl Iterator<Item = (LineEnds, String)> {
        use LineEnds::{
            Ampersand, AmpersandLastMissing, Backslash, BackslashLastMissing, BlankLine, Comma, Cr, CrLf,
            LastMissing, None, Space,
        };
        let ways = [
            (LastMissing, "\n", ""),
            (CrLf, "\r\n", "\r\n"),
            (Backslash, "\\n", "\\n"),
            (BackslashLastMissing, "\\n", ""),
            (None, "", ""),
            (BlankLine, "\n", "\n\n"),
            (Cr, "\r", "\r"),
            (Space, " ", " "),
            (Comma, ",", ","),
            (Ampersand, "&", "&"),
            (AmpersandLastMissing, "&", ""),
        ];
        ways.into_iter().map(|(ends, between, end)| (ends, self.join(between, end)))
    }
}

/// The texts, frequent ones first; none is there twice, nor is the right one.
#[derive(Default)]
struct Texts {
    list: Vec<SignedText>,
    seen: HashSet<Vec<u8>>,
}

impl Texts {
    fn add(&mut self, is_common: bool, slips: Vec<TextSlip>, bytes: impl Into<Vec<u8>>) {
        let bytes = bytes.into();
        if self.seen.insert(bytes.clone()) {
            self.list.push(SignedText { slips, bytes, is_common });
        }
    }

    fn common(&mut self, slip: TextSlip, bytes: impl Into<Vec<u8>>) {
        self.add(true, vec![slip], bytes);
    }

    fn rare(&mut self, slip: TextSlip, bytes: impl Into<Vec<u8>>) {
        self.add(false, vec![slip], bytes);
    }
}

/// The text that is to be signed.
pub(super) fn right(sig: &UserSig) -> Vec<u8> {
    content(&sig.identifier, sig.sdk_app_id, sig.time, sig.expire, sig.userbuf.as_deref()).into_bytes()
}

/// The texts that people sign in its place. `apps` are the numbers of the server's other apps.
pub(super) fn wrong(sig: &UserSig, members: &Members<'_>, apps: &[u64]) -> Vec<SignedText> {
    let mut texts = Texts::default();
    texts.seen.insert(right(sig));
    let lines = Lines::of(sig);
    for (ends, text) in lines.ended() {
        texts.common(TextSlip::LineEnds(ends), text);
    }
    json(&mut texts, members);
    userbuf(&mut texts, sig, &lines);
    values(&mut texts, sig, &lines);
    identifiers(&mut texts, sig, &lines);
    labels(&mut texts, sig, &lines);
    for app in apps {
        texts.rare(TextSlip::OtherApp(*app), lines.with("TLS.sdkappid", app.to_string()).text());
    }
    texts.rare(TextSlip::Utf16, utf16(&lines.text()));
    for order in orders() {
        let ordered = lines.ordered(order);
        let slip =
            TextSlip::Order(order.into_iter().filter_map(|place| LABELS.get(place).copied()).collect());
        texts.common(slip.clone(), ordered.text());
        for (ends, text) in ordered.ended() {
            texts.add(false, vec![slip.clone(), TextSlip::LineEnds(ends)], text);
        }
    }
    texts.list
}

/// The document without its signature, as serialisers write it.
fn json(texts: &mut Texts, members: &Members<'_>) {
    for (comma, colon) in [(",", ":"), (", ", ": ")] {
        let written: Vec<_> = members
            .iter()
            .filter(|(name, _)| *name != "TLS.sig")
            .map(|(name, value)| format!("\"{name}\"{colon}{value}"))
            .collect();
        texts.rare(TextSlip::Json, format!("{{{}}}", written.join(comma)));
    }
}

fn userbuf(texts: &mut Texts, sig: &UserSig, lines: &Lines) {
    let slip = TextSlip::Userbuf;
    let Some(buffer) = sig.userbuf.as_deref() else {
        texts.rare(slip(UserbufSlip::Added), format!("{}TLS.userbuf:\n", lines.text()));
        return;
    };
    let without = Lines(lines.0.iter().filter(|(label, _)| *label != "TLS.userbuf").cloned().collect());
    texts.common(slip(UserbufSlip::Missing), without.text());
    let raw = STANDARD.decode(buffer).unwrap_or_default();
    texts.common(slip(UserbufSlip::Raw), [without.text().as_bytes(), b"TLS.userbuf:", &raw, b"\n"].concat());
    for letters in [['*', '-', '_'], ['-', '_', '=']] {
        let [plus, slash, equals] = letters.map(String::from);
        let written = buffer.replace('/', &slash).replace('+', &plus).replace('=', &equals);
        texts.rare(slip(UserbufSlip::Alphabet), lines.with("TLS.userbuf", written).text());
    }
    texts.rare(slip(UserbufSlip::Base64Twice), lines.with("TLS.userbuf", STANDARD.encode(buffer)).text());
}

fn values(texts: &mut Texts, sig: &UserSig, lines: &Lines) {
    let (time, expire) = (sig.time, sig.expire);
    for seconds in [1_i64, -1, 2, -2, 3, -3, 4, -4, 5, -5] {
        let signed = time.saturating_add_signed(seconds);
        texts.rare(TextSlip::Time(seconds), lines.with("TLS.time", signed.to_string()).text());
    }
    for (label, value, slip) in
        [("TLS.time", time, TextSlip::TimeUnit), ("TLS.expire", expire, TextSlip::ExpireUnit)]
    {
        for other in [value.saturating_mul(1000), value / 1000] {
            texts.rare(slip.clone(), lines.with(label, other.to_string()).text());
        }
        texts.rare(TextSlip::Fraction(label), lines.with(label, format!("{value}.0")).text());
    }
    let both = lines.with("TLS.time", format!("{time}.0")).with("TLS.expire", format!("{expire}.0"));
    texts.rare(TextSlip::Fraction("TLS.time"), both.text());
    for other in [time.saturating_add(expire), expire.saturating_sub(time)] {
        texts.rare(TextSlip::ExpireIsATime, lines.with("TLS.expire", other.to_string()).text());
    }
    for other in EXPIRIES.into_iter().filter(|other| *other != expire) {
        texts.rare(TextSlip::Expire(other), lines.with("TLS.expire", other.to_string()).text());
    }
    let swapped = lines.with("TLS.time", expire.to_string()).with("TLS.expire", time.to_string());
    texts.rare(TextSlip::TimeAndExpire, swapped.text());
    let app = format!("\"{}\"", sig.sdk_app_id);
    texts.rare(TextSlip::QuotedApp, lines.with("TLS.sdkappid", app.as_str()).text());
    texts.rare(TextSlip::QuotedApp, lines.with("TLS.sdkappid", app.replace('"', "'")).text());
    for line in ["TLS.ver:2.0\n", "TLS.version:2.0\n"] {
        texts.rare(TextSlip::Version, format!("{line}{}", lines.text()));
        texts.rare(TextSlip::Version, format!("{}{line}", lines.text()));
    }
}

fn identifiers(texts: &mut Texts, sig: &UserSig, lines: &Lines) {
    use IdentifierForm::{Escaped, LowerCase, PercentEncoded, Quoted, Trimmed, UpperCase};
    let name = sig.identifier.as_str();
    let escaped: String = name
        .encode_utf16()
        .map(|unit| match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
            _ => format!("\\u{unit:04x}"),
        })
        .collect();
    for (form, written) in [
        (Quoted, format!("\"{name}\"")),
        (Quoted, format!("'{name}'")),
        (PercentEncoded, percent_encoded(name)),
        (LowerCase, name.to_lowercase()),
        (UpperCase, name.to_uppercase()),
        (Trimmed, name.trim().to_owned()),
        (Escaped, escaped),
    ] {
        texts.rare(TextSlip::Identifier(form), lines.with("TLS.identifier", written).text());
    }
}

fn labels(texts: &mut Texts, sig: &UserSig, lines: &Lines) {
    use LabelStyle::{AppId, Case, Equals, Formula, Identifier, None, Spaced, Version1, WithoutPrefix};
    let slip = TextSlip::Labels;
    let bare = |label: &str| label.trim_start_matches("TLS.").to_owned();
    texts.common(slip(WithoutPrefix), lines.labelled(":", bare));
    texts.common(slip(Equals), lines.labelled("=", str::to_owned));
    texts.common(slip(Spaced), lines.labelled(": ", str::to_owned));
    texts.rare(slip(None), lines.labelled("", |_| String::new()));
    let values: String = lines.0.iter().map(|(_, value)| value.as_str()).collect();
    texts.rare(slip(Formula), format!("{values}{}", STANDARD.encode(&values)));
    texts.rare(slip(Formula), values);
    for name in ["TLS.sdkAppId", "TLS.SDKAppID", "TLS.SdkAppid", "TLS.sdkAppid", "TLS.sdk_appid", "TLS.appid"]
    {
        let label = |label: &str| if label == "TLS.sdkappid" { name.to_owned() } else { label.to_owned() };
        texts.rare(slip(AppId(name)), lines.labelled(":", label));
    }
    for name in ["TLS.userid", "TLS.userId", "TLS.UserID", "TLS.Identifier", "TLS.account"] {
        let label = |label: &str| if label == "TLS.identifier" { name.to_owned() } else { label.to_owned() };
        texts.rare(slip(Identifier(name)), lines.labelled(":", label));
    }
    texts.rare(slip(Case), lines.labelled(":", str::to_lowercase));
    texts.rare(slip(Case), lines.labelled(":", str::to_uppercase));
    let UserSig { identifier, sdk_app_id, time, expire, .. } = sig;
    let version_1 = format!(
        "TLS.appid_at_3rd:0\nTLS.account_type:0\nTLS.identifier:{identifier}\nTLS.sdk_appid:{sdk_app_id}\nTLS.time:{time}\n\
         TLS.expire_after:{expire}\n"
    );
    texts.rare(slip(Version1), version_1);
}
