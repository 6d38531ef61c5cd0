//! OpenTelemetry traces, as a collector gets them.

use crate::harness::binary;

/// Standard variables that are set for every program of a machine are no error.
#[cfg(not(feature = "otel"))]
#[test]
fn otel_variables_of_others_are_left_alone() {
    let mut command = binary();
    command.args(["dev", "--key", crate::harness::KEY]).env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let server = crate::harness::TestServer::start_with(&mut command);
    server.dev_app().import("alice");
}

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
    use crate::tls::Authority;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
    use prost::Message;
    use serde_json::Value;
    use std::process::Command;

    const SET: &str = r#"{"From_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"x"}]}"#;
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    /// A server that sends JSON, which tests read more easily than protobuf.
    fn serve(data: &std::path::Path, collector: &str) -> TestServer {
        TestServer::serve_altered(
            data,
            &format!("[limits]\nenabled = false\n[log]\notlp_endpoint = \"http://{collector}/v1/traces\""),
            |command| variables(command, &[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")]),
        )
    }

    /// Those given alone, whatever the tests run with.
    fn variables(command: &mut Command, variables: &[(&str, &str)]) {
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OTEL_")) {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied());
    }

    /// A server whose collector variables alone name, and a call of it.
    fn called(values: &[(&str, &str)]) -> TestServer {
        let mut command = binary();
        variables(command.args(["dev", "--key", crate::harness::KEY]), values);
        let server = TestServer::start_with(&mut command);
        server.dev_app().import("alice");
        server
    }

    fn message(call: &Call) -> ExportTraceServiceRequest {
        assert_eq!(call.header("content-type"), Some("application/x-protobuf"));
        ExportTraceServiceRequest::decode(call.bytes.as_slice()).unwrap()
    }

    fn text<'a>(attributes: &'a [KeyValue], key: &str) -> &'a str {
        let found = attributes.iter().find(|attribute| attribute.key == key);
        match found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
            Some(any_value::Value::StringValue(text)) => text,
            other => panic!("{key} is {other:?}"),
        }
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
        let parent = first["parentSpanId"].as_str().unwrap_or_default();
        assert!(parent.is_empty() && first["spanId"].as_str().unwrap().len() == 16, "{first}");
        assert_eq!(
            (attribute(spans[2], "portraitd.code"), attribute(spans[2], "url.path")),
            ("60009", "/v4/no")
        );
        for call in &calls {
            assert_eq!(
                (call.target.as_str(), call.header("content-type")),
                ("/v1/traces", Some("application/json"))
            );
            let resource = &call.body["resourceSpans"][0]["resource"];
            assert_eq!(attribute(resource, "service.name"), "portraitd");
            assert_eq!(attribute(resource, "service.version"), env!("CARGO_PKG_VERSION"));
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

    /// Protobuf is the default; a base URL, headers, a name and attributes come from the standard variables.
    #[test]
    fn otel_variables_name_the_collector_and_the_service() {
        let collector = Receiver::start(|_| Reply::Http(200, String::new()));
        let base = format!("http://{}", collector.address);
        let _server = called(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &base),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20secret,x-tenant=im"),
            ("OTEL_SERVICE_NAME", "im-profile"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment.name=test"),
        ]);
        let call = collector.wait_for(1).remove(0);
        assert_eq!(call.target, "/v1/traces");
        assert_eq!(
            (call.header("authorization"), call.header("x-tenant")),
            (Some("Bearer secret"), Some("im"))
        );
        let message = message(&call);
        let spans = &message.resource_spans[0];
        let resource = &spans.resource.as_ref().unwrap().attributes;
        assert_eq!(text(resource, "service.name"), "im-profile");
        assert_eq!(text(resource, "deployment.environment.name"), "test");
        let scope = &spans.scope_spans[0];
        assert_eq!(scope.scope.as_ref().unwrap().name, "portraitd");
        let span = &scope.spans[0];
        assert_eq!((span.name.as_str(), span.kind, span.trace_id.len()), ("account_import", 2, 16));
        assert_eq!(text(&span.attributes, "url.path"), "/v4/im_open_login_svc/account_import");
        assert!(span.end_time_unix_nano > span.start_time_unix_nano);
    }

    /// Over TLS, to a collector whose certificate a file of the operator's own signs.
    #[test]
    fn otel_collectors_are_called_over_tls() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("ours");
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, authority.pem()).unwrap();
        let collector = authority.certificate("localhost").receiver();
        let port = collector.address.rsplit(':').next().unwrap();
        let url = format!("https://localhost:{port}/traces");
        let trusting = [
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url.as_str()),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", ca_file.to_str().unwrap()),
        ];
        let mut stranger = called(&trusting[..1]);
        stranger.signal("-TERM");
        assert!(stranger.child.wait().unwrap().success());
        let log = stranger.log();
        assert!(log.contains("takes no spans") && log.contains("UnknownIssuer"), "{log}");
        assert!(log.contains("spans were lost"), "{log}");
        let _server = called(&trusting);
        let call = collector.wait_for(1).remove(0);
        assert_eq!((call.target.as_str(), message(&call).resource_spans.len()), ("/traces", 1));
    }

    #[test]
    fn otel_protocols_that_are_not_spoken_are_refused() {
        let mut command = binary();
        variables(
            command.args(["dev", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]),
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317"),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ],
        );
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("OTEL_EXPORTER_OTLP_PROTOCOL is `grpc`"), "{said}");
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
