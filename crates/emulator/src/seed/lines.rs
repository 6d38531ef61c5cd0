//! Seeds in JSON Lines: one account a line.

use portraitd_admin::jsonl;
use portraitd_model::{AccountSeed, AppSettings, Bilingual, FieldSchema, SdkAppId};
use portraitd_store::Image;

pub(super) fn read(text: &str, app: &AppSettings) -> Result<Vec<AccountSeed>, Bilingual> {
    let schema = FieldSchema::of(app);
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            let line_number = index + 1;
            jsonl::read(&schema, line.as_bytes()).map_err(|reason| {
                reason.after(&format!("line {line_number}: "), &format!("第 {line_number} 行："))
            })
        })
        .collect()
}

pub(super) fn write(image: &Image, app: SdkAppId) -> anyhow::Result<String> {
    let mut text = String::new();
    for (user, profile) in image.profiles(app) {
        text.push_str(jsonl::write(user, profile)?.get());
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_line() {
        let app = AppSettings::new(SdkAppId(1));
        let good = "{\"UserID\":\"a\"}\r\n\n{\"UserID\":\"b\",\"ProfileItem\":[{\"Tag\":\"Tag_Profile_IM_Level\",\"Value\":7}]}\n";
        assert_eq!(read(good, &app).unwrap().len(), 2);
        let refused = |line: &str, part: &str| {
            let error = read(&format!("{good}{line}\n{good}"), &app).unwrap_err();
            let error = error.english();
            assert!(error.starts_with("line 4: ") && error.contains(part), "{error}");
        };
        refused("{\"UserID\":\"c\"", "not an account's line");
        refused("{\"UserID\":\"c\",\"Nick\":\"x\"}", "unknown field `Nick`");
        refused(
            "{\"UserID\":\"c\",\"ProfileItem\":[{\"Tag\":\"Tag_Profile_IM_Level\",\"Value\":\"7\"}]}",
            "item 1",
        );
        refused(
            "{\"UserID\":\"c\",\"ProfileItem\":[{\"Tag\":\"nickName\",\"Value\":\"7\"}]}",
            "Tag_Profile_IM_Nick",
        );
    }
}
