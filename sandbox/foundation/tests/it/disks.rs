//! Disks and VMs that were lost, and what brings instances back.

use std::fs;

use crate::clock::Clock;
use crate::rig::Rig;

const TAS: &str = "cf-0123456789abcdef0123";

fn cck(rig: &Rig, flags: &str) -> Option<i32> {
    let line = format!("-n -d {TAS} cck {flags}");
    rig.run("bosh", &line.split_whitespace().collect::<Vec<_>>()).code
}

fn details(rig: &Rig, group: &str) -> serde_json::Value {
    let rows = rig.rows(&format!("-d {TAS} instances --details"));
    rows.into_iter()
        .find(|row| row["instance"].as_str().unwrap().starts_with(group))
        .expect("the group has an instance")
}

fn manifest(rig: &Rig) -> String {
    let path = rig.work().join("manifest.yml");
    fs::write(&path, rig.bosh(&format!("-d {TAS} manifest"))).unwrap();
    path.display().to_string()
}

fn deploy(rig: &Rig, flags: &str) -> crate::rig::Ran {
    let line = format!("-n -d {TAS} deploy {flags} {}", manifest(rig));
    rig.run("bosh", &line.split_whitespace().collect::<Vec<_>>())
}

fn ssh(rig: &Rig, script: &str) -> String {
    let ran = rig.run("bosh", &["-d", TAS, "ssh", "nfs_server/0", "-c", script]);
    assert_eq!(ran.code, Some(0), "{script}: {} {}", ran.out, ran.err);
    ran.out
}

/// The recipe of the operators' notes: the reference is deleted, a deploy gives a new disk, the old one is an orphan until
/// it is cleaned up.
#[test]
fn lost_disk_is_replaced() {
    let rig = Rig::new();
    ssh(&rig, "sudo touch /var/vcap/store/blob");
    let before = details(&rig, "nfs_server")["disk_cids"].clone();
    rig.sandbox("break disk-deleted nfs_server/0");
    assert_eq!(details(&rig, "nfs_server")["process_state"], "running", "the director does not notice");
    assert_eq!(cck(&rig, "--report"), Some(1));
    assert_eq!(cck(&rig, "--resolution recreate_vm"), Some(0), "what matches no problem is ignored");
    assert_eq!(cck(&rig, "--auto"), Some(0), "the usual resolution is to ignore it");
    assert_eq!(cck(&rig, "--report"), Some(1));
    assert_eq!(cck(&rig, "--resolution delete_disk_reference"), Some(0));
    assert_eq!(cck(&rig, "--report"), Some(0));
    assert_eq!(rig.rows("disks --orphaned")[0]["disk_cid"], before);
    assert_eq!(details(&rig, "nfs_server")["disk_cids"], "");
    let ran = deploy(&rig, "--fix --skip-drain=nfs_server");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(ran.out.matches("Updating instance").count(), 1, "{}", ran.out);
    let after = details(&rig, "nfs_server")["disk_cids"].clone();
    assert!(after != before && after != "", "{after}");
    assert!(ssh(&rig, "find /var/vcap/store -type f").is_empty());
    rig.bosh("-n clean-up");
    assert_eq!(rig.rows("disks --orphaned").len(), 1, "only --all destroys disks");
    rig.bosh("-n clean-up --all");
    assert_eq!(rig.rows("disks --orphaned").len(), 0);
    rig.sandbox("check");
}

#[test]
fn disks_are_recreated_in_all_instances_that_have_one() {
    let rig = Rig::new();
    ssh(&rig, "sudo sh -c 'echo content > /var/vcap/store/blob'");
    let ran = deploy(&rig, "--recreate-persistent-disks");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(ran.out.matches("Updating instance").count(), 5, "nfs_server, mysql, backup_restore: {}", ran.out);
    assert!(ssh(&rig, "cat /var/vcap/store/blob").ends_with("content\n"));
    assert_eq!(rig.rows("disks --orphaned").len(), 5);
}

#[test]
fn lost_disk_is_not_recreated_while_it_is_referred_to() {
    let rig = Rig::new();
    rig.sandbox("break disk-deleted nfs_server/0");
    let ran = deploy(&rig, "--recreate-persistent-disks --fix --skip-drain=nfs_server");
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("Could not find disk with id"), "{}", ran.out);
    assert!(ran.err.starts_with("Updating deployment:\n  Expected task '"), "{}", ran.err);
    assert_eq!(rig.rows("locks").len(), 0, "locks end with tasks");
}

#[test]
fn drain_hangs_without_the_mount() {
    let (rig, clock) = (Rig::new(), Clock::new());
    rig.sandbox("break disk-detached nfs_server/0");
    let ran = clock.run(&mut rig.command("bosh", &["-n", "-d", TAS, "restart", "nfs_server/0"]));
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("drain scripts of 'nfs_server/"), "{}", ran.out);
    assert_eq!(clock.elapsed() / 60_000, 21);
    rig.bosh(&format!("-n -d {TAS} restart nfs_server/0 --skip-drain"));
}

#[test]
fn detached_disk_is_reattached() {
    let rig = Rig::new();
    rig.sandbox("break disk-detached nfs_server/0");
    let problems = rig.run("bosh", &["-d", TAS, "cck", "--report"]).out;
    assert!(problems.contains("mount_info_mismatch") && problems.contains("Not mounted in any VM"), "{problems}");
    assert_eq!(cck(&rig, "--resolution reattach_disk"), Some(0));
    assert_eq!(cck(&rig, "--report"), Some(0));
}

/// A CID that was declared lost by mistake can be attached until it is cleaned up.
#[test]
fn orphan_is_attached_again() {
    let rig = Rig::new();
    ssh(&rig, "sudo touch /var/vcap/store/blob");
    let cid = details(&rig, "nfs_server")["disk_cids"].as_str().unwrap().to_owned();
    rig.sandbox("break disk-deleted nfs_server/0");
    cck(&rig, "--resolution delete_disk_reference");
    rig.sandbox("mend disk-deleted nfs_server/0");
    let attach = format!("-d {TAS} attach-disk nfs_server/0 {cid}");
    let ran = rig.run("bosh", &attach.split(' ').collect::<Vec<_>>());
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("must be in 'bosh stopped' state"), "{}", ran.out);
    rig.bosh(&format!("-n -d {TAS} stop nfs_server/0 --no-converge"));
    rig.bosh(&attach);
    rig.bosh(&format!("-n -d {TAS} start nfs_server/0"));
    assert!(ssh(&rig, "ls /var/vcap/store").contains("blob"));
    assert_eq!(rig.rows("disks --orphaned").len(), 0);
    assert_eq!(cck(&rig, "--report"), Some(0));
}

#[test]
fn vms_are_recreated() {
    let rig = Rig::new();
    rig.sandbox("break vm-deleted diego_cell/0");
    rig.sandbox("break agent-silent diego_cell/1");
    let ran = rig.run("bosh", &["-d", TAS, "cck", "--report"]);
    assert!(ran.out.contains("1 unresponsive, 1 missing") && ran.err.starts_with("2 problem(s) found"), "{ran:?}");
    assert_eq!(cck(&rig, "--resolution recreate_vm"), Some(0));
    assert_eq!(cck(&rig, "--report"), Some(0));
    assert_eq!(rig.rows(&format!("-d {TAS} instances --failing")).len(), 0);
}

#[test]
fn deploy_fails_at_silent_agents_without_fix() {
    let rig = Rig::new();
    rig.sandbox("break agent-silent diego_cell/1");
    let ran = deploy(&rig, "");
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("Error: Timed out sending 'get_state' to instance: 'diego_cell/"), "{}", ran.out);
    assert_eq!(deploy(&rig, "--fix").code, Some(0));
}

#[test]
fn inactive_disk_is_activated() {
    let rig = Rig::new();
    let cid = details(&rig, "nfs_server")["disk_cids"].clone();
    rig.sandbox("break disk-inactive nfs_server/0");
    assert_eq!(cck(&rig, "--report"), Some(1));
    assert_eq!(cck(&rig, "--resolution activate_disk"), Some(0));
    assert_eq!(details(&rig, "nfs_server")["disk_cids"], cid);
    assert_eq!(cck(&rig, "--report"), Some(0));
}

#[test]
fn resurrector_recreates_vms_if_it_is_on() {
    let (rig, clock) = (Rig::new(), Clock::new());
    rig.bosh("update-resurrection on");
    clock.run(&mut rig.command("sandbox", &["break", "vm-deleted", "diego_cell/0"]));
    let ran = clock.run(&mut rig.command("bosh", &["tasks"]));
    assert!(ran.out.contains("scan and fix"), "{}", ran.out);
    clock.advance(10 * 60_000);
    let ran = clock.run(&mut rig.command("bosh", &["-d", TAS, "cck", "--report"]));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}

#[test]
fn ignored_instances_are_left_alone() {
    let rig = Rig::new();
    rig.sandbox("break vm-deleted diego_cell/0");
    rig.bosh(&format!("-d {TAS} ignore diego_cell/0"));
    assert_eq!(cck(&rig, "--report"), Some(0));
    let ran = rig.run("bosh", &["-n", "-d", TAS, "recreate", "diego_cell"]);
    assert!(ran.err.contains("the state of the ignored instance group(s)"), "{}", ran.err);
    rig.bosh(&format!("-d {TAS} unignore diego_cell/0"));
    assert_eq!(cck(&rig, "--report"), Some(1));
}

/// The director goes on with a task whose client was killed.
#[test]
fn tasks_outlive_their_clients() {
    let (rig, clock) = (Rig::new(), Clock::new());
    let mut client = rig.command("bosh", &["-n", "-d", TAS, "recreate", "diego_cell/0"]);
    client.env("FIREDRILL_CLOCK", clock.socket());
    let mut child = client.stdout(std::process::Stdio::null()).spawn().unwrap();
    clock.wait_for_parked(1);
    clock.advance(30_000);
    child.kill().unwrap();
    child.wait().unwrap();
    clock.wait_for_parked(0);
    let locks = clock.run(&mut rig.command("bosh", &["locks"]));
    assert!(locks.out.contains(TAS), "{}", locks.out);
    clock.advance(10 * 60_000);
    let tasks = clock.run(&mut rig.command("bosh", &["tasks", "--recent=1"]));
    assert!(tasks.out.contains("done"), "{}", tasks.out);
    assert_eq!(clock.run(&mut rig.command("bosh", &["locks"])).out, "");
}

#[test]
fn second_task_waits_for_the_lock_and_gives_up() {
    let (rig, clock) = (Rig::new(), Clock::new());
    rig.sandbox("break foreign-lock");
    let ran = clock.run(&mut rig.command("bosh", &["-d", TAS, "cck", "--report"]));
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("Failed to acquire lock for lock:deployment:cf-"), "{}", ran.out);
    assert_eq!(clock.elapsed() / 1000, 1 + 300);
    rig.sandbox("mend foreign-lock");
    assert_eq!(cck(&rig, "--report"), Some(0));
}

#[test]
fn cancelled_task_ends_at_its_next_checkpoint() {
    let (rig, clock) = (Rig::new(), Clock::new());
    let mut client = rig.command("bosh", &["-n", "-d", TAS, "restart", "diego_cell"]);
    client.env("FIREDRILL_CLOCK", clock.socket());
    let child = client.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    clock.wait_for_parked(1);
    clock.advance(90_000);
    let mut cancel = rig.command("bosh", &["cancel-task", "101"]);
    let mut cancelling = cancel.env("FIREDRILL_CLOCK", clock.socket()).spawn().unwrap();
    clock.wait_for_parked(2);
    clock.run_out();
    assert!(cancelling.wait().unwrap().success());
    let ran: crate::rig::Ran = child.wait_with_output().unwrap().into();
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("Expected task '101' to succeed but state is 'cancelled'"), "{}", ran.err);
    let again = rig.run("bosh", &["cancel-task", "101"]);
    assert!(again.err.contains("Cannot cancel task 101: invalid state (cancelled)"), "{}", again.err);
}

#[test]
fn recovery_plan_is_made_and_applied() {
    use std::io::Write;
    let rig = Rig::new();
    rig.sandbox("break vm-deleted diego_cell/0");
    let mut create = rig.command("bosh", &["-d", TAS, "create-recovery-plan", "plan.yml"]);
    let mut child = create.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"3\nn\n").unwrap();
    assert!(child.wait().unwrap().success());
    let plan = fs::read_to_string(rig.work().join("plan.yml")).unwrap();
    assert!(plan.contains("name: diego_cell") && plan.contains("missing_vm: recreate_vm"), "{plan}");
    rig.bosh(&format!("-n -d {TAS} recover plan.yml"));
    assert_eq!(cck(&rig, "--report"), Some(0));
}

#[test]
fn deploys_scale_groups() {
    let rig = Rig::new();
    let path = rig.work().join("small.yml");
    let text = rig.bosh(&format!("-d {TAS} manifest"));
    assert!(text.contains("- name: mysql\n  instances: 3\n"), "{text}");
    fs::write(&path, text.replace("- name: mysql\n  instances: 3\n", "- name: mysql\n  instances: 1\n")).unwrap();
    rig.bosh(&format!("-n -d {TAS} deploy {}", path.display()));
    let count = |rig: &Rig| {
        let rows = rig.rows(&format!("-d {TAS} instances"));
        rows.iter().filter(|row| row["instance"].as_str().unwrap().starts_with("mysql/")).count()
    };
    assert_eq!((count(&rig), rig.rows("disks --orphaned").len()), (1, 2));
    fs::write(&path, &text).unwrap();
    rig.bosh(&format!("-n -d {TAS} deploy {}", path.display()));
    assert_eq!(count(&rig), 3);
    assert_eq!(rig.rows(&format!("-d {TAS} instances --failing")).len(), 0);
}

#[test]
fn dry_runs_change_nothing() {
    let rig = Rig::new();
    let before = rig.rows(&format!("-d {TAS} instances --details"));
    assert_eq!(deploy(&rig, "--recreate --recreate-persistent-disks --dry-run").code, Some(0));
    rig.bosh("clean-up --all --dry-run");
    assert_eq!(rig.rows(&format!("-d {TAS} instances --details")), before);
}

#[test]
fn errands_have_an_exit_code() {
    let rig = Rig::new();
    let rows = rig.rows(&format!("-d {TAS} run-errand deploy-notifications"));
    let (code, stdout) = (&rows[0]["exit_code"], rows[0]["stdout"].as_str());
    assert_eq!((code, stdout), (&"0".into(), Some("deploy-notifications: done\n")));
    rig.sandbox("fault bosh.errand --exit 3 --times 1");
    let ran = rig.run("bosh", &["-d", TAS, "run-errand", "smoke_tests"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.starts_with("Errand 'smoke_tests' completed with error (exit code 3)"), "{}", ran.err);
    let ran = rig.run("bosh", &["-d", TAS, "run-errand", "nope"]);
    assert!(ran.err.contains("Errand 'nope' doesn't exist"), "{}", ran.err);
}

#[test]
fn steps_of_tasks_can_fail() {
    let rig = Rig::new();
    rig.sandbox("fault bosh.task-step --exit 1 --times 1 --text 'away'");
    let ran = rig.run("bosh", &["-n", "-d", TAS, "restart", "uaa"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.err.starts_with("Changing state:\n  Expected task '101' to succeed but state is 'error'"),
        "{}",
        ran.err
    );
    let log = rig.run("bosh", &["task", "101", "--event"]);
    assert!(log.out.contains("\"state\":\"failed\""), "{}", log.out);
}

#[test]
fn prompts_need_an_answer() {
    let rig = Rig::new();
    for line in ["stop uaa", "clean-up --all", "delete-disk disk-x", "orphan-disk disk-x", "recreate uaa"] {
        let words: Vec<&str> = ["-d", TAS].into_iter().chain(line.split(' ')).collect();
        let ran = rig.run("bosh", &words);
        assert_eq!((ran.code, ran.err.as_str()), (Some(1), "Asking for confirmation:\n  EOF\nExit code 1\n"), "{line}");
    }
}

/// One problem that cannot be resolved does not keep the director from the others.
#[test]
fn resolutions_that_fail_do_not_stop_the_others() {
    let rig = Rig::new();
    rig.sandbox("break disk-deleted nfs_server/0");
    rig.sandbox("break vm-deleted nfs_server/0");
    rig.sandbox("break vm-deleted uaa/0");
    let ran = rig.run("bosh", &["-n", "-d", TAS, "cck", "--resolution", "recreate_vm"]);
    assert_eq!(ran.code, Some(1), "a VM cannot be created without its disk: {}", ran.out);
    assert!(ran.out.contains("L Error: Unknown CPI error 'Bosh::Clouds::DiskNotFound'"), "{}", ran.out);
    assert!(
        ran.err.starts_with(&format!("Resolving problems for deployment '{TAS}':\n  Expected task '")),
        "{}",
        ran.err
    );
    rig.sandbox("assert instance uaa running");
    rig.sandbox("assert problems 1");
}

/// What was declared lost and was there is worth a finding once it is destroyed; a copy is not, and what was lost before.
#[test]
fn destroyed_content_is_found() {
    for (trouble, is_loss) in [("disk-deleted", false), ("disk-detached", true)] {
        let rig = Rig::new();
        rig.sandbox(&format!("break {trouble} nfs_server/0"));
        let mut repair = String::from("--resolution delete_disk_reference");
        if is_loss {
            let cid = details(&rig, "nfs_server")["disk_cids"].as_str().unwrap().to_owned();
            rig.bosh(&format!("-n orphan-disk {cid}"));
            repair.clear();
        }
        cck(&rig, &repair);
        rig.sandbox("check");
        rig.bosh("-n clean-up --all");
        let found = rig.try_sandbox("check").err().unwrap_or_default();
        assert_eq!(found.contains("was destroyed with the only content of nfs_server/"), is_loss, "{trouble}: {found}");
    }
    let rig = Rig::new();
    deploy(&rig, "--recreate-persistent-disks");
    rig.bosh("-n clean-up --all");
    rig.sandbox("check");
}

#[test]
fn cancelling_somebody_else_s_task_is_found() {
    let rig = Rig::new();
    rig.sandbox("break foreign-task");
    rig.bosh("cancel-task 101");
    let found = rig.try_sandbox("check").unwrap_err();
    assert!(found.contains("task 101 of somebody else was cancelled"), "{found}");
}

#[test]
fn groups_of_small_footprint_have_their_own_names() {
    let rig = Rig::new();
    rig.sandbox("layout small-footprint");
    let rows = rig.rows(&format!("-d {TAS} instances"));
    let groups: Vec<&str> =
        rows.iter().map(|row| row["instance"].as_str().unwrap().split('/').next().unwrap()).collect();
    assert_eq!(groups, ["backup_restore", "blobstore", "compute", "control", "database", "router"]);
    let error = rig.try_sandbox("layout small").unwrap_err();
    assert!(error.contains("no layout is called `small`") && error.contains("laboratory"), "{error}");
}

#[test]
fn layout_begins_with_nothing_broken_and_nothing_due() {
    let rig = Rig::new();
    for line in ["break disk-deleted nfs_server/0", "break pending-changes", "break unreachable", "break foreign-task"]
    {
        rig.sandbox(line);
    }
    rig.sandbox("later 1h break lb-blocked");
    rig.sandbox("layout standard");
    let shown = rig.sandbox("show");
    let is_trouble = |line: &&str| ["broken", "pending", "problem", "task"].iter().any(|word| line.starts_with(word));
    assert_eq!(shown.lines().find(is_trouble), None);
    rig.sandbox("break disk-deleted nfs_server/0");
    rig.sandbox("assert disk nfs_server/0 lost");
}

#[test]
fn moments_are_compared() {
    let rig = Rig::new();
    rig.bosh(&format!("-n -d {TAS} recreate uaa"));
    let since_the_beginning = rig.sandbox("diff");
    assert_eq!(since_the_beginning.lines().count(), 3, "{since_the_beginning}");
    rig.sandbox("mark here");
    assert_eq!(rig.sandbox("diff here"), "");
    ssh(&rig, "sudo touch /var/vcap/store/blob");
    let changed = rig.sandbox("diff here");
    assert!(changed.contains("/blob of 0 bytes"), "{changed}");
    assert_eq!(rig.try_sandbox("diff there").unwrap_err(), "no moment was marked as `there`");
    assert!(rig.try_sandbox("mark a/b").unwrap_err().contains("is no name for a moment"));
}

#[test]
fn group_that_is_absent_comes_back() {
    let rig = Rig::new();
    let before = rig.rows(&format!("-d {TAS} instances --details"));
    rig.sandbox("break group-absent backup_restore");
    assert_eq!(rig.rows(&format!("-d {TAS} instances")).len(), before.len() - 1);
    rig.sandbox("check");
    rig.sandbox("mend group-absent backup_restore");
    assert_eq!(rig.rows(&format!("-d {TAS} instances --details")), before);
    rig.sandbox("check");
    assert_eq!(rig.try_sandbox("break vm-deleted nobody/0").unwrap_err(), "no instance is called `nobody/0`");
}

#[test]
fn orphans_are_kept_for_five_days() {
    let (rig, clock) = (Rig::new(), Clock::new());
    rig.sandbox("break disk-deleted nfs_server/0");
    let resolve = ["-n", "-d", TAS, "cck", "--resolution", "delete_disk_reference"];
    assert_eq!(clock.run(&mut rig.command("bosh", &resolve)).code, Some(0));
    let orphans = || clock.run(&mut rig.command("bosh", &["disks", "--orphaned"])).out.lines().count();
    clock.advance(5 * 24 * 3_600_000 - 60_000);
    assert_eq!(orphans(), 1);
    clock.advance(60_000);
    assert_eq!(orphans(), 0);
}
