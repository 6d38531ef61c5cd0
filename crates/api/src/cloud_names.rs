//! The names under which back ends reach the cloud: what the emulator's certificate holds, what its proxy answers
//! itself, and which `Host` it lets in.

/// The names that published documents and clients use: the mainland's, and each region's with its twin.
pub const CLOUD_NAMES: [&str; 16] = [
    "console.tim.qq.com",
    "adminapi.my-imcloud.com",
    "adminapisgp.im.qcloud.com",
    "adminapikr.im.qcloud.com",
    "adminapijpn.im.qcloud.com",
    "adminapiger.im.qcloud.com",
    "adminapiind.im.qcloud.com",
    "adminapiusa.im.qcloud.com",
    "adminapiidn.im.qcloud.com",
    "adminapisgp.my-imcloud.com",
    "adminapikr.my-imcloud.com",
    "adminapijpn.my-imcloud.com",
    "adminapiger.my-imcloud.com",
    "adminapiind.my-imcloud.com",
    "adminapiusa.my-imcloud.com",
    "adminapiidn.my-imcloud.com",
];

/// Whatever ends so is the cloud's as well: a region that comes later, another of its services.
const CLOUD_DOMAINS: [&str; 3] = [".tim.qq.com", ".im.qcloud.com", ".my-imcloud.com"];

/// Whether the name (in lower case) is the cloud's. Nobody else can point it at a visitor's machine, and nothing that
/// asks for it here may reach the real one.
pub fn is_cloud(host: &str) -> bool {
    CLOUD_NAMES.contains(&host) || CLOUD_DOMAINS.iter().any(|domain| host.ends_with(domain))
}
