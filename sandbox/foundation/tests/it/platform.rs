//! The platform's rules: its API, its blobstore, its databases, its load balancer.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::clock::Clock;
use crate::rig::{Ran, Rig};

const TAS: &str = "cf-0123456789abcdef0123";
const API: &str = "https://api.sys.sandbox";

fn run(rig: &Rig, line: &str) -> Ran {
    let words: Vec<&str> = line.split_whitespace().collect();
    rig.run(words[0], &words[1..])
}

fn code(rig: &Rig, line: &str) -> i32 {
    run(rig, line).code.unwrap()
}

/// What a command prints that must succeed.
fn said(rig: &Rig, line: &str) -> String {
    let ran = run(rig, line);
    assert_eq!(ran.code, Some(0), "{line}: {}{}", ran.out, ran.err);
    ran.out
}

fn logged_in(org: &str) -> Rig {
    let rig = Rig::new();
    log_in(&rig, org);
    rig
}

fn log_in(rig: &Rig, org: &str) {
    said(rig, &format!("cf login -a {API} -u admin -p sandbox -o {org} -s production"));
}

fn status(rig: &Rig, path: &str) -> String {
    run(rig, &format!("curl -s -o answer -w %{{http_code}} {API}{path}")).out
}

fn backup(rig: &Rig, args: &[&str]) -> Ran {
    rig.run("bbr", &[&["deployment", "--deployment", TAS], args].concat())
}

fn on_vm(rig: &Rig, instance: &str, command: &str) -> String {
    let args = ["-n", "-d", TAS, "ssh", instance, "--column=stdout", "-r", "-c", command];
    let ran = rig.run("bosh", &args);
    assert_eq!(ran.code, Some(0), "{command}: {}{}", ran.out, ran.err);
    ran.out
}

#[test]
fn api_is_in_maintenance_while_a_killed_backup_holds_the_lock() {
    let rig = logged_in("retail");
    assert_eq!(status(&rig, "/healthz"), "200");
    rig.sandbox("break leftover-lock");
    assert_eq!(status(&rig, "/healthz"), "503");
    assert!(run(&rig, "cf apps").err.contains("503"));
    assert_eq!(code(&rig, "cf curl /v3/info"), 0);
    assert_eq!(code(&rig, "cf curl --fail /v3/info"), 22);
    assert_eq!(code(&rig, "curl -sf https://api.sys.sandbox/healthz"), 22);
    let refused = backup(&rig, &["backup"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("bbr-backup already exists on instance nfs_server/"), "{}", refused.err);
    assert_eq!(backup(&rig, &["backup-cleanup"]).code, Some(0));
    assert_eq!(status(&rig, "/healthz"), "200");
    assert_eq!(backup(&rig, &["backup"]).code, Some(0));
    rig.sandbox("check");
}

#[test]
fn second_operator_is_harmed_by_a_cleanup() {
    let rig = Rig::new();
    rig.sandbox("break platform-second-operator");
    rig.sandbox("check");
    rig.sandbox("assert leftover platform theirs");
    assert_eq!(backup(&rig, &["backup"]).code, Some(1));
    rig.sandbox("check");
    assert_eq!(backup(&rig, &["backup-cleanup"]).code, Some(0));
    let harm = rig.try_sandbox("check").unwrap_err();
    assert!(harm.contains("live backup of the platform was deleted"), "{harm}");
}

#[test]
fn killed_backup_leaves_the_platform_locked() {
    let (rig, clock) = (Rig::new(), Clock::new());
    let mut command = rig.command("bbr", &["deployment", "--deployment", TAS, "backup"]);
    command.env("FIREDRILL_CLOCK", clock.socket()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    clock.wait_for_parked(1);
    rig.sandbox("assert api open");
    // The connection, the checks, two layers of locks, and a minute of the backup scripts.
    clock.advance(2_000 + 6_000 + 15_000 + 15_000 + 60_000);
    rig.sandbox("assert api locked");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), None);
    rig.sandbox("assert lock platform ours");
    let findings = rig.try_sandbox("check").unwrap_err();
    assert!(findings.contains("is locked by bbr") && findings.contains("left over on nfs_server/"), "{findings}");
    assert_eq!(backup(&rig, &["backup-cleanup"]).code, Some(0));
    rig.sandbox("assert api open");
    rig.sandbox("check");
}

#[test]
fn nginx_serves_a_replaced_disk_only_when_it_was_restarted() {
    let rig = logged_in("retail");
    said(&rig, "cf restart web");
    rig.sandbox("break disk-deleted nfs_server/0");
    rig.sandbox("assert blobs stale");
    assert!(said(&rig, "cf apps").contains("web:3/3"));
    assert_eq!(code(&rig, "cf push canary -p ."), 1);
    assert_eq!(code(&rig, "cf restart orders"), 1);
    assert!(said(&rig, "cf apps").contains("web:0/2") || said(&rig, "cf apps").contains("web:3/3"));
    let metrics = said(&rig, "curl -s https://healthwatch.sys.sandbox/metrics");
    assert!(metrics.contains("health_check_cliCommand_push 0\n"), "{metrics}");
    assert!(metrics.contains("health_check_cliCommand_login 1\n"), "{metrics}");
}

#[test]
fn apps_come_back_when_their_droplets_do() {
    let rig = logged_in("retail");
    assert_eq!(backup(&rig, &["backup"]).code, Some(0));
    let tar = rig.artifact().join("nfs_server-0-blobstore.tar");
    fs::copy(tar, rig.work().join("blobs.tar")).unwrap();
    on_vm(&rig, "nfs_server/0", "sudo rm -rf /var/vcap/store/shared");
    let ran = run(&rig, "cf restart web");
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.starts_with("Start unsuccessful"), "{}", ran.err);
    assert!(said(&rig, "cf apps").contains("web:0/3"));
    rig.sandbox("assert apps failing");
    let ran = rig.run("bosh", &["-n", "-d", TAS, "scp", "blobs.tar", "nfs_server/0:/tmp/"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    on_vm(&rig, "nfs_server/0", "sudo tar -xf /tmp/blobs.tar -C /var/vcap/store");
    said(&rig, "cf restart web");
    rig.sandbox("assert apps running");
}

#[test]
fn blobs_that_belong_to_root_cannot_be_added_to() {
    let rig = logged_in("retail");
    on_vm(&rig, "nfs_server/0", "sudo chown -R root:root /var/vcap/store/shared");
    assert_eq!(code(&rig, "cf push canary -p ."), 1);
    assert_eq!(code(&rig, "cf restart web"), 0);
    on_vm(&rig, "nfs_server/0", "sudo chown -R vcap:vcap /var/vcap/store/shared");
    assert_eq!(code(&rig, "cf push canary -p ."), 0);
}

#[test]
fn cluster_without_quorum_needs_a_bootstrap() {
    let rig = logged_in("retail");
    assert!(!on_vm(&rig, "mysql_monitor/0", "mysql-diag").contains("CRITICAL"));
    let healthy = rig.rows(&format!("-d {TAS} run-errand bootstrap"));
    assert!(healthy[0]["stdout"].as_str().unwrap().contains("bootstrap is not required"));
    rig.sandbox("break mysql-without-quorum");
    assert!(on_vm(&rig, "mysql_monitor/0", "mysql-diag").contains("[CRITICAL] You must bootstrap the cluster"));
    assert_eq!(code(&rig, "cf apps"), 1);
    assert_eq!(backup(&rig, &["backup"]).code, Some(9));
    rig.bosh(&format!("-n -d {TAS} restart mysql"));
    assert!(on_vm(&rig, "mysql_monitor/0", "mysql-diag").contains("non-Primary"));
    rig.sandbox("assert quorum lost");
    rig.bosh(&format!("-d {TAS} run-errand bootstrap"));
    rig.sandbox("assert quorum held");
    rig.sandbox("assert api locked");
    assert_eq!(backup(&rig, &["backup-cleanup"]).code, Some(0));
    assert_eq!(code(&rig, "cf apps"), 0);
}

#[test]
fn node_that_is_down_rejoins_when_it_is_restarted() {
    let rig = logged_in("retail");
    rig.sandbox("break mysql-degraded");
    assert_eq!(code(&rig, "cf apps"), 0);
    assert!(on_vm(&rig, "mysql_monitor/0", "mysql-diag").contains("N/A - ERROR"));
    rig.bosh(&format!("-n -d {TAS} restart mysql/2"));
    assert!(!on_vm(&rig, "mysql_monitor/0", "mysql-diag").contains("N/A - ERROR"));
}

#[test]
fn cluster_of_one_node_is_left_by_a_smaller_manifest() {
    let rig = logged_in("retail");
    assert_eq!(backup(&rig, &["backup"]).code, Some(0));
    let artifact = rig.artifact().display().to_string();
    said(&rig, "cf delete web -f");
    let manifest = rig.bosh(&format!("-d {TAS} manifest"));
    let smaller = manifest.replace("- name: mysql\n  instances: 3", "- name: mysql\n  instances: 1");
    assert_ne!(smaller, manifest);
    fs::write(rig.work().join("one.yml"), smaller).unwrap();
    rig.bosh(&format!("-n -d {TAS} deploy one.yml"));
    rig.sandbox("assert quorum held");
    let ran = backup(&rig, &["restore", "--artifact-path", &artifact]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(said(&rig, "cf apps").contains("web:3/3"));
}

#[test]
fn load_balancer_that_blocks_the_platform_itself_spoils_the_unlock() {
    let rig = logged_in("retail");
    assert_eq!(said(&rig, "lb block"), "clients blocked\n");
    assert_eq!(code(&rig, "cf apps"), 1);
    assert_eq!(code(&rig, "curl -sS -m 5 https://api.sys.sandbox/healthz"), 28);
    assert_eq!(on_vm(&rig, "cloud_controller/0", "curl -s https://api.sys.sandbox/healthz").trim(), "OK");
    assert_eq!(backup(&rig, &["backup"]).code, Some(0));
    assert!(rig.try_sandbox("check").is_err());
    said(&rig, "lb block --inside");
    let ran = backup(&rig, &["backup"]);
    assert_eq!(ran.code, Some(8), "{}", ran.err);
    said(&rig, "lb allow");
    assert_eq!(status(&rig, "/healthz"), "503");
    assert_eq!(backup(&rig, &["backup-cleanup"]).code, Some(0));
    assert_eq!(status(&rig, "/healthz"), "200");
}

#[test]
fn what_happens_while_the_scripts_run_meets_the_unlock() {
    let (rig, clock) = (Rig::new(), Clock::new());
    let mut later = rig.command("sandbox", &["later", "2m", "break", "lb-blocks-inside"]);
    assert_eq!(clock.run(&mut later).code, Some(0));
    let ran = clock.run(&mut rig.command("bbr", &["deployment", "--deployment", TAS, "backup"]));
    assert_eq!(ran.code, Some(8), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("Backup created of"), "{}", ran.out);
    rig.sandbox("assert artifacts 1 whole");
}

#[test]
fn apps_move_to_another_segment_when_they_are_restarted() {
    let rig = logged_in("payments");
    rig.sandbox("break vm-deleted p-isolation-segment-3210fedcba9876543210:isolated_diego_cell");
    assert!(said(&rig, "cf apps").contains("web:0/2"));
    let said_of = said(&rig, "cf reset-space-isolation-segment production");
    assert!(
        said_of.contains("TIP: Restart applications in this space to relocate them to the platform default."),
        "{said_of}"
    );
    assert!(said(&rig, "cf apps").contains("ledger    started           web:0/2"));
    said(&rig, "cf restart ledger");
    assert!(said(&rig, "cf apps").contains("ledger    started           web:2/2"));
    said(&rig, "cf set-space-isolation-segment production iso-01");
    assert_eq!(code(&rig, "cf restart ledger"), 1);
    assert_eq!(code(&rig, "cf disable-org-isolation payments iso-01"), 1);
}

#[test]
fn operations_of_services_are_told() {
    let rig = logged_in("payments");
    rig.sandbox("break service-operation");
    assert!(said(&rig, "cf services").contains("create in progress"));
    let answer: serde_json::Value = serde_json::from_str(&said(&rig, "cf curl /v3/service_instances")).unwrap();
    assert_eq!(answer["resources"][1]["last_operation"]["state"], "in progress");
    said(&rig, "cf disable-service-access p.mysql");
    assert!(said(&rig, "cf service-access").contains("none"));
}

#[test]
fn canary_may_be_red_while_the_platform_is_well() {
    let rig = Rig::new();
    rig.sandbox("break canary-red");
    let metrics = said(&rig, "curl -s https://healthwatch.sys.sandbox/metrics");
    assert!(metrics.contains("health_check_CanaryApp_available 0\n"), "{metrics}");
    rig.sandbox("mend canary-red");
    let metrics = said(&rig, "curl -s https://healthwatch.sys.sandbox/metrics");
    assert!(metrics.contains("health_check_CanaryApp_available 1\n"), "{metrics}");
}

#[test]
fn changes_are_applied_and_told() {
    let rig = Rig::new();
    assert_eq!(code(&rig, "om bosh-diff --check"), 0);
    rig.sandbox("break pending-changes");
    assert_eq!(code(&rig, "om bosh-diff --check"), 2);
    assert_eq!(code(&rig, "om bosh-diff"), 0);
    said(&rig, "om apply-changes --skip-deploy-products");
    assert_eq!(code(&rig, "om pending-changes --check"), 1);
    said(&rig, "om apply-changes");
    assert_eq!(code(&rig, "om pending-changes --check"), 0);
    rig.sandbox("break apply-changes-running");
    assert_eq!(code(&rig, "om apply-changes"), 1);
    let products: serde_json::Value =
        serde_json::from_str(&said(&rig, "om curl -s -p /api/v0/deployed/products")).unwrap();
    assert_eq!(products[1]["guid"], TAS);
}

/// Asks the address for a path of a host over a real connection.
fn asked(address: &str, host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address.trim().trim_start_matches("http://")).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn hosts_are_served_on_loopback_for_a_time() {
    let rig = Rig::new();
    let mut server = rig.command("sandbox", &["serve", "1m"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut address = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut address).unwrap();
    assert!(asked(&address, "127.0.0.1", "/healthz").ends_with("\r\n\r\nOK"));
    assert!(asked(&address, "healthwatch.sys.sandbox", "/info").ends_with("HAPI is happy"));
    rig.sandbox("break leftover-lock");
    assert!(asked(&address, "api.sys.sandbox", "/v3/info").starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(code(&rig, "sandbox serve 10ms"), 0);
}
