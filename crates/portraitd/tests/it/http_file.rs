//! `docs/portraitd.http`: every request of it is answered with OK by `portraitd dev`.

use crate::harness::{TestServer, post};
use std::path::Path;

#[test]
fn every_request_of_the_file_is_answered() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/portraitd.http");
    let text = std::fs::read_to_string(file).unwrap();
    let server = TestServer::dev();
    let app = server.dev_app();
    let (id, usersig) = (app.id.to_string(), app.sign("administrator"));
    let mut paths = Vec::new();
    // In the order of a test: what is deleted must be there.
    let mut requests: Vec<&str> = text.split("### ").skip(1).collect();
    requests.sort_by_key(|request| request.contains("account_delete"));
    for request in requests {
        let (_, request) = request.split_once("\nPOST {{host}}").unwrap();
        let (head, body) = request.split_once("\n\n").unwrap();
        let target = head.lines().next().unwrap();
        let target = target
            .replace("{{sdkappid}}", &id)
            .replace("{{usersig}}", &usersig)
            .replace("{{$randomInt}}", "7");
        assert!(!target.contains("{{"), "{target}");
        let answer = server.connect().exchange(&post(&target, body.trim())).unwrap();
        assert_eq!(answer.code(), 0, "{target}: {}", answer.body);
        paths.push(target.split('?').next().unwrap().to_owned());
    }
    paths.sort();
    let mut known: Vec<_> = portraitd_model::COMMANDS.iter().map(|row| row.path.to_owned()).collect();
    known.sort();
    assert_eq!(paths, known);
}
