//! `bosh ssh` and `bosh scp`: what users of VMs see, and what they must not do.

use std::fs;

use crate::clock::Clock;
use crate::rig::{Ran, Rig};

const TAS: &str = "cf-0123456789abcdef0123";

fn ssh(rig: &Rig, script: &str) -> Ran {
    rig.run("bosh", &["-n", "-d", TAS, "ssh", "nfs_server/0", "-c", script])
}

/// What a script printed that must succeed, without the names of instance and stream.
fn said(rig: &Rig, script: &str) -> String {
    let ran = ssh(rig, script);
    assert_eq!(ran.code, Some(0), "{script}: {} {}", ran.out, ran.err);
    ran.out.lines().map(|line| line.split_once(" | ").map_or(line, |(_, said)| said)).collect::<Vec<_>>().join("\n")
}

#[test]
fn streams_are_named() {
    let rig = Rig::laboratory();
    let ran = rig.run("bosh", &["-d", "cf", "ssh", "nfs_server/0", "-c", "echo well; echo ill >&2"]);
    assert_eq!(ran.out, "nfs_server/8d2c: stdout | well\nnfs_server/8d2c: stderr | ill\n");
    assert_eq!(ran.code, Some(0));
    let ran = rig.run("bosh", &["-d", "cf", "ssh", "nfs_server", "-c", "exit 3"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.starts_with("Running SSH:\n  1 error occurred:"), "{}", ran.err);
    assert!(ran.err.contains("exit status 3") && ran.err.ends_with("Exit code 1\n"), "{}", ran.err);
}

#[test]
fn results_are_a_table() {
    let rig = Rig::laboratory();
    let rows = rig.rows("-d cf ssh cloud_controller --results -c whoami");
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1]["instance"], "cloud_controller/c0c1");
    assert_eq!((&rows[0]["exit_code"], &rows[0]["error"]), (&"0".into(), &"-".into()));
    assert!(rows[0]["stdout"].as_str().unwrap().starts_with("bosh_"));
}

#[test]
fn nobody_can_be_asked_for_a_command() {
    let ran = Rig::laboratory().run("bosh", &["-n", "-d", "cf", "ssh", "nfs_server/0"]);
    assert_eq!(ran.err, "Non-interactive SSH requires non-empty command\nExit code 1\n");
}

#[test]
fn scripts_run_in_the_tree_of_the_vm() {
    let rig = Rig::new();
    assert_eq!(said(&rig, "sudo mkdir -p /var/vcap/store/shared && ls /var/vcap/store"), "shared");
    assert_eq!(
        said(&rig, "cd /var/vcap/store && pwd && ls -d /var/vcap/store/*"),
        "/var/vcap/store\n/var/vcap/store/shared"
    );
    assert_eq!(said(&rig, "for d in /var/vcap/jobs/*; do basename $d; done"), "blobstore\nroute_registrar");
    assert_eq!(said(&rig, "sudo sh -c 'echo hi > /var/vcap/store/x'; cat /var/vcap/store/x"), "hi");
    assert!(said(&rig, "echo $HOME").starts_with("/home/bosh_"));
    assert_eq!(said(&rig, "mountpoint /var/vcap/store"), "/var/vcap/store is a mountpoint");
    let line = said(&rig, "df -h /var/vcap/store | tail -1");
    assert!(line.starts_with("/dev/sdc1 100G ") && line.ends_with(" 1% /var/vcap/store"), "{line}");
}

#[test]
fn the_store_is_root_s() {
    let rig = Rig::new();
    for (script, refusal) in [
        ("mkdir /var/vcap/store/x", "mkdir: cannot create '/var/vcap/store/x': Permission denied"),
        ("cd /var/vcap/store && mkdir x", "Permission denied"),
        ("echo hi > /var/vcap/store/x", "cannot create /var/vcap/store/x: Permission denied"),
        ("chown vcap /var/vcap/store", "chown: changing ownership of '/var/vcap/store': Operation not permitted"),
        ("chmod 777 /var/vcap/store", "Operation not permitted"),
        ("rm -rf /var/vcap/jobs/blobstore", "Permission denied"),
        ("/var/vcap/bosh/bin/monit summary", "Permission denied"),
    ] {
        let ran = ssh(&rig, script);
        assert_eq!(ran.code, Some(1), "{script}: {}", ran.out);
        assert!(ran.out.contains(refusal), "{script}: {}", ran.out);
    }
    assert_eq!(said(&rig, "mkdir /tmp/mine && echo x > /tmp/mine/file && cat /tmp/mine/file"), "x");
    assert_eq!(
        said(
            &rig,
            "sudo install -d /var/vcap/store/stage && sudo chmod 777 /var/vcap/store/stage && touch /var/vcap/store/stage/x && stat -c '%U %a' /var/vcap/store/stage"
        ),
        "root 777"
    );
    assert!(said(&rig, "stat -c %U /var/vcap/store/stage/x").starts_with("bosh_"));
    assert_eq!(
        said(&rig, "sudo chown -R vcap:vcap /var/vcap/store/stage && stat -c %U:%G /var/vcap/store/stage/x"),
        "vcap:vcap"
    );
}

#[test]
fn files_arrive_as_the_user_s() {
    let rig = Rig::new();
    fs::write(rig.work().join("blobs.tar"), "content").unwrap();
    let scp = |words: &[&str]| rig.run("bosh", &[&["-n", "-d", TAS, "scp"], words].concat());
    assert_eq!(scp(&["blobs.tar", "nfs_server/0:/tmp/"]).code, Some(0));
    assert_eq!(said(&rig, "cat /tmp/blobs.tar"), "content");
    let ran = scp(&["blobs.tar", "nfs_server/0:/var/vcap/store/"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("stderr | scp: dest open \"/var/vcap/store/\": Permission denied"), "{}", ran.out);
    assert!(ran.err.contains("Running SCP"), "{}", ran.err);
    assert_eq!(scp(&["nfs_server/0:/tmp/blobs.tar", "back-((instance_id)).tar"]).code, Some(0));
    let back = fs::read_dir(rig.work())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("back-"));
    assert_eq!(back.count(), 1);
    let ran = scp(&["none.tar", "nfs_server/0:/tmp/"]);
    assert!(ran.out.contains("none.tar: No such file or directory"), "{}", ran.out);
}

#[test]
fn homes_go_with_their_sessions_and_temporary_files_with_their_vms() {
    let rig = Rig::new();
    said(&rig, "touch ~/mine /tmp/there && sudo touch /var/vcap/store/kept");
    assert_eq!(said(&rig, "ls ~ | wc -l; ls /tmp"), "0\nthere");
    rig.bosh(&format!("-n -d {TAS} recreate nfs_server/0"));
    assert_eq!(said(&rig, "ls /tmp | wc -l; ls /var/vcap/store"), "0\nkept\nshared");
}

#[test]
fn silent_agents_make_no_users() {
    let rig = Rig::new();
    rig.sandbox("break agent-silent nfs_server/0");
    let ran = ssh(&rig, "true");
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains(&format!("Setting up SSH in deployment '{TAS}'")), "{}", ran.err);
    assert!(ran.err.contains("to succeed but state is 'error'"), "{}", ran.err);
}

#[test]
fn full_stores_take_nothing() {
    let rig = Rig::new();
    rig.sandbox("break store-full nfs_server/0");
    let ran = ssh(&rig, "sudo mkdir /var/vcap/store/x");
    assert!(ran.out.contains("No space left on device"), "{}", ran.out);
    assert!(said(&rig, "df --output=pcent /var/vcap/store").contains("100%"));
    rig.sandbox("mend store-full nfs_server/0");
    said(&rig, "sudo mkdir /var/vcap/store/x");
}

#[test]
fn processes_are_monit_s() {
    let rig = Rig::new();
    assert!(said(&rig, "sudo /var/vcap/bosh/bin/monit summary").contains("Process 'blobstore_nginx'         running"));
    said(&rig, "sudo monit stop blobstore_nginx");
    let rows = rig.rows(&format!("-d {TAS} instances --ps --failing"));
    let failing: Vec<_> =
        rows.iter().map(|row| (row["process"].as_str().unwrap(), row["process_state"].as_str().unwrap())).collect();
    assert_eq!(failing, [("", "failing"), ("blobstore_nginx", "stopped")]);
    said(&rig, "sudo monit restart all");
    assert_eq!(rig.rows(&format!("-d {TAS} instances --failing")).len(), 0);
}

#[test]
fn time_passes_inside_of_vms() {
    let (rig, clock) = (Rig::new(), Clock::new());
    let ran = clock.run(&mut rig.command(
        "bosh",
        &["-d", TAS, "ssh", "nfs_server/0", "-c", "sleep 40; sudo monit restart blobstore_nginx; date"],
    ));
    assert_eq!(ran.code, Some(0), "{} {}", ran.out, ran.err);
    assert_eq!(clock.elapsed() / 1000, 1 + 3 + 40 + 20);
}

#[test]
fn ps_lists_what_runs_on_the_vm() {
    let rig = Rig::new();
    let listed = said(&rig, "ps -eo args");
    assert!(listed.contains("/var/vcap/packages/blobstore_nginx/bin/blobstore_nginx"), "{listed}");
    assert!(listed.contains("bash -c ps -eo args") && !listed.contains("cargo"), "{listed}");
    said(&rig, "ps aux | grep -q /var/vcap/packages/blobstore_nginx/bin/");
    said(&rig, "ps -eo args | grep '[/]var/vcap/packages/[^/]*/bin/'");
    assert_eq!(said(&rig, "ps -eo args | grep '[/]var/vcap/jobs/[^/]*/bin/bbr/'; echo $?"), "1");
    said(&rig, "sudo monit stop blobstore_nginx");
    assert_eq!(said(&rig, "ps -C blobstore_nginx -o pid= || echo none"), "none");
    let ran = ssh(&rig, "ps -Q");
    assert!(ran.code == Some(1) && ran.out.contains("error: unsupported SysV option"), "{}", ran.out);
}

/// What would be felt by the machine is not there.
#[test]
fn the_machine_is_out_of_reach() {
    let rig = Rig::new();
    for program in ["reboot", "systemctl stop sshd", "pkill init", "umount /var/vcap/store"] {
        let ran = ssh(&rig, &format!("sudo {program}"));
        assert!(ran.code == Some(1) && ran.out.contains("not found"), "{program}: {}", ran.out);
    }
    let ran = ssh(&rig, "ls /usr/share; cat /etc/hostname");
    assert_eq!(ran.out.matches("No such file or directory").count(), 2, "{}", ran.out);
}

#[test]
fn copies_of_worlds_have_disks_of_their_own() {
    let rig = Rig::new();
    said(&rig, "sudo sh -c 'echo one > /var/vcap/store/x'");
    let copy = rig.world.copy(&rig.work().join("copy")).unwrap();
    let run = |script: &str| {
        let mut command = rig.command("bosh", &["-d", TAS, "ssh", "nfs_server/0", "-c", script]);
        let ran: Ran = command.env("FIREDRILL_SANDBOX", copy.root()).output().unwrap().into();
        ran.out
    };
    run("sudo sh -c 'echo two > /var/vcap/store/x'");
    assert!(run("cat /var/vcap/store/x").ends_with("two\n"));
    assert_eq!(said(&rig, "cat /var/vcap/store/x"), "one");
}
