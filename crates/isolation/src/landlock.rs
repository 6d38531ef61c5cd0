//! The floor: no TCP connection to the ports 443 and 80 (Landlock, Linux 6.7 and later).

use anyhow::Context;
use landlock::{
    Access, AccessNet, CompatLevel, Compatible, NetPort, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetStatus,
};

const FORBIDDEN: [u16; 2] = [443, 80];

/// Forbids this process, and all that it becomes and starts, to connect to the ports.
///
/// # Errors
/// When the kernel has no Landlock with network rules.
pub(crate) fn forbid_web_ports() -> anyhow::Result<()> {
    let _ = AccessNet::from_all(landlock::ABI::V4);
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessNet::ConnectTcp)
        .and_then(Ruleset::create)
        .context("Landlock has no network rules in this kernel (6.7 and later have)")?;
    for port in (0..=u16::MAX).filter(|port| !FORBIDDEN.contains(port)) {
        rules = rules.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
    }
    let status = rules.restrict_self()?;
    anyhow::ensure!(
        status.ruleset == RulesetStatus::FullyEnforced,
        "Landlock does not enforce its rules here"
    );
    Ok(())
}
