//! OpenTelemetry traces, as a collector gets them.

use crate::harness::binary;

#[cfg(not(feature = "otel"))]
#[test]
fn otel_that_was_not_built_in_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = binary();
    command.env("PORTRAITD_LOG_OTLP_ENDPOINT", "http://127.0.0.1:4318/v1/traces");
    let output = command.args(["serve", "--data"]).arg(dir.path().join("data")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{said}");
    assert!(
        said.contains(
            "this portraitd was built without OpenTelemetry; build with --features otel or remove log.otlp_endpoint"
        ),
        "{said}"
    );
}

#[cfg(feature = "otel")]
mod built_in {
    use super::binary;
    use crate::harness::{App, TestServer, path_of};
    use crate::receiver::{Call, Receiver, Reply};
    use serde_json::Value;

    const SET: &str = r#"{"From_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"x"}]}"#;
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    fn serve(data: &std::path::Path, collector: &str) -> TestServer {
        TestServer::serve(
            data,
            &format!("[limits]\nenabled = false\n[log]\notlp_endpoint = \"http://{collector}/v1/traces\""),
        )
    }

    /// A `portrait_set` with a `traceparent`; gives the answer's request id.
    fn set(app: &App<'_>, traceparent: &str) -> String {
        let (target, length) =
            (format!("{}?{}", path_of("portrait_set"), app.query("administrator")), SET.len());
        let request = format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\ntraceparent: {traceparent}\r\nContent-Length: {length}\r\n\r\n{SET}"
        );
        let answer = app.server.connect().exchange(request.as_bytes()).unwrap();
        assert_eq!(answer.code(), 0);
        answer.header("x-request-id").unwrap().to_owned()
    }

    fn spans(calls: &[Call]) -> Vec<&Value> {
        let spans = calls.iter().map(|call| &call.body["resourceSpans"][0]["scopeSpans"][0]["spans"]);
        spans.flat_map(|spans| spans.as_array().unwrap()).collect()
    }

    /// An attribute's value, as text.
    fn attribute<'a>(span: &'a Value, key: &str) -> &'a str {
        let attributes = span["attributes"].as_array().unwrap();
        let found = attributes.iter().find(|attribute| attribute["key"] == key);
        let value = &found.unwrap_or_else(|| panic!("{key} is not in {span}"))["value"];
        value["stringValue"].as_str().or(value["intValue"].as_str()).unwrap()
    }

    fn number(text: &Value) -> u64 {
        text.as_str().unwrap().parse().unwrap()
    }

    #[test]
    fn otel_collectors_get_one_span_for_each_call() {
        let collector = Receiver::start(|_| Reply::Http(200, "{}".into()));
        let folder = tempfile::tempdir().unwrap();
        let server = serve(&folder.path().join("data"), &collector.address);
        let app = server.app();
        app.import("alice");
        set(&app, &format!("00-{TRACE}-{PARENT}-00"));
        let request_id = set(&app, &format!("00-{TRACE}-{PARENT}-01"));
        assert_eq!(
            server.connect().exchange(&crate::harness::post("/v4/no?usersig=x", "{}")).unwrap().code(),
            60009
        );
        let calls = collector.wait_until("three spans", |calls| spans(calls).len() >= 3);
        let spans = spans(&calls);
        let names: Vec<_> = spans.iter().map(|span| span["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["account_import", "portrait_set", "unknown"], "who is not sampled leaves none");

        let span = spans[1];
        assert_eq!((&span["traceId"], &span["parentSpanId"]), (&TRACE.into(), &PARENT.into()));
        assert_eq!(span["kind"], 2);
        let app_id = app.id.to_string();
        for (key, value) in [
            ("http.request.method", "POST"),
            ("url.path", "/v4/profile/portrait_set"),
            ("portraitd.sdkappid", &app_id),
            ("portraitd.code", "0"),
            ("portraitd.request_id", &request_id),
        ] {
            assert_eq!(attribute(span, key), value, "{key}");
        }
        let micros = |key: &str| attribute(span, key).parse::<u64>().unwrap();
        let elapsed = number(&span["endTimeUnixNano"]) - number(&span["startTimeUnixNano"]);
        let steps = micros("portraitd.auth_micros")
            + micros("portraitd.body_micros")
            + micros("portraitd.work_micros");
        assert!(steps <= elapsed / 1_000 && micros("portraitd.store_micros") > 0, "{span}");

        let first = spans[0];
        assert!(first["traceId"] != TRACE && first["traceId"].as_str().unwrap().len() == 32, "{first}");
        assert!(
            first.get("parentSpanId").is_none() && first["spanId"].as_str().unwrap().len() == 16,
            "{first}"
        );
        assert_eq!(
            (attribute(spans[2], "portraitd.code"), attribute(spans[2], "url.path")),
            ("60009", "/v4/no")
        );
        for call in &calls {
            assert_eq!(
                (call.target.as_str(), call.header("content-type")),
                ("/v1/traces", Some("application/json"))
            );
            assert!(call.raw_body.contains(r#"{"key":"service.name","value":{"stringValue":"portraitd"}}"#));
            assert!(!call.raw_body.to_lowercase().contains("usersig"), "{}", call.raw_body);
        }
    }

    /// A server that stops sends what waits.
    #[test]
    fn otel_spans_are_sent_before_the_end() {
        let collector = Receiver::start(|_| Reply::Http(200, "{}".into()));
        let folder = tempfile::tempdir().unwrap();
        let mut server = serve(&folder.path().join("data"), &collector.address);
        let app = server.app();
        for user in ["a", "b", "c"] {
            app.import(user);
        }
        server.signal("-TERM");
        assert!(server.child.wait().unwrap().success());
        assert_eq!(spans(&collector.calls()).len(), 3);
    }

    #[test]
    fn otel_collectors_that_are_down_or_hang_harm_no_call() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let down = free.local_addr().unwrap().to_string();
        drop(free);
        let (hanging, refusing) =
            (Receiver::start(|_| Reply::Hang), Receiver::start(|_| Reply::Http(500, "{}".into())));
        for collector in [&down, &hanging.address, &refusing.address] {
            let folder = tempfile::tempdir().unwrap();
            let mut server = serve(&folder.path().join("data"), collector);
            let app = server.app();
            app.import("alice");
            for _ in 0..600 {
                assert_eq!(app.code("account_check", r#"{"CheckItem":[{"UserID":"alice"}]}"#), 0);
            }
            server.signal("-TERM");
            assert!(server.child.wait().unwrap().success(), "{collector}");
            let log = server.log();
            assert!(log.contains("the OpenTelemetry collector takes no spans"), "{log}");
        }
    }

    #[test]
    fn otel_endpoints_that_are_no_url_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut command = binary();
        command.env("PORTRAITD_LOG_OTLP_ENDPOINT", "127.0.0.1:4318");
        let output = command.args(["serve", "--data"]).arg(dir.path().join("data")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("must be a URL without a user"), "{said}");
    }
}
