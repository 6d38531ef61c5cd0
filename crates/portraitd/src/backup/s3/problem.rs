//! What went wrong with the storage, in a sentence with the remedy.

use object_store::Error;
use portraitd_model::{Bilingual, bilingual};

/// Explains an error. Of what the storage answered, its code and its message are shown alone: the rest may repeat what was signed.
pub(super) fn explain(place: &str, error: &Error) -> Bilingual {
    const CREDENTIALS: [&str; 5] = [
        "AccessDenied",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "RequestTimeTooSkewed",
        "ExpiredToken",
    ];
    let said = said(&innermost(error));
    let is_of = |codes: &[&str]| codes.iter().any(|code| said.starts_with(code));
    if matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. }) || is_of(&CREDENTIALS)
    {
        return bilingual!(
            "{place}: the storage refuses the credentials, or they may not read, write, list and delete there: {said}. Check the key, its \
             secret, its rights, backup.s3.region and this machine's clock",
            "{place}：存储拒绝了凭证，或凭证没有读、写、列举与删除的权限：{said}。请检查密钥及其权限、backup.s3.region 与本机时钟"
        );
    }
    if matches!(error, Error::NotFound { .. }) || is_of(&["NoSuchBucket", "NoSuchKey"]) {
        return bilingual!(
            "{place}: there is no such bucket or object: {said}. Check backup.s3.bucket, backup.s3.endpoint and backup.s3.virtual_hosted",
            "{place}：没有此存储桶或对象：{said}。请检查 backup.s3.bucket、backup.s3.endpoint 与 backup.s3.virtual_hosted"
        );
    }
    bilingual!(
        "{place}: the storage can't be used: {said}. Check backup.s3.endpoint, the network and the storage",
        "{place}：无法使用存储：{said}。请检查 backup.s3.endpoint、网络与存储服务"
    )
}

/// The text of the first cause.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

/// The code and the message of an answer in XML, or else the beginning of the text.
fn said(text: &str) -> String {
    const CHARACTERS_MAX: usize = 300;
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(value, _)| value)
    };
    let found = match (element("Code"), element("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => text.split('<').next().unwrap_or_default().trim_end_matches([':', ' ']).to_owned(),
    };
    let plain = found.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    plain.take(CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_answer_its_code_and_its_message_are_shown() {
        let body = "Server returned non-2xx status code: 403 Forbidden: <?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code>\
                    <Message>It does not\nmatch.</Message><StringToSign>AWS4 signed</StringToSign><AWSAccessKeyId>AKID</AWSAccessKeyId></Error>";
        let error = Error::PermissionDenied { path: "p".into(), source: body.into() };
        let text = explain("s3://b", &error);
        let text = text.english();
        assert!(
            text.contains("s3://b: ") && text.contains("SignatureDoesNotMatch: It does not match."),
            "{text}"
        );
        assert!(!text.contains("AKID") && !text.contains("signed") && !text.contains('<'), "{text}");
        let error = Error::Generic { store: "S3", source: "connection refused".into() };
        assert!(explain("s3://b", &error).english().contains("can't be used: connection refused. Check"));
        let error =
            Error::Generic { store: "S3", source: "404: <Error><Code>NoSuchBucket</Code></Error>".into() };
        assert!(
            explain("s3://b", &error).english().contains("no such bucket or object: NoSuchBucket. Check")
        );
    }
}
