//! The programs in `playbooks/bin` that ask the Cloud Controller and the director how a platform is, under dash.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use tempfile::TempDir;

use crate::playbooks::root;

/// A folder with a `cf` and a `bosh` that print what a test has written.
struct Platform {
    dir: TempDir,
}

impl Platform {
    fn new() -> Platform {
        let platform = Platform { dir: tempfile::tempdir().unwrap() };
        let cf = "#!/bin/sh\nname=$(printf '%s' \"$*\" | tr -c 'A-Za-z0-9' _)\necho \"$*\" >>'DIR/log'\ncat \"DIR/$name\" 2>/dev/null || echo '{\"errors\":[]}'\n";
        platform.program("cf", &cf.replace("DIR", &platform.dir.path().display().to_string()));
        platform
    }

    fn program(&self, name: &str, script: &str) -> String {
        let path = self.dir.path().join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    /// Makes `cf ARGS` print a text.
    fn says(self, args: &str, text: &str) -> Platform {
        let name: String = args.chars().map(|one| if one.is_ascii_alphanumeric() { one } else { '_' }).collect();
        fs::write(self.dir.path().join(name), text).unwrap();
        self
    }

    /// Makes the first page of a list be a text.
    fn lists(self, path: &str, text: &str) -> Platform {
        let separator = if path.contains('?') { '&' } else { '?' };
        self.says(&format!("curl {path}{separator}per_page=500&page=1"), text)
    }

    fn run(&self, program: &str, args: &[&str]) -> (i32, String) {
        let bin = root().join("playbooks/bin");
        let dir = self.dir.path().display();
        let mut command = Command::new("dash");
        command.arg(bin.join(program)).args(args).current_dir(self.dir.path());
        command.env("PATH", format!("{dir}:{}:{}", bin.display(), std::env::var("PATH").unwrap()));
        let output = command.output().unwrap();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

const ONE: &str = r#"{"pagination": {"next": null}, "resources": ["#;

fn page(resources: &str) -> String {
    format!("{ONE}{resources}]}}")
}

#[test]
fn resources_are_read_whatever_they_are_called() {
    let apps = r#"{"guid": "a-1", "name": "say \"state\": \"STOPPED\", {[ \u00fc\u0026", "state": "STARTED", "lifecycle": {"data": {"name": "x", "buildpacks": ["guid"]}}, "relationships": {"space": {"data": {"guid": "s-1"}}}},
      {"relationships": {"space": {"data": null}}, "state": "STOPPED", "metadata": {"labels": {}}, "name": "b\\c", "guid": "a-2"}"#;
    let platform = Platform::new().lists("/v3/apps?space_guids=s-1", &page(apps));
    let (code, out) = platform
        .run("resources-of", &["/v3/apps?space_guids=s-1", "guid", "name", "state", "relationships.space.data.guid"]);
    assert_eq!(code, 0);
    assert_eq!(out, "a-1\tsay \"state\": \"STOPPED\", {[ ü&\tSTARTED\ts-1\na-2\tb\\c\tSTOPPED\t-\n");
}

#[test]
fn all_pages_are_read_and_an_error_is_no_list() {
    let first = r#"{"pagination":{"next":{"href":"https://api/v3/x?page=2"}},"resources":[{"name":"a"}]}"#;
    let platform =
        Platform::new().lists("/v3/x", first).says("curl /v3/x?per_page=500&page=2", &page(r#"{"name":"b"}"#));
    assert_eq!(platform.run("resources-of", &["/v3/x", "name"]), (0, "a\nb\n".to_owned()));
    assert_eq!(platform.run("resources-of", &["/v3/y", "name"]).0, 3);
    let empty = Platform::new().lists("/v3/x", &page(""));
    assert_eq!(empty.run("resources-of", &["/v3/x", "name"]), (0, String::new()));
}

/// A platform with an org on the segment by default, and a space of another one by itself.
fn segmented() -> Platform {
    let none = r#"{"data": null}"#;
    let iso = r#"{"data": {"guid": "i-1"}}"#;
    Platform::new()
        .lists("/v3/isolation_segments", &page(r#"{"guid":"i-0","name":"shared"},{"guid":"i-1","name":"iso-01"}"#))
        .lists(
            "/v3/isolation_segments/i-1/organizations",
            &page(r#"{"guid":"o-1","name":"retail"},{"guid":"o-2","name":"the bank"}"#),
        )
        .says("curl /v3/organizations/o-1/relationships/default_isolation_segment", iso)
        .says("curl /v3/organizations/o-2/relationships/default_isolation_segment", none)
        .lists(
            "/v3/spaces?organization_guids=o-1",
            &page(r#"{"guid":"s-1","name":"prod"},{"guid":"s-2","name":"test"}"#),
        )
        .lists(
            "/v3/spaces?organization_guids=o-2",
            &page(r#"{"guid":"s-3","name":"prod"},{"guid":"s-4","name":"test"}"#),
        )
        .says("curl /v3/spaces/s-1/relationships/isolation_segment", none)
        .says("curl /v3/spaces/s-2/relationships/isolation_segment", r#"{"data": {"guid": "i-0"}}"#)
        .says("curl /v3/spaces/s-3/relationships/isolation_segment", iso)
        .says("curl /v3/spaces/s-4/relationships/isolation_segment", none)
}

const MAP: &str = "org\tretail\t-\to-1\nspace\tretail\tprod\ts-1\torg\nspace\tthe bank\tprod\ts-3\town\n";

#[test]
fn who_is_on_a_segment_is_found_by_org_and_by_space() {
    assert_eq!(segmented().run("segment-map", &["iso-01"]), (0, MAP.to_owned()));
    assert_eq!(segmented().run("segment-map", &["iso-02"]).0, 1);
    assert_eq!(Platform::new().run("segment-map", &["iso-01"]).0, 3);
    let silent = segmented().says("curl /v3/spaces/s-3/relationships/isolation_segment", "<html>");
    assert_eq!(silent.run("segment-map", &["iso-01"]).0, 3);
}

#[test]
fn who_has_a_segment_of_its_own_is_moved() {
    let platform = Platform::new();
    let map = platform.program("map", MAP);
    let wanted = r#"[{"kind":"org","org":"retail","space":"-","guid":"o-1"},{"kind":"space","org":"the bank","space":"prod","guid":"s-3"}]"#;
    assert_eq!(platform.run("map-holders", &[&map]), (0, format!("{wanted}\n")));
    let empty = platform.program("empty", "");
    assert_eq!(platform.run("map-holders", &[&empty]), (0, "[]\n".to_owned()));
}

#[test]
fn a_record_grows_and_says_nothing_twice() {
    let platform = Platform::new();
    let map = platform.program("map", MAP);
    for _ in 0..2 {
        assert_eq!(platform.run("merge-map", &["record", &map]).0, 0);
    }
    assert_eq!(fs::read_to_string(platform.dir.path().join("record")).unwrap(), MAP);
    assert_eq!(platform.run("missing-lines", &["record", &map]).0, 0);
    platform.program("less", MAP.lines().next().unwrap());
    assert_eq!(platform.run("missing-lines", &["record", "less"]).0, 1);
}

#[test]
fn places_of_an_app_are_those_of_its_instances() {
    let stats = r#"{"resources":[{"type":"web","index":0,"state":"RUNNING","usage":{"cpu":0.1},"isolation_segment":"iso-01"},
      {"type":"web","index":1,"state":"RUNNING","isolation_segment":null},{"type":"web","index":2,"state":"DOWN","uptime":0}]}"#;
    let platform = Platform::new().says("curl /v3/apps/a-1/processes/web/stats", stats);
    assert_eq!(platform.run("app-places", &["a-1"]), (0, "RUNNING iso-01\nRUNNING -\nDOWN -\n".to_owned()));
    assert_eq!(platform.run("app-places", &["a-2"]).0, 3);
    let gone = Platform::new()
        .says("curl /v3/apps/a-1/processes/web/stats", r#"{"errors":[{"title":"CF-ResourceNotFound"}]}"#);
    assert_eq!(gone.run("app-places", &["a-1"]), (0, String::new()));
}

#[test]
fn only_what_is_elsewhere_is_restarted() {
    let apps = r#"{"guid":"a-1","name":"here","state":"STARTED"},{"guid":"a-2","name":"there","state":"STARTED"},{"guid":"a-3","name":"down","state":"STARTED"},{"guid":"a-4","name":"off","state":"STOPPED"}"#;
    let stats = |state: &str, place: &str| {
        format!(r#"{{"resources":[{{"type":"web","state":"{state}","isolation_segment":{place}}}]}}"#)
    };
    let platform = Platform::new()
        .lists("/v3/apps?space_guids=s-1", &page(apps))
        .says("curl /v3/apps/a-1/processes/web/stats", &stats("RUNNING", "null"))
        .says("curl /v3/apps/a-2/processes/web/stats", &stats("RUNNING", r#""iso-01""#))
        .says("curl /v3/apps/a-3/processes/web/stats", &stats("DOWN", "null"));
    assert_eq!(platform.run("move-apps", &["retail", "prod", "s-1", "-"]).0, 0);
    let log = platform.log();
    let restarts: Vec<&str> = log.lines().filter(|line| line.starts_with("restart")).collect();
    assert_eq!(restarts, ["restart there --strategy rolling", "restart down"]);
}

#[test]
fn there_is_room_or_there_is_not() {
    let platform = Platform::new();
    for (left, code) in [("1250", 0), ("1250.9", 0), ("1249", 1), ("NaN", 3), ("", 3)] {
        assert_eq!(platform.run("headroom", &["1000", "25", "echo", left]).0, code, "{left}");
    }
}

#[test]
fn what_was_missing_before_may_be_missing() {
    let apps = r#"{"guid":"a-1","name":"x","state":"STARTED"}"#;
    let stats = r#"{"resources":[{"type":"web","state":"RUNNING"},{"type":"web","state":"DOWN"}]}"#;
    let platform = Platform::new()
        .lists("/v3/apps?space_guids=s-1", &page(apps))
        .says("curl /v3/apps/a-1/processes/web/stats", stats);
    platform.program("map", "space\tretail\tprod\ts-1\torg\n");
    for (before, code) in [("1 of 2", 0), ("0 of 2", 0), ("2 of 2", 1), ("what", 3)] {
        platform.program("count", before);
        assert_eq!(platform.run("no-fewer-run", &["count", "map"]).0, code, "{before}");
    }
}

#[test]
fn the_director_is_idle_when_it_only_looks() {
    let platform = Platform::new();
    for (tasks, code) in [
        ("", 0),
        ("processing\tretrieve vm-stats\n", 0),
        ("processing  \tssh: setup:{}\n", 0),
        ("processing\tscan and fix\n", 1),
        ("queued\tcreate deployment\n", 1),
        ("done\tcreate deployment\n", 0),
    ] {
        let bosh = platform.program("bosh", &format!("#!/bin/sh\nprintf '%s' '{tasks}'\n"));
        assert_eq!(platform.run("director-idle", &[&bosh]).0, code, "{tasks}");
    }
    let bosh = platform.program("bosh", "#!/bin/sh\nexit 1\n");
    assert_eq!(platform.run("director-idle", &[&bosh]).0, 3);
    assert_eq!(platform.run("await-director", &[&bosh]).0, 1);
}

#[test]
fn every_process_runs_or_one_does_not() {
    let platform = Platform::new();
    for (states, code) in [
        ("running\nrunning\n", 0),
        ("running\nfailing\n", 1),
        ("unresponsive agent\n", 1),
        ("", 1),
        ("running\n-\n", 1),
    ] {
        let bosh = platform.program("bosh", &format!("#!/bin/sh\nprintf '%s' '{states}'\n"));
        assert_eq!(platform.run("all-run", &[&bosh]).0, code, "{states}");
    }
}

#[test]
fn only_missing_vms_are_resolved() {
    let platform = Platform::new();
    let vm = "missing_vm VM for 'isolated_diego_cell/1 (0)' missing.";
    for (problems, code) in [
        ("none", 0),
        (vm, 0),
        ("unresponsive_agent VM for 'x/1 (0)' is not responding.", 0),
        (&format!("{vm}\nmissing_disk Disk 'd' is missing"), 1),
    ] {
        assert_eq!(platform.run("only-vms", &[problems]).0, code, "{problems}");
    }
}

const FLAGS: &str = "create true\nshare false\n";

/// A platform with two feature flags.
fn flagged(create: bool, share: bool) -> Platform {
    let flags = format!(r#"{{"name":"create","enabled":{create}}},{{"name":"share","enabled":{share}}}"#);
    let platform = Platform::new().lists("/v3/feature_flags", &page(&flags));
    platform.program("flags", FLAGS);
    platform.says("enable-feature-flag create", "OK").says("disable-feature-flag create", "OK")
}

#[test]
fn flags_are_set_as_they_were() {
    assert_eq!(flagged(true, false).run("flag-states", &["create", "share"]), (0, FLAGS.to_owned()));
    assert_eq!(flagged(true, false).run("flag-states", &["none"]).0, 1);
    assert_eq!(Platform::new().run("flag-states", &["create"]).0, 3);
    assert_eq!(flagged(true, false).run("flags-are", &["as-before", "flags"]).0, 0);
    assert_eq!(flagged(false, false).run("flags-are", &["as-before", "flags"]).0, 1);
    assert_eq!(flagged(false, false).run("flags-are", &["off", "flags"]).0, 0);
    assert_eq!(flagged(true, false).run("flags-are", &["off", "flags"]).0, 1);
    let platform = flagged(false, false);
    assert_eq!(platform.run("set-flags", &["enable", "flags"]).0, 0);
    assert_eq!(platform.log(), "enable-feature-flag create\n");
}

#[test]
fn a_service_is_at_work_or_all_rest() {
    for (state, code) in [("succeeded", 0), ("failed", 0), ("in progress", 1), ("initial", 1)] {
        let service =
            format!(r#"{{"guid":"g","name":"in progress","last_operation":{{"type":"create","state":"{state}"}}}}"#);
        let platform = Platform::new().lists("/v3/service_instances", &page(&service));
        assert_eq!(platform.run("services-at-rest", &[]).0, code, "{state}");
        assert_eq!(platform.run("service-list", &[]), (0, "g\tin progress\n".to_owned()));
    }
    assert_eq!(Platform::new().run("services-at-rest", &[]).0, 3);
}

#[test]
fn a_picture_is_whole_or_names_what_is_not_well() {
    let platform = Platform::new();
    assert_eq!(platform.run("summary-of", &["director=succeeded", "canary=skipped"]).0, 0);
    assert_eq!(platform.run("summary-of", &["director=failed", "apps=succeeded"]).0, 1);
    assert_eq!(platform.run("summary-of", &["canary=skipped"]).0, 1);
    let probe = platform.program("probe", "#!/bin/sh\ncase $2 in bad) exit 1 ;; mute) exit 3 ;; esac\n");
    let each = |deployments: &[&str]| platform.run("each-of", &[&[probe.as_str()], deployments, &["--"]].concat()).0;
    assert_eq!((each(&["good"]), each(&["good", "bad"]), each(&["mute", "bad"])), (0, 1, 3));
}
