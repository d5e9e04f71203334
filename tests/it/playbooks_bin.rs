//! The programs in `playbooks/bin`, under dash, on good and bad things.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::playbooks::root;

/// A run of one of the programs, in a folder of its own.
struct Bench {
    dir: TempDir,
    env: Vec<(&'static str, String)>,
}

/// What a program came to.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Bench {
    fn new() -> Bench {
        Bench { dir: tempfile::tempdir().unwrap(), env: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
    }

    fn run(&self, program: &str, args: &[&str]) -> Ran {
        let bin = root().join("playbooks/bin");
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("dash");
        command.arg(bin.join(program)).args(args).env("PATH", path);
        command.env("TMPDIR", self.dir.path()).current_dir(self.dir.path());
        Ran::from(command.envs(self.env.iter().cloned()).output().unwrap())
    }

    /// Makes a bbr that prints and exits as in a transcript.
    fn bbr(&self, transcript: &str) -> String {
        let dir = root().join("tests/fixtures/clients/bbr-director").join(transcript);
        let dir = dir.display();
        let bbr =
            self.write("bbr", format!("#!/bin/sh\ncat '{dir}/out'\ncat '{dir}/err' >&2\nexit $(cat '{dir}/rc')\n"));
        self.mode("bbr", 0o755);
        bbr
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

fn shell(script: &str, dir: &Path) -> String {
    let output = Command::new("sh").args(["-euc", script]).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// An artifact as bbr leaves it, and ways to spoil it.
struct Artifact {
    bench: Bench,
    metadata: String,
}

const NAME: &str = "10.0.0.6_20261122T153053Z";
const JOBS: [&str; 4] = ["director", "blobstore", "bbr-credhubdb", "bbr-uaadb"];
const ACTIVITY: &str =
    "backup_activity:\n  start_time: 2026/11/22 15:30:53 UTC\n  finish_time: 2026/11/22 15:32:58 UTC\n";

impl Artifact {
    fn good() -> Artifact {
        let jobs: [(&str, &[&str]); 4] = [
            ("director", &["./bosh-director-artifact-file"]),
            ("blobstore", &["./store/blob-1", "./store/ab/blob-2", "./empty"]),
            ("bbr-credhubdb", &["./credhubdb-artifact-file"]),
            ("bbr-uaadb", &["./uaadb-artifact-file"]),
        ];
        Artifact::with(&jobs)
    }

    fn with(jobs: &[(&str, &[&str])]) -> Artifact {
        let bench = Bench::new();
        fs::create_dir(bench.path(NAME)).unwrap();
        let mut metadata = "instances:\n- name: bosh\n  index: \"0\"\n  artifacts:\n".to_owned();
        for (job, members) in jobs {
            let sums = if members.is_empty() { " {}" } else { "" };
            metadata += &["  - name: ", job, "\n    checksums:", sums, "\n"].concat();
            fs::create_dir_all(bench.path(&format!("content/{job}"))).unwrap();
            for member in *members {
                let content =
                    if *member == "./empty" { String::new() } else { format!("{job} {member}\n").repeat(300) };
                bench.write(&format!("content/{job}/{member}"), &content);
                metadata += &["      ", &yaml(member), ": ", &digest_of(&bench, job, member), "\n"].concat();
            }
            shell(&format!("tar -cf {NAME}/bosh-0-{job}.tar -C content/{job} ."), bench.dir.path());
        }
        let artifact = Artifact { bench, metadata: metadata + ACTIVITY };
        artifact.describe(&artifact.metadata);
        artifact
    }

    fn describe(&self, metadata: &str) {
        self.bench.write(&format!("{NAME}/metadata"), metadata);
    }

    /// Replaces a part of the metadata.
    fn replace(&self, from: &str, to: &str) {
        assert!(self.metadata.contains(from), "{from} is not in the metadata");
        self.describe(&self.metadata.replacen(from, to, 1));
    }

    fn tar(&self, job: &str) -> PathBuf {
        self.bench.path(&format!("{NAME}/bosh-0-{job}.tar"))
    }

    fn verify(&self) -> Ran {
        let mut args = vec![self.bench.text(NAME)];
        args.extend(JOBS.map(str::to_owned));
        self.bench.run("verify-artifact", &args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Verifies, and expects a refusal that says `why` and leaves nothing behind.
    fn refused(&self, why: &str) {
        let ran = self.verify();
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains(why), "expected `{why}` in {ran:?}");
        assert_eq!(self.litter(), Vec::<String>::new());
    }

    fn litter(&self) -> Vec<String> {
        let names = fs::read_dir(self.bench.dir.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with("verify.")).collect()
    }
}

fn digest_of(bench: &Bench, job: &str, member: &str) -> String {
    let output =
        Command::new("sha256sum").arg("--").arg(bench.path(&format!("content/{job}")).join(member)).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim_start_matches('\\')[..64].to_owned()
}

/// Returns a name as bbr's YAML writes it.
fn yaml(name: &str) -> String {
    if name.contains(['"', '\\', '\t']) {
        let name = name.replace('\\', "\\\\").replace('"', "\\\"").replace('\t', "\\t");
        return format!("\"{name}\"");
    }
    if name.contains([':', '#', '\'']) {
        return format!("'{}'", name.replace('\'', "''"));
    }
    name.to_owned()
}

#[test]
fn a_whole_artifact_is_verified() {
    let artifact = Artifact::good();
    let ran = artifact.verify();
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    let bytes = shell(&format!("cat {NAME}/*.tar | wc -c"), artifact.bench.dir.path());
    assert_eq!(ran.out, format!("{NAME}: 4 tars, 6 files, {} bytes\n", bytes.trim()));
    assert_eq!(artifact.litter(), Vec::<String>::new());
}

#[test]
fn members_may_have_any_name() {
    let long = format!("./{}", "x".repeat(140));
    let members =
        ["./a b", "./a: b", "./it's # it", "./\"q\"", "./back\\slash", "./tab\tbed", "./한국어", "./-n", &long];
    let artifact = Artifact::with(&[
        ("director", &members),
        ("blobstore", &[]),
        ("bbr-credhubdb", &["./c"]),
        ("bbr-uaadb", &["./u"]),
    ]);
    let short = artifact.metadata.clone();
    let (before, after) = short.split_once(&format!("      {long}: ")).unwrap();
    artifact.describe(&format!("{before}      ? {long}\n      : {after}"));
    let ran = artifact.verify();
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    assert!(ran.out.contains(" 11 files, "), "{ran:?}");
}

#[test]
fn a_changed_byte_is_found() {
    let artifact = Artifact::good();
    let path = artifact.tar("blobstore");
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(9).position(|window| window == b"blobstore").unwrap();
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    artifact.refused("its checksum is wrong");
}

#[test]
fn a_tar_that_is_cut_off_is_found() {
    let whole = fs::read(Artifact::good().tar("blobstore")).unwrap();
    for length in [0, 100, 512, 1024, whole.len() / 3, whole.len() / 2] {
        let artifact = Artifact::good();
        fs::write(artifact.tar("blobstore"), &whole[..length]).unwrap();
        artifact.refused("bosh-0-blobstore.tar");
    }
}

#[test]
fn what_tar_cannot_read_is_found_behind_the_last_member() {
    let artifact = Artifact::good();
    let path = artifact.tar("director");
    let mut bytes = fs::read(&path).unwrap();
    let content = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes.truncate((content + 1).next_multiple_of(512));
    bytes.extend([b'?'; 1024]);
    fs::write(&path, bytes).unwrap();
    artifact.refused("bosh-0-director.tar cannot be read to its end");
}

#[test]
fn what_is_missing_is_found() {
    let artifact = Artifact::good();
    fs::remove_file(artifact.tar("bbr-uaadb")).unwrap();
    artifact.refused("bosh-0-bbr-uaadb.tar is missing");

    let artifact = Artifact::good();
    artifact.replace("  - name: bbr-uaadb\n", "  - name: other\n");
    artifact.refused("job bbr-uaadb is not in it");

    let artifact = Artifact::good();
    fs::remove_file(artifact.bench.path("content/blobstore/store/blob-1")).unwrap();
    shell(&format!("tar -cf {NAME}/bosh-0-blobstore.tar -C content/blobstore ."), artifact.bench.dir.path());
    artifact.refused("missing in the tar: ./store/blob-1");

    let artifact = Artifact::good();
    fs::remove_file(artifact.bench.path(&format!("{NAME}/metadata"))).unwrap();
    artifact.refused("it has no metadata");
}

#[test]
fn what_is_too_much_is_found() {
    let artifact = Artifact::good();
    artifact.bench.write("content/blobstore/store/blob 3", "more");
    shell(&format!("tar -cf {NAME}/bosh-0-blobstore.tar -C content/blobstore ."), artifact.bench.dir.path());
    artifact.refused("not in the metadata: ./store/blob 3");

    let artifact = Artifact::good();
    shell(&format!("tar -rf {NAME}/bosh-0-director.tar -C content/director ."), artifact.bench.dir.path());
    artifact.refused("twice in the tar: ./bosh-director-artifact-file");

    let artifact = Artifact::good();
    artifact.bench.write(&format!("{NAME}/bosh-0-extra.tar"), "");
    artifact.refused("bosh-0-extra.tar is not in the metadata");
}

#[test]
fn a_wrong_checksum_is_found() {
    let artifact = Artifact::good();
    let right = digest_of(&artifact.bench, "director", "./bosh-director-artifact-file");
    artifact.replace(&right, &"0".repeat(64));
    artifact.refused("its checksum is wrong: ./bosh-director-artifact-file");
}

#[test]
fn metadata_of_failed_and_killed_backups_is_refused() {
    let artifact = Artifact::good();
    artifact.describe(ACTIVITY);
    artifact.refused("no instances: the backup failed");

    let artifact = Artifact::good();
    artifact.replace("  finish_time: 2026/11/22 15:32:58 UTC\n", "");
    artifact.refused("no finish_time: the backup was killed");

    for nonsense in ["    surprise: yes\n", "      ./x: abc\n", "      !!binary x: 00\n"] {
        let artifact = Artifact::good();
        artifact.replace("  - name: blobstore\n", &format!("{nonsense}  - name: blobstore\n"));
        artifact.refused("its metadata cannot be read");
    }
}

#[test]
fn metadata_of_the_real_bbr_is_understood() {
    for (transcript, why) in [
        ("07-backup", "bosh-0-bbr-uaadb.tar is missing"),
        ("10-lock-fail", "no instances"),
        ("11-backup-fail", "no instances"),
        ("5x-kill", "no finish_time"),
        ("61-space", "job blobstore is not in it"),
    ] {
        let artifact = Artifact::good();
        let real = root().join(format!("tests/fixtures/clients/bbr-director/{transcript}/artifact-metadata.yml"));
        artifact.describe(&fs::read_to_string(real).unwrap());
        for job in JOBS {
            fs::remove_file(artifact.tar(job)).unwrap();
        }
        artifact.refused(why);
    }
}

#[test]
fn three_answers_of_the_check() {
    for (transcript, code) in [
        ("06-pre-check", 0),
        ("16-artifactdir-precheck", 1),
        ("18-unreachable", 3),
        ("19-wrongkey", 3),
        ("20-nokey", 3),
        ("04-missing-flags", 3),
        ("02-unknown-cmd", 3),
    ] {
        let bench = Bench::new();
        let ran = bench.run("backup-possible", &[&bench.bbr(transcript), "director", "pre-backup-check"]);
        assert_eq!(ran.code, code, "{transcript}: {ran:?}");
        assert!(!ran.err.contains("backup-cleanup"), "{transcript} passes on dangerous advice: {ran:?}");
    }
}

#[test]
fn a_check_that_fails_never_says_yes() {
    let bench = Bench::new();
    let bbr = bench.write("bbr", "#!/bin/sh\necho 'Director can be backed up.'\nexit 1\n");
    bench.mode("bbr", 0o755);
    assert_eq!(bench.run("backup-possible", &[&bbr, "pre-backup-check"]).code, 3);
}

#[test]
fn what_is_left_is_ours_only_if_this_run_began_a_backup() {
    for (made, code) in [
        (None, 0),
        (Some("set.incomplete"), 0),
        (Some("set.incomplete/attempt"), 0),
        (Some("set.incomplete/attempt/10.0.0.6_20261122T153053Z"), 1),
        (Some("set.incomplete/10.0.0.6_20261122T153053Z"), 1),
        (Some("set"), 1),
    ] {
        let mut bench = Bench::new();
        if let Some(folder) = made {
            fs::create_dir_all(bench.path(folder)).unwrap();
        }
        bench.env.push(("BACKUP_SET", bench.text("set")));
        let ran =
            bench.run("if-begun", &["backup-possible", &bench.bbr("16-artifactdir-precheck"), "pre-backup-check"]);
        assert_eq!(ran.code, code, "{made:?}: {ran:?}");
    }
}

/// A run of tidy-up after bbr made these folders and files, with a bbr that answers as in a transcript.
fn tidy_up(bench: &mut Bench, made: &[&str], transcript: &str) -> Ran {
    for folder in made {
        fs::create_dir_all(bench.path(folder)).unwrap();
    }
    bench.env.push(("BACKUP_SET", bench.text("set")));
    let bbr = bench.bbr(transcript);
    bench.run("tidy-up", &["0s", &bbr, "director", "backup-cleanup"])
}

#[test]
fn only_what_the_last_attempt_began_is_tidied_up() {
    let cleaned = "INFO - '127.0.0.1' cleaned up\n";
    for (made, calls) in [
        ("set.incomplete/attempt/10.0.0.6_20261122T153053Z", true),
        ("set.incomplete/attempt/else", false),
        ("set.incomplete/attempt", false),
        ("set.incomplete/10.0.0.6_20261122T153053Z", false),
        ("set/attempt/10.0.0.6_20261122T153053Z", false),
        ("other", false),
    ] {
        let mut bench = Bench::new();
        let ran = tidy_up(&mut bench, &[made], "15-cleanup");
        assert_eq!((ran.code, ran.out.ends_with(cleaned)), (0, calls), "{made}: {ran:?}");
        assert!(ran.out.ends_with(" cleaned up\n"), "{made}: {ran:?}");
    }
}

#[test]
fn what_was_tidied_up_is_left_alone_and_what_was_not_is_not() {
    const BEGAN: &str = "set.incomplete/attempt/10.0.0.6_20261122T153053Z";
    for (first, code, calls_again) in [
        ("15-cleanup", 0, false),
        ("18-unreachable", 1, true),
        ("02-unknown-cmd", 0, true),
        ("11-backup-fail", 1, true),
    ] {
        let mut bench = Bench::new();
        assert_eq!(tidy_up(&mut bench, &[BEGAN], first).code, code, "{first}");
        let again = tidy_up(&mut bench, &[], "15-cleanup");
        assert_eq!((again.code, again.out.contains("Unlocking lock-director")), (0, calls_again), "{first}: {again:?}");
        let left = fs::read_dir(bench.path(""))
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("tidy."));
        assert_eq!(left.count(), 0, "{first}");
    }
}

#[test]
fn only_scripts_of_a_killed_bbr_are_waited_for() {
    const BEGAN: &str = "set.incomplete/attempt/10.0.0.6_20261122T153053Z";
    for (situation, waits) in [("5x-kill", true), ("5x-hup", true), ("11-backup-fail", false), ("07-backup", false)] {
        let mut bench = Bench::new();
        fs::create_dir_all(bench.path(BEGAN)).unwrap();
        let metadata = root().join("tests/fixtures/clients/bbr-director").join(situation).join("artifact-metadata.yml");
        fs::copy(metadata, bench.path(BEGAN).join("metadata")).unwrap();
        let ran = tidy_up(&mut bench, &[], "15-cleanup");
        assert_eq!((ran.code, ran.out.starts_with("bbr was killed: ")), (0, waits), "{situation}: {ran:?}");
        assert!(ran.out.ends_with(" cleaned up\n"), "{situation}: {ran:?}");
    }
}

#[test]
fn a_file_is_private_or_not() {
    let bench = Bench::new();
    for (mode, code) in [(0o600, 0), (0o400, 0), (0o644, 1), (0o640, 1), (0o700, 1), (0o604, 1)] {
        let key = bench.write("a key", "x");
        bench.mode("a key", mode);
        assert_eq!(bench.run("private-file", &[&key]).code, code, "{mode:o}");
        fs::remove_file(key).unwrap();
    }
    bench.write("empty", "");
    bench.mode("empty", 0o600);
    assert_eq!(bench.run("private-file", &[&bench.text("empty")]).code, 1);
    assert_eq!(bench.run("private-file", &[&bench.text("missing")]).code, 1);
    assert_eq!(bench.run("private-file", &[&bench.text(".")]).code, 1);
    assert_eq!(bench.run("private-file", &["-"]).code, 0);
}

#[test]
fn variables_are_read_and_nothing_is_executed() {
    let bench = Bench::new();
    let file = bench.write(
        "bosh env",
        "# made by om\nexport BOSH_CLIENT=ops_manager\nexport BOSH_ENVIRONMENT=\"10.0.0.6\"\n\
         export BOSH_CLIENT_SECRET='it'\\''s $(touch ran) `touch ran` \\ \"x\"'\n\
         export BOSH_CA_CERT='-----BEGIN CERTIFICATE-----\nabc=\n-----END CERTIFICATE-----\n'\nexport OM_TARGET=https://opsman:443\r\n",
    );
    bench.mode("bosh env", 0o600);
    let script = "printf '<%s>' \"$BOSH_CLIENT\" \"$BOSH_ENVIRONMENT\" \"$BOSH_CLIENT_SECRET\" \"$BOSH_CA_CERT\" \"$OM_TARGET\" \"$@\"";
    let ran = bench.run("with-env", &[&file, "sh", "-c", script, "sh", "a b", "", "*"]);
    let expected = "<ops_manager><10.0.0.6><it's $(touch ran) `touch ran` \\ \"x\"><-----BEGIN CERTIFICATE-----\nabc=\n-----END CERTIFICATE-----\n><https://opsman:443><a b><><*>";
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, expected, ""), "{ran:?}");
    assert!(!bench.path("ran").exists());
    assert_eq!(bench.run("with-env", &[&file, "sh", "-c", "exit 7"]).code, 7);
    assert_eq!(bench.run("with-env", &["-", "sh", "-c", "exit 6"]).code, 6);
}

#[test]
fn other_files_than_variables_are_refused() {
    for text in [
        "touch ran\n",
        "export BOSH_CLIENT=x; touch ran\n",
        "export BOSH_CLIENT=$(touch ran)\n",
        "export BOSH_CLIENT=\"$(touch ran)\"\n",
        "export BOSH_CLIENT='x' touch ran\n",
        "export BOSH_CLIENT='x'; touch ran\n",
        "export BOSH_CLIENT='x\n",
        "export PATH=/tmp\n",
        "export BOSH_X=a b\n",
        "BOSH_CLIENT=x\n",
    ] {
        let bench = Bench::new();
        let file = bench.write("env", text);
        bench.mode("env", 0o600);
        let ran = bench.run("with-env", &[&file, "touch", "started"]);
        assert_eq!(ran.code, 125, "{text:?}: {ran:?}");
        assert!(!bench.path("ran").exists() && !bench.path("started").exists(), "{text:?} was executed");
    }
    let bench = Bench::new();
    let file = bench.write("env", "export BOSH_CLIENT=x\n");
    bench.mode("env", 0o644);
    assert_eq!(bench.run("with-env", &[&file, "touch", "started"]).code, 125);
    assert!(!bench.path("started").exists());
}

/// Makes a backup set with its record.
fn set(bench: &Bench, name: &str, director: &str, finished: &str, bytes: u64) {
    let record = format!("firedrill_record: 1\ndirector: {director}\nfinished: {finished}\nbytes: {bytes}\n");
    bench.write(&format!("root dir/{name}/record.yaml"), record);
}

fn three_sets() -> Bench {
    let bench = Bench::new();
    fs::create_dir(bench.path("root dir")).unwrap();
    set(&bench, "director-backup_z", "10.0.0.6", "2026/11/20 01:00:00 UTC", 1000);
    set(&bench, "director-backup_a", "10.0.0.6", "2026/11/21 01:00:00 UTC", 2000);
    set(&bench, "director-backup_b.incomplete", "10.0.0.6", "2026/11/22 01:00:00 UTC", 3000);
    set(&bench, "director-backup_c", "10.0.0.7", "2026/11/22 01:00:00 UTC", 4_000_000_000_000);
    bench
}

#[test]
fn the_last_good_set_is_the_newest_whole_one_of_this_director() {
    let bench = three_sets();
    let root = bench.text("root dir");
    let last = |director: &str| bench.run("last-good", &[&root, director]).out;
    assert_eq!(last("10.0.0.6"), format!("2000 {root}/director-backup_a\n"));
    assert_eq!(last("10.0.0.7"), format!("4000000000000 {root}/director-backup_c\n"));
    assert_eq!(last("10.0.0"), "");
    bench.write("root dir/director-backup_d/record.yaml", "half a rec");
    assert_eq!(last("10.0.0.6"), format!("2000 {root}/director-backup_a\n"));
}

#[test]
fn space_is_that_of_the_last_set_or_the_least() {
    let bench = three_sets();
    let root = bench.text("root dir");
    let enough = |director: &str, least: &str| bench.run("enough-space", &[&root, director, least]);
    assert_eq!(enough("10.0.0.6", "900TB").code, 0, "the last set counts, not the least");
    let ran = enough("10.0.0.6", "1B");
    assert!(ran.out.contains(" 2400 needed (1.2 times "), "{ran:?}");
    assert_eq!(enough("10.0.0.8", "1KiB").code, 0);
    let ran = enough("10.0.0.8", "900TB");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("900000000000000 needed (min_free"), "{ran:?}");
    assert_eq!(enough("10.0.0.8", "much").code, 2);
    assert_eq!(bench.run("enough-space", &[&bench.text("nowhere"), "10.0.0.8", "1B"]).code, 2);
}

#[test]
fn sizes_are_compared_in_per_cent() {
    let bench = three_sets();
    let root = bench.text("root dir");
    for (bytes, percent, director, code) in [
        ("1600", "80", "10.0.0.6", 0),
        ("1599", "80", "10.0.0.6", 1),
        ("0", "0", "10.0.0.6", 0),
        ("5000", "100", "10.0.0.6", 0),
        ("1", "80", "10.0.0.8", 0),
        ("3199999999999", "80", "10.0.0.7", 1),
        ("3200000000000", "80", "10.0.0.7", 0),
    ] {
        let ran = bench.run("compare-size", &[bytes, percent, &root, director]);
        assert_eq!(ran.code, code, "{bytes} {percent} {director}: {ran:?}");
    }
}

#[test]
fn a_set_is_recorded_again_and_again_with_the_same_result() {
    let artifact = Artifact::good();
    let bench = &artifact.bench;
    fs::create_dir_all(bench.path("my set/attempt")).unwrap();
    fs::rename(bench.path(NAME), bench.path(&format!("my set/attempt/{NAME}"))).unwrap();
    bench.write("my set/installation.zip", "PK");
    let made = bench.text(&format!("my set/attempt/{NAME}"));
    let again = || bench.run("record-set", &[&bench.text("my set"), &made, "10.0.0.6", "run-1"]);
    let first = again();
    assert_eq!((first.code, first.err.as_str()), (0, ""), "{first:?}");
    assert!(first.out.contains(&format!("artifact: {NAME}\n")) && first.out.contains("seconds: 125\n"), "{first:?}");
    bench.write("my set/SHA256SUMS.new", "left by a run that was killed");
    fs::remove_file(bench.path("my set/record.yaml")).unwrap();
    assert_eq!(again().out, first.out);
    let sums = shell("sha256sum -c SHA256SUMS", &bench.path("my set"));
    assert_eq!(sums.matches(": OK").count(), 6, "{sums}");
    let names = shell("ls -A", &bench.path("my set"));
    assert_eq!(names, format!("{NAME}\nSHA256SUMS\ninstallation.zip\nrecord.yaml\n"));
    let record = fs::metadata(bench.path("my set/record.yaml")).unwrap();
    assert_eq!(record.permissions().mode() & 0o777, 0o600);
}

#[test]
fn an_archive_is_whole_or_not() {
    let end = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let long = [b"PK\x03\x04".as_slice(), &vec![7; 100_000], end].concat();
    let cases: [(&[u8], i32); 6] =
        [(end, 0), (&long, 0), (&long[..long.len() - 22], 1), (b"", 1), (b"<html>sign in</html>", 1), (b"PK", 1)];
    for (bytes, code) in cases {
        let bench = Bench::new();
        let file = bench.write("installation.zip", bytes);
        let ran = bench.run("whole-zip", &[&file]);
        assert_eq!(ran.code, code, "{} bytes: {ran:?}", bytes.len());
    }
    assert_eq!(Bench::new().run("whole-zip", &["/nowhere"]).code, 1);
}

#[test]
fn programs_say_what_they_are_for() {
    for entry in fs::read_dir(root().join("playbooks/bin")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let head: String = text.lines().skip(1).take_while(|line| line.starts_with('#')).collect();
        let usage =
            head.strip_prefix(&format!("# {name}")).and_then(|rest| rest.split_once(": ")).map(|(usage, _)| usage);
        let is_said = usage.is_some_and(|usage| usage.is_empty() || usage.starts_with(' '));
        assert!(is_said, "{name} does not say how it is called and what it is for");
        assert!(text.contains("\nset -eu\n"), "{name} goes on after an error");
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{name} is not executable");
    }
}
