//! seccomp: system calls that no compiler needs fail. Above all those that make sockets (Landlock
//! leaves sockets with a name in the file system open), look into other processes, or reach parts
//! of the kernel that are seldom tried.

use std::collections::BTreeMap;

use libc::{c_long, *};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// Calls that fail whatever their arguments are. `socketpair` is not among them: it reaches nobody
/// else.
const REFUSED: [c_long; 40] = [
    SYS_socket,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_process_madvise,
    SYS_pidfd_getfd,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_open_tree,
    SYS_move_mount,
    SYS_mount_setattr,
    SYS_bpf,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_unshare,
    SYS_setns,
    SYS_kexec_load,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_userfaultfd,
    SYS_perf_event_open,
    SYS_swapon,
    SYS_swapoff,
    SYS_reboot,
    SYS_open_by_handle_at,
    SYS_name_to_handle_at,
    SYS_acct,
    SYS_quotactl,
    SYS_personality,
];

/// `clone` with one of these makes a namespace, in which a process could be root.
const NAMESPACES: [c_int; 7] = [
    CLONE_NEWNS,
    CLONE_NEWCGROUP,
    CLONE_NEWUTS,
    CLONE_NEWIPC,
    CLONE_NEWUSER,
    CLONE_NEWPID,
    CLONE_NEWNET,
];

/// On x86-64 a number with this bit is the same call in another convention.
#[cfg(target_arch = "x86_64")]
const X32: c_long = 0x4000_0000;

/// Calls that the other convention has under numbers of its own: `ptrace`, `process_vm_readv`,
/// `process_vm_writev`, `kexec_load`.
#[cfg(target_arch = "x86_64")]
const ONLY_X32: [c_long; 4] = [521, 539, 540, 528];

/// Sandboxes the calling thread.
pub(super) fn restrict_thread() -> Result<(), String> {
    let filters = filters().map_err(|error| format!("no filter of system calls: {error}"))?;
    for filter in &filters {
        seccompiler::apply_filter(filter)
            .map_err(|error| format!("the filter of system calls is refused: {error}"))?;
    }
    Ok(())
}

fn filters() -> Result<[BpfProgram; 2], seccompiler::BackendError> {
    let mut refused: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().map(|&call| (call, Vec::new())).collect();
    let mut namespaces = Vec::with_capacity(NAMESPACES.len());
    for flag in NAMESPACES {
        let flag = u64::from(flag.unsigned_abs());
        let has_it = SeccompCondition::new(
            0,
            SeccompCmpArgLen::Qword,
            SeccompCmpOp::MaskedEq(flag),
            flag,
        )?;
        namespaces.push(SeccompRule::new(vec![has_it])?);
    }
    refused.insert(SYS_clone, namespaces);
    // Its flags are in memory, where a filter cannot look. Told that there is no such call, the C
    // library uses `clone`.
    let absent = BTreeMap::from([(SYS_clone3, Vec::new())]);
    Ok([filter(refused, EPERM)?, filter(absent, ENOSYS)?])
}

fn filter(
    calls: BTreeMap<i64, Vec<SeccompRule>>,
    error: c_int,
) -> Result<BpfProgram, seccompiler::BackendError> {
    #[cfg(target_arch = "x86_64")]
    let calls = {
        let others: Vec<_> = calls
            .iter()
            .map(|(call, rules)| (call | X32, rules.clone()))
            .collect();
        let only = ONLY_X32
            .iter()
            .map(|call| (call | X32, Vec::new()))
            .filter(|_| error == EPERM);
        calls
            .into_iter()
            .chain(others)
            .chain(only)
            .collect::<BTreeMap<_, _>>()
    };
    let fails = SeccompAction::Errno(error.unsigned_abs());
    SeccompFilter::new(
        calls,
        SeccompAction::Allow,
        fails,
        TargetArch::try_from(std::env::consts::ARCH)?,
    )?
    .try_into()
}
