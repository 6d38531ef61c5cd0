//! What shadow mode reads: the addresses of both sides, and their answers.

use portraitd_http::server_url::ServerUrl;
use portraitd_model::Command;
use portraitd_shadow::compare::count_of_differences;

/// An address: what is shown of it is read as the same.
pub(crate) fn server_url(text: &str) -> bool {
    let Ok(url) = ServerUrl::parse(text) else { return false };
    assert_eq!(ServerUrl::parse(&url.to_string()).ok(), Some(url), "{text}");
    true
}

/// The path of a call, its body and two answers, a NUL after each of the first three. An answer does not differ from itself, and
/// it makes no difference which one is the cloud's.
pub(crate) fn answers(bytes: &[u8]) -> bool {
    let mut parts = bytes.splitn(4, |byte| *byte == 0);
    let mut next = || parts.next().unwrap_or_default();
    let [path, request, cloud, here] = [next(), next(), next(), next()];
    let Some(command) = std::str::from_utf8(path).ok().and_then(Command::at_path) else { return false };
    let differ = |one, other| count_of_differences(command, request, one, other).map(|count| count > 0);
    let Some(found) = differ(cloud, here) else { return false };
    assert_eq!(differ(here, cloud), Some(found), "one side sees a difference that the other does not");
    assert_eq!([differ(cloud, cloud), differ(here, here)], [Some(false); 2], "an answer differs from itself");
    true
}
