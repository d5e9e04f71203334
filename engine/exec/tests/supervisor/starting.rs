//! What a command finds, and what becomes of its output and exit.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use firedrill_exec::supervisor::{CommandKey, CommandState, Exit, Refusal, Reply, Request, Stdin};
use rustix::process::Signal;

use crate::stage::{Engine, Run, code, kill};

crate::tests! {
    exit_codes_and_signals,
    not_spawned_is_named,
    binary_output_is_verbatim_and_memory_flat,
    output_is_appended,
    stdin_is_a_text_or_nothing,
    environment_is_what_was_given_and_the_marks,
    descriptors_signals_and_session_are_its_own,
    commands_are_chosen_first_when_memory_runs_out,
    files_are_private,
    long_paths,
    signals_do_not_end_the_supervisor,
    a_name_is_used_once,
    many_at_once,
    other_versions_and_runs_are_refused,
}

fn exit_codes_and_signals() {
    let run = Run::new();
    let mut engine = run.engine();
    for wanted in [0, 1, 3, 127, 255] {
        let ended = engine.run(run.script(&format!("c{wanted}"), &format!("exit {wanted}")));
        assert_eq!((code(&ended), ended.leftover), (wanted, 0));
    }
    for signal in ["KILL", "TERM", "SEGV"] {
        let ended = engine.run(run.script(signal, &format!("kill -{signal} $$")));
        let number = Signal::from_named_raw(match signal {
            "KILL" => libc::SIGKILL,
            "TERM" => libc::SIGTERM,
            _ => libc::SIGSEGV,
        });
        assert_eq!(ended.exit, Exit::Signal(number.unwrap().as_raw()));
    }
    engine.shut_down().unwrap();
}

fn not_spawned_is_named() {
    let run = Run::new();
    let mut engine = run.engine();
    fs::write(run.path("text"), "true").unwrap();
    fs::write(run.path("script"), "#!/no/such/shell\n").unwrap();
    fs::set_permissions(run.path("script"), fs::Permissions::from_mode(0o700)).unwrap();
    let text = run.path("text").display().to_string();
    let script = run.path("script").display().to_string();
    let huge = "x".repeat(4 << 20);

    let mut no_dir = run.argv("no-dir", &["/bin/true"]);
    no_dir.dir = "/no/such/dir".into();
    let mut no_log = run.argv("no-log", &["/bin/true"]);
    no_log.stderr = run.path("no/log");
    let cases = [
        (run.argv("missing", &["/no/such/program"]), libc::ENOENT, "`/no/such/program`: "),
        (run.argv("script", &[&script]), libc::ENOENT, "the interpreter of `"),
        (run.argv("text", &[&text]), libc::EACCES, "text`: "),
        (run.argv("huge", &["/bin/true", &huge]), libc::E2BIG, "`/bin/true`: "),
        (run.argv("nul", &["/bin/true", "a\0b"]), libc::EINVAL, "the arguments: "),
        (run.argv("none", &[]), libc::EINVAL, "``: "),
        (no_dir, libc::ENOENT, "directory `/no/such/dir`: "),
        (no_log, libc::ENOENT, "no/log`: "),
    ];
    for (spawn, wanted, text) in cases {
        let command = spawn.command.clone();
        let ended = engine.run(spawn);
        let Exit::NotSpawned { errno, message } = &ended.exit else { panic!("{command}: {ended:?}") };
        assert!(*errno == wanted && message.contains(text), "{command}: {ended:?}");
        assert_eq!(engine.state_of(command.as_str()), CommandState::Ended(ended));
    }
    engine.shut_down().unwrap();
}

fn binary_output_is_verbatim_and_memory_flat() {
    let run = Run::new();
    let mut engine = run.engine();
    let bytes: Vec<u8> = (0..100_u32 << 18).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    fs::write(run.path("bytes"), &bytes).unwrap();
    assert_eq!(code(&engine.run(run.script("c", "cat bytes; cat bytes >&2; echo end >&2"))), 0);
    assert!(fs::read(run.path("c.out")).unwrap() == bytes);
    assert!(fs::read(run.path("c.err")).unwrap() == [&bytes[..], b"end\n"].concat());
    let dirty: u64 = fs::read_to_string(format!("/proc/{}/smaps_rollup", engine.pid()))
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("Private_Dirty:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok())
        .sum();
    assert!(dirty < 2048, "{dirty} KiB");
    engine.shut_down().unwrap();
}

fn output_is_appended() {
    let run = Run::new();
    let mut engine = run.engine();
    fs::write(run.path("c.out"), "before\n").unwrap();
    let mut both = run.script("c", "echo one; echo two >&2; echo three");
    both.stderr.clone_from(&both.stdout);
    engine.run(both);
    assert_eq!(run.read("c.out"), "before\none\ntwo\nthree\n");
    engine.shut_down().unwrap();
}

fn stdin_is_a_text_or_nothing() {
    let run = Run::new();
    let mut engine = run.engine();
    let text = format!("{}\u{d55c}\n\0 end", "x".repeat(1 << 20));
    let mut spawn = run.script("text", "cat; readlink /proc/self/fd/0 >&2");
    spawn.stdin = Stdin::Text(text.clone());
    engine.run(spawn);
    assert!(run.read("text.out") == text);
    assert_eq!(run.read("text.err"), "/memfd:stdin (deleted)\n");
    engine.run(run.script("null", "cat; readlink /proc/self/fd/0"));
    assert_eq!(run.read("null.out"), "/dev/null\n");
    engine.shut_down().unwrap();
}

fn environment_is_what_was_given_and_the_marks() {
    let run = Run::new();
    let mut engine = run.engine();
    let mut spawn = run.argv("a.attempt.1.1", &["/usr/bin/env"]);
    let given = [("A", "x=y z"), ("LINES", "one\ntwo"), ("FIREDRILL_RUN", "outer"), ("EMPTY", "")];
    spawn.env = given.map(|(name, value)| (name.into(), value.into())).into();
    engine.run(spawn);
    let marks = format!("FIREDRILL_COMMAND=a.attempt.1.1\nFIREDRILL_RUN={}\n", run.id);
    assert_eq!(run.read("a.attempt.1.1.out"), format!("A=x=y z\nLINES=one\ntwo\nEMPTY=\n{marks}"));
    engine.shut_down().unwrap();
}

fn descriptors_signals_and_session_are_its_own() {
    let run = Run::new();
    let mut engine = run.engine();
    let look = "ls /proc/$$/fd; grep -E 'Sig(Blk|Ign)' /proc/self/status; pwd
                test $(cut -d' ' -f6 /proc/$$/stat) = $$ && echo leader";
    engine.run(run.script("c", look));
    let dir = run.dir.display();
    // The C library ignores its two internal signals, 32 and 33, in whatever it spawns.
    let found = run.read("c.out").replace("0000000180000000", "0000000000000000");
    let zero = "0000000000000000";
    assert_eq!(found, format!("0\n1\n2\nSigBlk:\t{zero}\nSigIgn:\t{zero}\n{dir}\nleader\n"));
    engine.shut_down().unwrap();
}

fn commands_are_chosen_first_when_memory_runs_out() {
    let run = Run::new();
    let mut engine = run.engine();
    engine.run(run.script("c", "cat /proc/self/oom_score_adj"));
    let score = |text: String| text.trim().parse::<i32>().unwrap();
    let own = score(fs::read_to_string(format!("/proc/{}/oom_score_adj", engine.pid())).unwrap());
    assert_eq!(own, score(fs::read_to_string("/proc/self/oom_score_adj").unwrap()));
    assert_eq!(score(run.read("c.out")), (own + 200).min(1000));
    engine.shut_down().unwrap();
}

fn files_are_private() {
    let run = Run::new();
    let mut engine = run.engine();
    engine.run(run.script("c", "umask 0; echo > public"));
    for name in ["supervisor.sock", "supervisor.lock", "supervisor.gate", "supervisor.log", "inbox", "c.out", "c.err"] {
        let mode = fs::metadata(run.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    engine.shut_down().unwrap();
}

fn long_paths() {
    let run = Run::below(&["a-rather-long-name-of-a-directory"; 8].join("/"));
    let mut engine = run.engine();
    assert_eq!(code(&engine.run(run.script("c", "exit 4"))), 4);
    engine.shut_down().unwrap();
}

fn signals_do_not_end_the_supervisor() {
    let run = Run::new();
    let mut engine = run.engine();
    for signal in [Signal::HUP, Signal::INT, Signal::TERM, Signal::QUIT, Signal::PIPE, Signal::USR1, Signal::TSTP] {
        kill(engine.pid(), signal);
        assert_eq!(engine.state_of("c"), CommandState::NeverStarted);
    }
    engine.shut_down().unwrap();
}

fn a_name_is_used_once() {
    let run = Run::new();
    let mut engine = run.engine();
    engine.run(run.script("c", "exit 0"));
    let repeated = engine.ask(&Request::Spawn(Box::new(run.script("c", "exit 0"))));
    assert_eq!(repeated, Reply::Refused(Refusal::Repeated { command: CommandKey::new("c") }));
    engine.shut_down().unwrap();
}

fn many_at_once() {
    let run = Run::new();
    let go = run.go_pipe();
    let mut engine = run.engine();
    for n in 0..100 {
        let script = "read go < go; exit $FIREDRILL_CODE";
        let mut spawn = run.script(&format!("c{n}"), script);
        spawn.env.push(("FIREDRILL_CODE".into(), n.to_string()));
        engine.send(&Request::Spawn(Box::new(spawn))).unwrap();
    }
    let mut codes = Vec::new();
    let mut spawned = 0;
    let mut going = None;
    while codes.len() < 100 {
        match engine.receive().unwrap() {
            Reply::Ended(ended) => codes.push((ended.command.as_str()[1..].parse().unwrap(), code(&ended))),
            Reply::Spawned { .. } => spawned += 1,
            other => panic!("{other:?}"),
        }
        if spawned == 100 {
            going.get_or_insert_with(|| go.go(100));
        }
    }
    codes.sort_unstable();
    assert_eq!(codes, (0..100).map(|n| (n, n)).collect::<Vec<(i32, i32)>>());
    engine.shut_down().unwrap();
}

fn other_versions_and_runs_are_refused() {
    let run = Run::new();
    let mut engine = run.engine();
    let hello = |version, run: &str| Request::Hello { version, run: run.into() };
    let refused = engine.ask(&hello(99, &run.id));
    assert_eq!(refused, Reply::Refused(Refusal::Version { found: 99, known: 1 }));
    let refused = engine.ask(&Request::Spawn(Box::new(run.script("c", "echo > started"))));
    assert_eq!(refused, Reply::Refused(Refusal::Hello));
    let refused = engine.ask(&hello(1, "other"));
    assert_eq!(refused, Reply::Refused(Refusal::Run { served: run.id.clone() }));
    assert!(matches!(engine.ask(&hello(1, &run.id)), Reply::Welcome { version: 1, .. }));
    assert_eq!(engine.state_of("c"), CommandState::NeverStarted);
    engine.shut_down().unwrap();
}
