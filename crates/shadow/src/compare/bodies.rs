//! The comparison of two answers as they came, when nothing else is known of a call. Public for the fuzz targets
//! (`crates/fuzz`).

use crate::answer::{ProtocolAnswer, Verdict};
use crate::compare::{Context, compare};
use crate::digest::Digests;
use crate::named::Named;
use portraitd_model::{Command, SdkAppId};
use std::collections::BTreeMap;

/// Returns in how many places two answers to a call differ; `None` when one of them says nothing definite about the call.
pub fn count_of_differences(command: Command, request: &[u8], cloud: &[u8], here: &[u8]) -> Option<usize> {
    const APP: SdkAppId = SdkAppId(1_400_000_000);
    let named = Named::of(command, Some(APP.0), request);
    let (digests, unsettled) = (Digests::new([0; 32]), BTreeMap::new());
    let context =
        Context { named: &named, app: APP, digests: &digests, unsettled: &unsettled, is_sig_settled: true };
    Some(compare(&context, &definite(cloud)?, &definite(here)?).differences.len())
}

fn definite(body: &[u8]) -> Option<ProtocolAnswer> {
    match Verdict::of_body(Some("application/json"), body) {
        Verdict::Definite(answer) => Some(answer),
        Verdict::Limited(_) | Verdict::Unknown => None,
    }
}
