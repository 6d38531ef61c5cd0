//! Sensitive words: what a list becomes is bounded, and takes little more memory than its bytes.

use crate::harness::TestServer;
use crate::memory_limit::{limit, serve};
use serde_json::json;

/// The longest list: 20,000,000 bytes, also after normalisation.
pub(crate) fn longest() -> String {
    lines(100_000, &"x".repeat(194))
}

/// A list of a tenth of that, in which each character of 3 bytes becomes 33 bytes.
fn swelling() -> String {
    lines(10_000, &"\u{fdfa}".repeat(64))
}

/// Words with numbers of 6 digits before them.
fn lines(count: usize, word: &str) -> String {
    (0..count).flat_map(|number| [format!("{number:06}"), format!("{word}\n")]).collect()
}

pub(crate) fn put(server: &TestServer, app: u32, words: &str) -> (u16, String) {
    server.admin("PUT", &format!("/apps/{app}/words"), words)
}

#[test]
fn large_lists_take_little_memory_and_larger_ones_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = serve(&dir.path().join("data"));
    let apps = [1_400_000_021, 1_400_000_022, 1_400_000_023, 1_400_000_024];
    for app in apps {
        let (status, body) = server.admin("POST", "/apps", &json!({ "sdkappid": app }).to_string());
        assert_eq!(status, 201, "{body}");
    }
    limit(&server, 768 << 20);
    let (status, body) = put(&server, apps[0], &swelling());
    assert!(status == 400 && body.contains("bytes after Unicode normalization"), "{status} {body}");
    let longest = longest();
    for app in &apps[..3] {
        let (status, body) = put(&server, *app, &longest);
        assert_eq!(status, 200, "{body}");
    }
    let (status, body) = put(&server, apps[3], &longest);
    assert!(status == 409 && body.contains("those of all other apps 60000000"), "{status} {body}");
    let (status, body) = put(&server, apps[3], "bad\n");
    assert_eq!(status, 200, "{body}");
    let text = format!("so 000007{}", "X".repeat(194));
    let path = format!("/apps/{}/words/test", apps[0]);
    let (_, body) = server.admin("POST", &path, &json!({ "text": text }).to_string());
    assert!(body.contains("000007"), "{body}");
}
