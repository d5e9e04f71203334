//! cf: services that take time, pages and errors of `cf curl`, feature flags, the rules of isolation segments; curl's flags.

use serde_json::Value;

use crate::clock::Clock;
use crate::rig::{Ran, Rig};

const TAS: &str = "cf-0123456789abcdef0123";
const API: &str = "https://api.sys.sandbox";

fn run(rig: &Rig, line: &str) -> Ran {
    let words: Vec<&str> = line.split_whitespace().collect();
    rig.run(words[0], &words[1..])
}

fn said(rig: &Rig, line: &str) -> String {
    let ran = run(rig, line);
    assert_eq!(ran.code, Some(0), "{line}: {}{}", ran.out, ran.err);
    ran.out
}

/// What a command says that must fail.
fn refusal(rig: &Rig, line: &str) -> String {
    let ran = run(rig, line);
    assert_eq!((ran.code, ran.out.contains("FAILED\n")), (Some(1), true), "{line}: {}{}", ran.out, ran.err);
    ran.err
}

fn logged_in(org: &str) -> Rig {
    let rig = Rig::new();
    said(&rig, &format!("cf login -a {API} -u admin -p sandbox -o {org} -s production"));
    rig
}

fn json(rig: &Rig, path: &str) -> Value {
    serde_json::from_str(&said(rig, &format!("cf curl {path}"))).unwrap()
}

fn state(rig: &Rig, clock: &Clock, name: &str) -> String {
    let ran = clock.run(&mut rig.command("cf", &["curl", &format!("/v3/service_instances?names={name}")]));
    let page: Value = serde_json::from_str(&ran.out).unwrap();
    page["resources"][0]["last_operation"]["state"].as_str().unwrap_or("gone").to_owned()
}

#[test]
fn operation_lasts_as_long_as_the_task_of_its_broker() {
    let (rig, clock) = (logged_in("payments"), Clock::new());
    let create = ["create-service", "p.mysql", "db-small", "new-db", "-c", "{}"];
    let ran = clock.run(&mut rig.command("cf", &create));
    assert!(ran.code == Some(0) && ran.out.contains("Create in progress."), "{}{}", ran.out, ran.err);
    assert_eq!(state(&rig, &clock, "new-db"), "in progress");
    let refused = clock.run(&mut rig.command("cf", &["delete-service", "new-db", "-f"]));
    assert_eq!(refused.err, "An operation for service instance new-db is in progress.\n");
    clock.advance(10 * 60_000);
    assert_eq!(state(&rig, &clock, "new-db"), "succeeded");
    assert_eq!(clock.run(&mut rig.command("cf", &["delete-service", "new-db", "-f"])).code, Some(0));
    assert_eq!(state(&rig, &clock, "new-db"), "in progress");
    clock.advance(10 * 60_000);
    assert_eq!(state(&rig, &clock, "new-db"), "gone");
    rig.sandbox("check");
}

#[test]
fn operation_whose_task_is_cancelled_has_failed() {
    let (rig, clock) = (logged_in("payments"), Clock::new());
    clock.run(&mut rig.command("cf", &["create-service", "p.mysql", "db-small", "new-db"]));
    assert_eq!(clock.run(&mut rig.command("bosh", &["-n", "cancel-task", "101"])).code, Some(0));
    clock.advance(10 * 60_000);
    assert_eq!(state(&rig, &clock, "new-db"), "failed");
}

#[test]
fn nobody_asks_the_broker_while_the_api_is_locked() {
    let (rig, clock) = (logged_in("payments"), Clock::new());
    clock.run(&mut rig.command("cf", &["create-service", "p.mysql", "db-small", "new-db"]));
    rig.sandbox("break leftover-lock");
    clock.advance(10 * 60_000);
    assert_eq!(clock.run(&mut rig.command("bosh", &["tasks"])).out, "");
    rig.sandbox("mend leftover-lock");
    let shown = clock.run(&mut rig.command("cf", &["service", "new-db"])).out;
    assert!(shown.contains("status:    create succeeded") && shown.contains("updated:   2026-01-05T02:1"), "{shown}");
}

#[test]
fn services_are_waited_for_and_refused() {
    let rig = logged_in("payments");
    assert!(said(&rig, "cf create-service p.mysql db-small a --wait").contains("Service instance a created.\nOK\n"));
    assert!(said(&rig, "cf create-service p.mysql db-small a").ends_with("OK\nService instance a already exists\n"));
    let missing = "The plan 'db-huge' could not be found for service offering 'p.mysql'.\n";
    assert_eq!(refusal(&rig, "cf create-service p.mysql db-huge b"), missing);
    assert_eq!(refusal(&rig, "cf purge-service-instance a"), "EOF\n");
    assert!(said(&rig, "cf purge-service-instance a -f").contains("Service instance a purged.\nOK\n"));
    assert!(said(&rig, "cf purge-service-instance a -f").contains("Service instance a did not exist.\nOK\n"));
    assert!(said(&rig, "cf delete-service a -f").contains("Service instance a did not exist.\nOK\n"));
    assert_eq!(refusal(&rig, "cf service a"), "Service instance 'a' not found\n");
    rig.sandbox("break processes-failing pivotal-mysql-00112233445566778899:dedicated-mysql-broker/0");
    assert!(refusal(&rig, "cf create-service p.mysql db-small b").contains("broker could not be reached"));
    assert!(said(&rig, "cf services").contains("create failed"));
}

#[test]
fn brokers_come_and_go() {
    let rig = logged_in("payments");
    said(&rig, "cf create-service-broker other user secret https://other.sandbox");
    assert_eq!(refusal(&rig, "cf create-service-broker other user secret https://x"), "Name must be unique\n");
    said(&rig, "cf create-service-broker other user secret https://y --update-if-exists");
    assert!(said(&rig, "cf service-brokers").contains("other                    https://y"));
    said(&rig, "cf update-service-broker other user secret https://z");
    assert_eq!(json(&rig, "/v3/service_brokers?names=other")["resources"][0]["url"], "https://z");
    assert_eq!(
        refusal(&rig, "cf update-service-broker none user secret https://z"),
        "Service broker 'none' not found.\n"
    );
    said(&rig, "cf delete-service-broker other -f");
    assert!(
        refusal(&rig, "cf delete-service-broker dedicated-mysql-broker -f").contains("associated service instances")
    );
    let none = said(&rig, "cf disable-service-access p.mysql");
    assert!(none.ends_with("for all orgs as admin...\nOK\n"), "{none}");
    assert!(said(&rig, "cf disable-service-access p.mysql").contains("already has visibility none"));
    assert_eq!(json(&rig, "/v3/service_plans")["resources"][0]["visibility_type"], "admin");
}

#[test]
fn pages_are_followed() {
    let rig = logged_in("payments");
    let first = json(&rig, "/v3/apps?per_page=3");
    assert_eq!((&first["pagination"]["total_results"], &first["pagination"]["total_pages"]), (&7.into(), &3.into()));
    assert_eq!(first["resources"].as_array().unwrap().len(), 3);
    assert_eq!(first["pagination"]["previous"], Value::Null);
    let next = first["pagination"]["next"]["href"].as_str().unwrap();
    assert_eq!(next, format!("{API}/v3/apps?page=2&per_page=3"));
    let last = json(&rig, "v3/apps?per_page=3&page=3");
    assert_eq!((last["resources"].as_array().unwrap().len(), &last["pagination"]["next"]), (1, &Value::Null));
    assert_eq!(json(&rig, "/v3/apps?per_page=0")["errors"][0]["title"], "CF-BadQueryParameter");
    assert_eq!(run(&rig, "cf curl --fail /v3/apps?per_page=5001").code, Some(22));
}

#[test]
fn curl_of_cf_succeeds_unless_told_to_fail() {
    let rig = logged_in("payments");
    let ran = run(&rig, "cf curl -f /v3/nothing");
    let failure = (ran.code, ran.out.as_str(), ran.err.as_str());
    assert_eq!(failure, (Some(22), "FAILED\n", "The requested URL returned error: 404\n"));
    said(&rig, "lb block");
    assert_eq!(said(&rig, "cf curl /v3/info"), "\n");
    assert!(refusal(&rig, "cf curl -f /v3/info").starts_with("Request error: "));
    said(&rig, "lb allow");
    said(&rig, "cf logout");
    assert_eq!(json(&rig, "/v3/apps")["errors"][0]["title"], "CF-NotAuthenticated");
    assert_eq!(run(&rig, "cf curl -f /v3/apps").code, Some(22));
}

#[test]
fn flags_are_set_by_command_and_by_api() {
    let rig = logged_in("payments");
    said(&rig, "cf disable-feature-flag service_instance_creation");
    assert_eq!(json(&rig, "/v3/feature_flags/service_instance_creation")["enabled"], false);
    assert!(
        said(&rig, "cf feature-flag service_instance_creation").ends_with("service_instance_creation   disabled\n")
    );
    let body = r#"{"enabled":true}"#;
    said(&rig, &format!("cf curl -X PATCH /v3/feature_flags/service_instance_creation -d {body}"));
    assert_eq!(json(&rig, "/v3/feature_flags/service_instance_creation")["enabled"], true);
    assert_eq!(refusal(&rig, "cf enable-feature-flag none"), "Feature flag 'none' not found.\n");
    assert_eq!(json(&rig, "/v3/feature_flags/none")["errors"][0]["code"], 10_010);
    // An administrator creates in spite of the flag.
    said(&rig, "cf disable-feature-flag service_instance_creation");
    said(&rig, "cf create-service p.mysql db-small a --wait");
    rig.sandbox("break leftover-lock");
    assert!(refusal(&rig, "cf enable-feature-flag service_instance_creation").contains("Response Code: 503"));
}

#[test]
fn segments_are_entitled_before_they_are_used_and_freed_before_they_go() {
    let rig = logged_in("payments");
    said(&rig, "cf create-isolation-segment iso-02");
    assert_eq!(run(&rig, "cf create-isolation-segment iso-02").err, "Isolation segment 'iso-02' already exists.\n");
    assert!(refusal(&rig, "cf set-space-isolation-segment production iso-02").contains("has been entitled"));
    said(&rig, "cf enable-org-isolation payments iso-02");
    said(&rig, "cf set-org-default-isolation-segment payments iso-02");
    assert!(refusal(&rig, "cf disable-org-isolation payments iso-02").contains("default"));
    let reset = said(&rig, "cf reset-space-isolation-segment production");
    assert!(reset.ends_with("to this organization's default isolation segment.\n"), "{reset}");
    said(&rig, "cf reset-org-default-isolation-segment payments");
    assert!(refusal(&rig, "cf delete-isolation-segment iso-02 -f").contains("entitlements"));
    said(&rig, "cf disable-org-isolation payments iso-02");
    assert_eq!(refusal(&rig, "cf delete-isolation-segment iso-02"), "EOF\n");
    said(&rig, "cf delete-isolation-segment iso-02 -f");
    assert_eq!(run(&rig, "cf delete-isolation-segment iso-02 -f").err, "Isolation segment iso-02 does not exist.\n");
    let space = &json(&rig, "/v3/spaces?names=production")["resources"][0];
    let path = format!("/v3/spaces/{}/relationships/isolation_segment", space["guid"].as_str().unwrap());
    assert_eq!(json(&rig, &path)["data"], Value::Null);
}

#[test]
fn missing_backup_restore_is_no_contradiction() {
    let rig = Rig::new();
    rig.sandbox("break backup-restore-missing");
    rig.sandbox("check");
    assert!(!rig.bosh(&format!("-d {TAS} instances")).contains("backup_restore"));
    rig.sandbox("mend backup-restore-missing");
    assert!(rig.bosh(&format!("-d {TAS} instances")).starts_with("backup_restore"));
    rig.sandbox("check");
}

#[test]
fn curl_refuses_options_that_it_does_not_know() {
    let rig = Rig::new();
    let usage = "curl: try 'curl --help' or 'curl --manual' for more information\n";
    let ran = run(&rig, &format!("curl --no-such-option {API}/healthz"));
    let refused = (ran.code, ran.out, ran.err);
    assert_eq!(refused, (Some(2), String::new(), format!("curl: option --no-such-option: is unknown\n{usage}")));
    assert_eq!(run(&rig, "curl").err, usage);
    assert_eq!(run(&rig, "curl -s").err, format!("curl: no URL specified!\n{usage}"));
    assert_eq!(said(&rig, &format!("curl -sSfLk -m 5 {API}/healthz")), "OK");
    let failed = run(&rig, &format!("curl -s --fail-with-body {API}/v3/none"));
    assert!(failed.code == Some(22) && failed.out.contains("ResourceNotFound"), "{}", failed.out);
    assert_eq!(said(&rig, &format!("curl -sI {API}/healthz")), "HTTP/1.1 200 OK\r\n\r\n");
}
