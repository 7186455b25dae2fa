//! Landlock: the kernel refuses every file that was not granted, and as much of the network and of
//! other processes as its version can.

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, LandlockStatus, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
    path_beneath_rules,
};

use super::access::{FileAccess, SYSTEM};

/// The least that a sandbox needs: rules for files.
const LEAST: ABI = ABI::V1;

/// The newest that is known. What an older kernel lacks of it is left out.
const NEWEST: ABI = ABI::V10;

/// Sandboxes the calling thread, and gives the version that is in force.
pub(super) fn restrict_thread(access: &FileAccess) -> Result<u32, String> {
    let status = rules(access)
        .and_then(RulesetCreated::restrict_self)
        .map_err(|error| format!("{error}"))?;
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. }
            if status.ruleset != RulesetStatus::NotEnforced && status.no_new_privs =>
        {
            Ok(effective_abi as u32)
        }
        other => Err(format!("the kernel does not enforce it ({other:?})")),
    }
}

/// What is not there is not granted.
fn rules(access: &FileAccess) -> Result<RulesetCreated, RulesetError> {
    let read = AccessFs::from_read(NEWEST);
    let null = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate;
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(LEAST))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rules(path_beneath_rules(SYSTEM, read))?
        .add_rules(path_beneath_rules(&access.readable, read))?
        .add_rules(path_beneath_rules(["/dev/null"], null))?
        .add_rules(path_beneath_rules(
            [&access.writable],
            AccessFs::from_all(NEWEST),
        ))
}
