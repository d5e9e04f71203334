//! What the client says of a command line that it does not take.

use crate::suggest::distance;

use super::commands::Spec;

/// The commands of the real client, sorted, whether or not the sandbox has them.
const NAMES: [&str; 94] = [
    "add-blob",
    "alias-env",
    "attach-disk",
    "blobs",
    "cancel-task",
    "cancel-tasks",
    "clean-up",
    "cloud-check",
    "cloud-config",
    "completion",
    "config",
    "configs",
    "cpi-config",
    "create-env",
    "create-recovery-plan",
    "create-release",
    "curl",
    "delete-config",
    "delete-deployment",
    "delete-disk",
    "delete-env",
    "delete-network",
    "delete-release",
    "delete-snapshot",
    "delete-snapshots",
    "delete-stemcell",
    "delete-vm",
    "deploy",
    "deployment",
    "deployments",
    "diff-config",
    "disks",
    "environment",
    "environments",
    "errands",
    "event",
    "events",
    "export-release",
    "finalize-release",
    "generate-job",
    "generate-package",
    "help",
    "ignore",
    "init-release",
    "inspect-local-release",
    "inspect-local-stemcell",
    "inspect-release",
    "instances",
    "interpolate",
    "locks",
    "log-in",
    "log-out",
    "logs",
    "manifest",
    "networks",
    "orphan-disk",
    "orphaned-vms",
    "pcap",
    "recover",
    "recreate",
    "releases",
    "remove-blob",
    "repack-stemcell",
    "reset-release",
    "restart",
    "run-errand",
    "runtime-config",
    "scp",
    "sha1ify-release",
    "sha2ify-release",
    "snapshots",
    "ssh",
    "start",
    "start-env",
    "stemcells",
    "stop",
    "stop-env",
    "sync-blobs",
    "take-snapshot",
    "task",
    "tasks",
    "unalias-env",
    "unignore",
    "update-cloud-config",
    "update-config",
    "update-cpi-config",
    "update-resurrection",
    "update-runtime-config",
    "upload-blobs",
    "upload-release",
    "upload-stemcell",
    "variables",
    "vendor-package",
    "vms",
];

/// Returns that a command line has no command.
pub(super) fn no_command() -> String {
    format!("Please specify one command of: {}", listed())
}

/// Returns that a word is no command; one that only the real client has is not said to be wrong.
pub(super) fn unknown_command(word: &str) -> String {
    if NAMES.contains(&word) {
        return format!("the sandbox's bosh has no `{word}'");
    }
    let unknown = format!("Unknown command `{word}'");
    let nearest = NAMES.iter().min_by_key(|name| distance(word, name)).expect("there are commands");
    if distance(word, nearest) * 2 < nearest.len() {
        format!("{unknown}, did you mean `{nearest}'?")
    } else {
        format!("{unknown}. Please specify one command of: {}", listed())
    }
}

fn listed() -> String {
    let (last, most) = NAMES.split_last().expect("there are commands");
    format!("{} or {last}", most.join(", "))
}

/// Returns that arguments are missing, `None` if none is.
pub(super) fn missing_arguments(spec: &Spec, given: usize) -> Option<String> {
    let missing = spec.arguments.iter().skip(given).filter(|name| !name.starts_with('['));
    let missing: Vec<String> = missing.map(|name| format!("`{name}`")).collect();
    match missing.as_slice() {
        [] => None,
        [one] => Some(format!("the required argument {one} was not provided")),
        [most @ .., last] => Some(format!("the required arguments {} and {last} were not provided", most.join(", "))),
    }
}

/// Returns that a command takes no more arguments; the client names it as its authors do.
pub(super) fn extra_arguments(spec: &Spec, extra: &[String]) -> String {
    let name: String = spec.names[0].split('-').map(capitalized).collect();
    format!("Command '*opts.{name}Opts' does not support extra arguments: {}", extra.join(", "))
}

fn capitalized(word: &str) -> String {
    match word {
        "vms" => "VMs".into(),
        "vm" => "VM".into(),
        "ssh" | "scp" => word.to_uppercase(),
        _ => word[..1].to_uppercase() + &word[1..],
    }
}
