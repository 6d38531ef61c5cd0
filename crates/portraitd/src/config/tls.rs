//! `[tls]`: certificates of the listeners.

use super::setting::{is_path, section};
use std::path::{Path, PathBuf};

section! {
    /// `[tls]`
    [tls] TlsSection {
        /// The public listener uses this certificate (PEM, with its chain) and speaks HTTPS; without one it speaks plain HTTP.
        /// The file is reloaded when it changes, and on SIGHUP. If the new pair is not valid, the old one stays in use.
        #[zh = "公共监听的证书（PEM，含证书链）。设置后使用 HTTPS，否则为明文 HTTP。文件变更或收到 SIGHUP 时重新读取；新证书不可用时继续使用旧的。"]
        certificate: Option<PathBuf> = None, check is_path, example r#""/etc/portraitd/tls.pem""#;

        /// This is the private key of that certificate (PEM). Set both or neither.
        #[zh = "上述证书的私钥（PEM），与证书同时设置或都不设置。"]
        key: Option<PathBuf> = None, check is_path, example r#""/etc/portraitd/tls.key""#;

        /// The admin listener uses this certificate (PEM, with its chain). It is reloaded like the public one.
        #[zh = "管理监听的证书（PEM，含证书链），重新读取的方式与公共监听相同。"]
        admin_certificate: Option<PathBuf> = None, check is_path, example r#""/etc/portraitd/admin.pem""#;

        /// This is the private key of that certificate (PEM). Set both or neither.
        #[zh = "上述证书的私钥（PEM），与证书同时设置或都不设置。"]
        admin_key: Option<PathBuf> = None, check is_path, example r#""/etc/portraitd/admin.key""#;

        /// A TLS handshake must end within this time; otherwise the connection is closed.
        #[zh = "TLS 握手的最长时间，超时则关闭连接。"]
        handshake_timeout_ms: u64 = 10_000, in 1..=86_400_000;
    }
}

impl TlsSection {
    /// The public listener's certificate and key.
    pub(crate) fn public(&self) -> Option<(&Path, &Path)> {
        self.certificate.as_deref().zip(self.key.as_deref())
    }

    /// The admin listener's certificate and key.
    pub(crate) fn admin(&self) -> Option<(&Path, &Path)> {
        self.admin_certificate.as_deref().zip(self.admin_key.as_deref())
    }
}
