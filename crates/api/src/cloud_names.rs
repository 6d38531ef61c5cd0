//! The host names of the cloud's REST API: the names in the emulator's certificate, those its proxy answers itself, and
//! those it accepts in `Host`.

/// The names in published documents and clients: those of mainland China, and two of each other region.
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

/// Names with these endings are the cloud's too: regions added later, and its other services.
pub const CLOUD_DOMAINS: [&str; 3] = [".tim.qq.com", ".im.qcloud.com", ".my-imcloud.com"];

/// Whether a name in lower case is the cloud's. Only the cloud controls its DNS, so no web page can rebind it to a
/// visitor's machine; and a request for it that comes here must not reach the real cloud.
pub fn is_cloud(host: &str) -> bool {
    CLOUD_NAMES.contains(&host) || CLOUD_DOMAINS.iter().any(|domain| host.ends_with(domain))
}
