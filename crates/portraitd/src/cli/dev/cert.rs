//! `portraitd cert`: creates the certificate authority and the certificate for the cloud's names, and prints how each
//! language trusts the authority.

use super::cloud_names::CertificateArgs;
use crate::cli::language::chosen::language;
use crate::cli::output::{print_json, say};
use portraitd_api::cloud_names::CLOUD_NAMES;
use portraitd_emulator::certificates::directory::{CertificateOutcome, Directory};
use portraitd_emulator::certificates::parse_name;
use portraitd_model::Language;

/// Create the certificate for the cloud's names, and show how to trust it
///
/// Creates a certificate authority of your own, which can sign for the cloud's API names, localhost
/// and the names you add only; and a server certificate for `portraitd dev --tls` and `--proxy`.
/// Both are kept for later runs. The server certificate is renewed when it expires within 30 days.
///
/// Nothing is installed: the output shows the setting of each language. `portraitd run` sets all of
/// them for one command.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    #[command(flatten)]
    certificates: CertificateArgs,
    /// A further name or address (repeatable); a new authority is created for it
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
    /// Print the paths as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let directory = args.certificates.directory()?;
    let names = args.name.iter().map(|name| parse_name(name)).collect::<anyhow::Result<Vec<_>>>()?;
    let outcome = directory.prepare(&names, crate::cli::runtime::now())?;
    // The system's roots may have changed since the files were written.
    directory.write_trust_files(crate::cli::runtime::now())?;
    if args.json {
        return print_json(&serde_json::json!({
            "directory": directory.path(),
            "outcome": match outcome {
                CertificateOutcome::Unchanged => "kept",
                CertificateOutcome::Renewed => "renewed",
                CertificateOutcome::New => "new",
            },
            "authority": directory.authority(),
            "bundle": directory.bundle(),
            "certificate": directory.path().join("server.pem"),
            "key": directory.path().join("server.key"),
            "java_trust_store": directory.java_trust_store(),
            "php_settings": directory.php_settings(),
            "hosts": hosts_line(),
        }));
    }
    say(instructions(&directory, outcome, language()));
    Ok(())
}

fn hosts_line() -> String {
    format!("127.0.0.1 {}", CLOUD_NAMES.join(" "))
}

fn instructions(directory: &Directory, outcome: CertificateOutcome, language: Language) -> String {
    let outcome = match outcome {
        CertificateOutcome::Unchanged => language.pick("still valid", "已有证书仍然有效"),
        CertificateOutcome::Renewed => language.pick("server certificate renewed", "已续期服务器证书"),
        CertificateOutcome::New => language.pick(
            "new authority: programs that trust an earlier one must be configured again",
            "已新建证书颁发机构：信任旧机构的程序需要重新设置",
        ),
    };
    let (folder, ca, bundle, java, php) = (
        directory.path().display(),
        directory.authority().display().to_string(),
        directory.bundle().display().to_string(),
        directory.java_trust_store().display().to_string(),
        directory.php_settings().display().to_string(),
    );
    let rows = [
        ("OpenSSL, Go, Ruby", format!("SSL_CERT_FILE={bundle}")),
        ("Rust (native roots)", format!("SSL_CERT_FILE={bundle}")),
        ("Python", format!("REQUESTS_CA_BUNDLE={bundle} SSL_CERT_FILE={bundle}")),
        ("Node.js", format!("NODE_EXTRA_CA_CERTS={ca}")),
        ("curl", format!("CURL_CA_BUNDLE={bundle}")),
        ("PHP", format!("PHP_INI_SCAN_DIR=:{php}   (curl.cainfo, openssl.cafile)")),
        ("Java", format!("JAVA_TOOL_OPTIONS=-Djavax.net.ssl.trustStore={java}")),
        (
            "Java, the JDK's own",
            format!("keytool -importcert -cacerts -storepass changeit -noprompt -alias portraitd -file {ca}"),
        ),
        (
            "Debian, Ubuntu",
            format!("cp {ca} /usr/local/share/ca-certificates/portraitd.crt && update-ca-certificates"),
        ),
    ];
    let rows: Vec<String> =
        rows.iter().map(|(client, setting)| format!("  {client:<20} {setting}")).collect();
    let (rows, hosts) = (rows.join("\n"), hosts_line());
    match language {
        Language::English => format!(
            "Certificates in {folder}: {outcome}.

Connect your code to the emulator in one of these ways:

  portraitd run -- COMMAND              sets everything below for one command
  portraitd dev --proxy                 then: eval \"$(portraitd env)\"
  portraitd dev --tls 127.0.0.1:443     and this line in /etc/hosts:

{hosts}

Let it trust the authority ({ca}), which can sign for these names only:

{rows}

bundle.pem and truststore.jks contain the system's roots as well, because these settings replace them."
        ),
        Language::Chinese => format!(
            "证书位于 {folder}：{outcome}。

让您的代码连接模拟器，任选其一：

  portraitd run -- COMMAND              为一条命令设置好以下全部内容
  portraitd dev --proxy                 然后：eval \"$(portraitd env)\"
  portraitd dev --tls 127.0.0.1:443     并在 /etc/hosts 中加入这一行：

{hosts}

让它信任证书颁发机构（{ca}，仅能为上述域名签发证书）：

{rows}

bundle.pem 与 truststore.jks 同时包含系统根证书，因为这些设置会取代系统根证书。"
        ),
    }
}
