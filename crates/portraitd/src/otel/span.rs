//! What is told of one call.

use hyper::header::HeaderValue;
use portraitd_model::SdkAppId;
use std::time::Duration;

/// What one call's span tells.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) trace: u128,
    pub(super) id: u64,
    pub(super) parent: Option<u64>,
    pub(super) command: &'static str,
    pub(super) method: &'static str,
    /// Without the query, which holds the UserSig.
    pub(super) path: String,
    pub(super) sdk_app_id: Option<SdkAppId>,
    pub(super) code: u32,
    pub(super) request_id: HeaderValue,
    pub(super) ended_ns: u64,
    pub(super) elapsed: Duration,
    pub(super) auth: Duration,
    pub(super) body: Duration,
    pub(super) work: Duration,
    pub(super) store_micros: u64,
}
