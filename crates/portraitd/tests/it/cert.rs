//! `portraitd cert`, `portraitd explain`, and a port that is in use.

use crate::harness::binary;
use serde_json::Value;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

fn run(args: &[&str]) -> Output {
    binary().args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// OpenSSL's own opinion of the server's certificate, for a name.
fn verifies(folder: &Path, name: &str) -> bool {
    let mut openssl = std::process::Command::new("openssl");
    openssl.args(["verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", name, "-CAfile"]);
    let output = openssl.arg(folder.join("ca.pem")).arg(folder.join("server.pem")).output().unwrap();
    output.status.success()
}

/// A certificate, as OpenSSL reads it.
fn shown(certificate: &Path) -> String {
    let mut openssl = std::process::Command::new("openssl");
    text(&openssl.args(["x509", "-noout", "-text", "-in"]).arg(certificate).output().unwrap().stdout)
}

#[test]
fn certificates_are_made_kept_and_explained() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("certificates");
    let at = folder.to_str().unwrap();
    let outcome = |args: &[&str]| {
        let output = run(&[&["cert", "--certificates", at, "--json"], args].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let paths: Value = serde_json::from_slice(&output.stdout).unwrap();
        for name in ["authority", "bundle", "certificate", "key", "java_trust_store", "php_settings"] {
            assert!(Path::new(paths[name].as_str().unwrap()).exists(), "{name}");
        }
        paths["outcome"].as_str().unwrap().to_owned()
    };
    assert_eq!(outcome(&[]), "new");
    assert_eq!(outcome(&[]), "kept");
    assert!(verifies(&folder, "console.tim.qq.com") && verifies(&folder, "adminapiidn.my-imcloud.com"));
    let authority = shown(&folder.join("ca.pem"));
    assert!(authority.contains("Name Constraints: critical"), "{authority}");
    assert!(
        authority.contains("DNS:console.tim.qq.com") && authority.contains("IP:127.0.0.1"),
        "{authority}"
    );
    assert!(!verifies(&folder, "portraitd.test") && !verifies(&folder, "example.com"));
    assert_eq!(outcome(&["--name", "Portraitd.Test"]), "new");
    assert!(verifies(&folder, "portraitd.test"));
    for (file, mode) in [("ca.key", 0o600), ("server.key", 0o600), ("ca.pem", 0o644), ("bundle.pem", 0o644)] {
        let found = folder.join(file).metadata().unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{file}");
    }
    for (language, part) in [("en", "Let it trust the authority"), ("zh", "让它信任证书颁发机构")] {
        let page = text(&run(&["cert", "--certificates", at, "--language", language]).stdout);
        assert!(page.contains(part), "{page}");
        for word in [
            "127.0.0.1 console.tim.qq.com ",
            "SSL_CERT_FILE",
            "NODE_EXTRA_CA_CERTS",
            "keytool",
            "PHP_INI_SCAN_DIR",
        ] {
            assert!(page.contains(word), "{word}: {page}");
        }
    }
    for name in ["", "*.example.com", "a b", "-x.test", "a..b"] {
        let refused = run(&["cert", "--certificates", at, &format!("--name={name}")]);
        assert!(
            !refused.status.success() && text(&refused.stderr).contains("can't be in a certificate"),
            "{name}"
        );
    }
}

#[test]
fn codes_are_explained_in_both_languages() {
    for (args, part) in [
        (&["explain", "40009"][..], "## Remedy"),
        (&["explain", "Err_Profile_Invalid_Tag", "--language", "zh"], "## 处理"),
    ] {
        let page = text(&run(args).stdout);
        assert!(page.starts_with("# 40009 · Err_Profile_Invalid_Tag") && page.contains(part), "{page}");
    }
    let unknown = run(&["explain", "40010"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).contains("did you mean"), "{}", text(&unknown.stderr));
}

#[test]
fn a_port_that_somebody_has_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let certificates = dir.path().to_str().unwrap();
    for option in ["--listen", "--admin-listen", "--tls", "--proxy"] {
        let mut args = vec!["dev", "--certificates", certificates];
        if option != "--listen" {
            args.extend(["--listen", "127.0.0.1:0"]);
        }
        args.extend([option, &address]);
        let refused = run(&args);
        let err = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{option}: {err}");
        let sentence = format!("can't listen on {address}: the port is in use");
        assert!(err.contains(&sentence) && err.contains("is free"), "{option}: {err}");
    }
}
