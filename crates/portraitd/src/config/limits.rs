//! `[limits]`: what the server allows everybody together; an app has limits of its own.

use crate::config::setting::section;

section! {
    /// `[limits]`
    [limits] LimitsSection {
        /// If true, the apps' frequency limits are applied (60007, 60011).
        #[zh = "是否执行应用的限频（60007、60011）。"]
        enabled: bool = true;

        /// At most this many UserSig checks from one address may fail in a second. Beyond it, a UserSig from that address that
        /// was not verified before is answered with error 70050. 0 means no limit.
        #[zh = "每秒来自同一地址的 UserSig 校验失败的最大次数；超出后，来自该地址且此前未通过校验的 UserSig 返回 70050。0 表示不限制。"]
        usersig_failures_per_ip: u32 = 50, in 0..=1_000_000;
    }
}
