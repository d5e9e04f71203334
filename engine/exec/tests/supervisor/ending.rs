//! Process trees end, however they hide.

use std::time::Instant;

use firedrill_exec::supervisor::{CommandKey, Ended, Exit, Request, Spawn, SupervisorClient, Survivor, survivors};

use crate::stage::{Engine, Run, code, is_alive};

crate::tests! {
    a_time_limit_ends_every_descendant,
    terminate_ends_every_descendant,
    a_failure_ends_every_descendant,
    a_fork_bomb_ends,
    success_leaves_descendants_alone,
    a_sleeper_without_marks_is_not_confused_with_an_older_one,
    neighbours_are_not_touched,
    term_comes_before_kill,
    a_stopped_descendant_finds_its_term,
    terminate_is_idempotent,
    descendants_of_a_success_can_outlive_it_under_a_running_neighbour,
}

/// Ways to get out of sight; each writes its pid to `pids`.
const HIDERS: &[&str] = &[
    "sh -c 'echo $$ >> pids; exec sleep 1000' &",
    "setsid sh -c 'echo $$ >> pids; exec sleep 1000' &",
    "sh -c 'setsid sh -c \"setsid sh -c \\\"echo \\\\\\$\\\\\\$ >> pids; exec sleep 1000\\\" &\" &' &",
    "env -i PATH=$PATH setsid sh -c 'echo $$ >> pids; exec sleep 1000' &",
    "sh -c 'trap \"\" TERM HUP INT; echo $$ >> pids; while :; do sleep 1; done' &",
    "setsid sh -c 'trap \"\" TERM; echo $$ >> pids; while :; do sleep 1; done' &",
    "sh -c 'echo $$ >> pids; kill -STOP $$; exec sleep 1000' &",
    "setsid sh -c 'trap \"\" TERM; echo $$ >> pids; kill -STOP $$; sleep 1000' &",
];

fn hide(hider: &str, last: &str) -> String {
    format!("{hider}\nwhile ! test -s pids; do sleep 0.01; done; echo > ready; {last}")
}

fn assert_all_gone(run: &Run, what: &str) {
    let left: Vec<_> = survivors(&run.id).unwrap().iter().map(Survivor::pid).collect();
    assert_eq!(left, [] as [i32; 0], "{what}");
    for pid in run.read("pids").lines() {
        assert!(!is_alive(pid), "{pid} of {what}");
    }
}

/// Hides in every way, ends the command, and expects that nothing is left of it.
fn each_hider_ends(last: &str, limit: Option<u64>, end: fn(&mut SupervisorClient), expected: &Exit) {
    std::thread::scope(|scope| {
        for hider in HIDERS {
            scope.spawn(move || {
                let run = Run::new();
                let ready = run.ready_pipe();
                let mut engine = run.engine();
                let spawn = Spawn { time_limit_ms: limit, ..run.script("c", &hide(hider, last)) };
                engine.send(&Request::Spawn(Box::new(spawn))).unwrap();
                ready.wait();
                end(&mut engine);
                let ended = engine.end_of("c");
                assert_eq!((&ended.exit, ended.leftover), (expected, 0), "{hider}");
                assert_all_gone(&run, hider);
                engine.shut_down().unwrap();
            });
        }
    });
}

fn a_time_limit_ends_every_descendant() {
    each_hider_ends("exec sleep 1000", Some(2000), |_| {}, &Exit::TimedOut);
}

fn terminate_ends_every_descendant() {
    each_hider_ends("exec sleep 1000", None, terminate, &Exit::Terminated);
}

fn a_failure_ends_every_descendant() {
    each_hider_ends("exit 3", None, |_| {}, &Exit::Code(3));
}

fn terminate(engine: &mut SupervisorClient) {
    engine.send(&Request::Terminate { command: CommandKey::new("c") }).unwrap();
}

/// A tree of 511 shells that ignore TERM, each with a sleeper.
const BOMB: &str = "trap '' TERM
    bomb() {
        if test $1 -gt 0; then bomb $(($1 - 1)) & bomb $(($1 - 1)) & fi
        echo x >> grown
        while :; do sleep 1000; done
    }
    echo $$ > pids
    bomb 8 &
    while test $(wc -l < grown || echo 0) -lt 511; do sleep 0.05; done
    echo > ready; wait";

fn a_fork_bomb_ends() {
    let run = Run::new();
    let ready = run.ready_pipe();
    let mut engine = run.engine();
    engine.send(&Request::Spawn(Box::new(run.script("c", BOMB)))).unwrap();
    ready.wait();
    assert!(survivors(&run.id).unwrap().len() > 1000);
    let begun = Instant::now();
    terminate(&mut engine);
    assert_eq!(engine.end_of("c").exit, Exit::Terminated);
    assert!(begun.elapsed().as_millis() < 300 + 2000, "{:?}", begun.elapsed());
    assert_all_gone(&run, "bomb");
    engine.shut_down().unwrap();
}

fn success_leaves_descendants_alone() {
    let run = Run::new();
    let ready = run.ready_pipe();
    let mut engine = run.engine();
    engine.send(&Request::Spawn(Box::new(run.script("c", &hide(HIDERS[1], "exit 0"))))).unwrap();
    ready.wait();
    let Ended { exit, leftover, .. } = engine.end_of("c");
    assert_eq!((exit, leftover), (Exit::Code(0), 1));
    assert!(is_alive(&run.read("pids")));
    end_leftovers(&run, "c");
    engine.shut_down().unwrap();
}

/// Ends what commands left behind on purpose.
fn end_leftovers(run: &Run, command: &str) {
    let grace = std::time::Duration::from_secs(1);
    assert_eq!(firedrill_exec::supervisor::end_survivors(&run.id, &CommandKey::new(command), grace).unwrap(), []);
}

fn a_sleeper_without_marks_is_not_confused_with_an_older_one() {
    let run = Run::new();
    let ready = run.ready_pipe();
    let mut engine = run.engine();
    engine.send(&Request::Spawn(Box::new(run.script("old", &hide(HIDERS[3], "exit 0"))))).unwrap();
    ready.wait();
    assert_eq!(engine.end_of("old").leftover, 1);
    let pid = run.read("pids");
    // A tick of the clock that processes are dated by has to pass between the two.
    engine.run(run.script("tick", "sleep 0.05"));
    assert_eq!(code(&engine.run(run.script("failing", "sleep 1000 & exit 1"))), 1);
    assert!(is_alive(&pid));
    engine.run(run.script("end", "kill $(cat pids)"));
    engine.shut_down().unwrap();
}

fn neighbours_are_not_touched() {
    let run = Run::new();
    let ready = run.ready_pipe();
    let mut engine = run.engine();
    engine.send(&Request::Spawn(Box::new(run.script("c", &hide(HIDERS[5], "exec sleep 1000"))))).unwrap();
    ready.wait();
    let pid = run.read("pids");
    assert_eq!(code(&engine.run(run.script("neighbour", "setsid sleep 1000 & exit 2"))), 2);
    assert!(is_alive(&pid));
    terminate(&mut engine);
    assert_eq!(engine.end_of("c").exit, Exit::Terminated);
    assert_all_gone(&run, "neighbour");
    engine.shut_down().unwrap();
}

fn term_comes_before_kill() {
    let run = Run::new();
    let ready = run.ready_pipe();
    let mut engine = run.engine();
    let script = "trap 'echo asked; exit 0' TERM; echo > ready; while :; do sleep 0.01; done";
    let spawn = Spawn { grace_ms: 60_000, ..run.script("c", script) };
    engine.send(&Request::Spawn(Box::new(spawn))).unwrap();
    ready.wait();
    terminate(&mut engine);
    assert_eq!(engine.end_of("c").exit, Exit::Terminated);
    assert_eq!(run.read("c.out"), "asked\n");
    engine.shut_down().unwrap();
}

fn a_stopped_descendant_finds_its_term() {
    let run = Run::new();
    let ready = run.ready_pipe();
    let mut engine = run.engine();
    let script = "sh -c 'trap \"echo asked; exit 0\" TERM; kill -STOP $$; while :; do sleep 0.01; done' &
                  while ! grep -q 'State:.T' /proc/$!/status; do sleep 0.01; done; echo > ready; wait";
    let spawn = Spawn { grace_ms: 5000, ..run.script("c", script) };
    engine.send(&Request::Spawn(Box::new(spawn))).unwrap();
    ready.wait();
    terminate(&mut engine);
    assert_eq!(engine.end_of("c").exit, Exit::Terminated);
    assert_eq!(run.read("c.out"), "asked\n");
    engine.shut_down().unwrap();
}

fn terminate_is_idempotent() {
    let run = Run::new();
    let ready = run.ready_pipe();
    let mut engine = run.engine();
    terminate(&mut engine);
    engine
        .send(&Request::Spawn(Box::new(
            run.script("c", "trap 'echo asked' TERM; echo > ready; while :; do sleep 0.01; done"),
        )))
        .unwrap();
    ready.wait();
    for _ in 0..5 {
        terminate(&mut engine);
    }
    let ended = engine.end_of("c");
    assert_eq!(ended.exit, Exit::Terminated);
    terminate(&mut engine);
    assert_eq!(engine.state_of("c"), firedrill_exec::supervisor::CommandState::Ended(ended));
    assert_eq!(run.read("c.out"), "asked\n");
    engine.shut_down().unwrap();
}

fn descendants_of_a_success_can_outlive_it_under_a_running_neighbour() {
    let run = Run::new();
    let (ready, _go) = (run.ready_pipe(), run.go_pipe());
    let mut engine = run.engine();
    engine.send(&Request::Spawn(Box::new(run.script("long", "read go < go")))).unwrap();
    engine.send(&Request::Spawn(Box::new(run.script("c", &hide(HIDERS[2], "exit 0"))))).unwrap();
    ready.wait();
    assert_eq!(engine.end_of("c").leftover, 1);
    terminate_named(&mut engine, "long");
    assert_eq!(engine.end_of("long").exit, Exit::Terminated);
    assert!(is_alive(&run.read("pids")));
    end_leftovers(&run, "c");
    engine.shut_down().unwrap();
}

fn terminate_named(engine: &mut SupervisorClient, command: &str) {
    engine.send(&Request::Terminate { command: CommandKey::new(command) }).unwrap();
}
