//! A second UserSig signer, written from the contract alone, so that the server's own is not tested with itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compression, write::ZlibEncoder};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// What goes into a UserSig.
#[derive(Clone)]
pub(crate) struct Sign<'a> {
    pub key: &'a str,
    pub sdkappid: u64,
    pub identifier: &'a str,
    pub time: u64,
    pub expire: u64,
}

#[expect(clippy::disallowed_methods, reason = "the test signs as a client would, by its own clock")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

impl Sign<'_> {
    pub(crate) fn signature(&self) -> String {
        self.signature_with(None)
    }

    /// A user buffer as it stands in the document, base64 or not.
    pub(crate) fn signature_with(&self, userbuf: Option<&str>) -> String {
        let Self { key, sdkappid, identifier, time, expire } = self;
        let mut content = format!(
            "TLS.identifier:{identifier}\nTLS.sdkappid:{sdkappid}\nTLS.time:{time}\nTLS.expire:{expire}\n"
        );
        if let Some(userbuf) = userbuf {
            writeln!(content, "TLS.userbuf:{userbuf}").unwrap();
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(content.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }

    pub(crate) fn usersig(&self) -> String {
        self.usersig_with(None)
    }

    pub(crate) fn usersig_with(&self, userbuf: Option<&str>) -> String {
        enclose(&self.document(userbuf, &self.signature_with(userbuf)))
    }

    /// The document with whatever signature.
    pub(crate) fn document(&self, userbuf: Option<&str>, signature: &str) -> String {
        let Self { sdkappid, identifier, time, expire, .. } = self;
        let mut document = json!({
            "TLS.ver": "2.0", "TLS.identifier": identifier, "TLS.sdkappid": sdkappid, "TLS.expire": expire,
            "TLS.time": time, "TLS.sig": signature,
        });
        if let Some(userbuf) = userbuf {
            document["TLS.userbuf"] = userbuf.into();
        }
        document.to_string()
    }
}

/// Deflates a document and writes it in the UserSig alphabet.
pub(crate) fn enclose(document: &str) -> String {
    enclose_at(document, Compression::best())
}

pub(crate) fn enclose_at(document: &str, level: Compression) -> String {
    let mut zlib = ZlibEncoder::new(Vec::new(), level);
    zlib.write_all(document.as_bytes()).unwrap();
    STANDARD.encode(zlib.finish().unwrap()).replace('+', "*").replace('/', "-").replace('=', "_")
}
