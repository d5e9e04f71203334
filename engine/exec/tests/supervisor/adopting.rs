//! Engines and supervisors die; what is known of the commands does not.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use firedrill_exec::supervisor::{
    Attached, CommandKey, CommandState, Exit, InboxState, Orphan, Reply, Request, Spawn, VERSION, await_survivors,
    end_survivors, read_inbox, survivors,
};
use rustix::process::Signal;

use crate::stage::{Engine, Run, assert_gone, is_alive, kill, wait_for_end};

crate::tests! {
    a_running_command_is_adopted,
    an_end_is_kept_for_an_absent_engine,
    a_time_limit_holds_without_an_engine,
    a_command_that_shall_not_outlive_its_engine_is_ended,
    an_idle_supervisor_leaves_and_the_inbox_stays,
    what_an_older_engine_sent_is_discarded,
    an_older_engine_is_dropped,
    a_dead_supervisor_leaves_marked_survivors,
    survivors_are_waited_for,
    a_successor_knows_what_was_lost,
}

fn a_running_command_is_adopted() {
    let run = Run::new();
    let ready = run.ready_pipe();
    let go = run.go_pipe();
    let (mut doomed, pid) = run.doomed_engine("echo > ready; read go < go; exit 7");
    ready.wait();
    doomed.kill().unwrap();
    doomed.wait().unwrap();

    let (mut engine, attached) = run.attach();
    assert_eq!(attached, Attached::Adopted);
    assert_eq!(engine.state_of("c"), CommandState::Running { pid });
    let _going = go.go(1);
    assert_eq!(engine.end_of("c").exit, Exit::Code(7));
    engine.shut_down().unwrap();
}

fn an_end_is_kept_for_an_absent_engine() {
    let run = Run::new();
    let ready = run.ready_pipe();
    let go = run.go_pipe();
    let (mut doomed, pid) = run.doomed_engine("echo > ready; read go < go; exit 7");
    ready.wait();
    doomed.kill().unwrap();
    doomed.wait().unwrap();
    let _going = go.go(1);
    wait_for_end(pid);

    let (mut engine, attached) = run.attach();
    assert_eq!(attached, Attached::Adopted);
    let CommandState::Ended(ended) = settled(&mut engine) else { panic!("not ended") };
    assert_eq!(ended.exit, Exit::Code(7));
    let kept = read_inbox(&run.dir).unwrap();
    assert_eq!(kept[&CommandKey::new("c")], InboxState::Ended(ended));
    engine.shut_down().unwrap();
}

/// Asks for the state of `c`, and waits for its end should the supervisor not have seen it yet.
fn settled(engine: &mut firedrill_exec::supervisor::SupervisorClient) -> CommandState {
    match engine.state_of("c") {
        CommandState::Running { .. } => CommandState::Ended(engine.end_of("c")),
        settled => settled,
    }
}

fn a_time_limit_holds_without_an_engine() {
    let run = Run::new();
    let ready = run.ready_pipe();
    let mut engine = run.engine();
    let script = "trap '' TERM; setsid sleep 1000 & echo > ready; while :; do sleep 1000; done";
    let spawn = Spawn { time_limit_ms: Some(400), ..run.script("c", script) };
    let Reply::Spawned { pid, .. } = engine.ask(&Request::Spawn(Box::new(spawn))) else { panic!("not spawned") };
    ready.wait();
    drop(engine);
    wait_for_end(pid);
    let (mut engine, _) = run.attach();
    let CommandState::Ended(ended) = settled(&mut engine) else { panic!("not ended") };
    assert_eq!(ended.exit, Exit::TimedOut);
    assert_eq!(survivors(&run.id).unwrap(), []);
    engine.shut_down().unwrap();
}

fn a_command_that_shall_not_outlive_its_engine_is_ended() {
    let run = Run::new();
    let ready = run.ready_pipe();
    let mut engine = run.engine();
    let script = "setsid sleep 1000 & echo > ready; while :; do sleep 1000; done";
    let spawn = Spawn { orphan: Orphan::Ended, ..run.script("c", script) };
    let Reply::Spawned { pid, .. } = engine.ask(&Request::Spawn(Box::new(spawn))) else { panic!("not spawned") };
    ready.wait();
    drop(engine);
    wait_for_end(pid);
    let (mut engine, _) = run.attach();
    let CommandState::Ended(ended) = settled(&mut engine) else { panic!("not ended") };
    assert_eq!(ended.exit, Exit::Orphaned);
    assert_eq!(survivors(&run.id).unwrap(), []);
    engine.shut_down().unwrap();
}

fn an_idle_supervisor_leaves_and_the_inbox_stays() {
    let run = Run::new();
    let mut engine = run.engine();
    let ended = engine.run(run.script("c", "exit 5"));
    let pid = engine.pid();
    drop(engine);
    wait_for_end(pid);
    let mut engine = run.engine();
    assert_eq!(engine.state_of("c"), CommandState::Ended(ended));
    engine.shut_down().unwrap();
}

fn what_an_older_engine_sent_is_discarded() {
    let run = Run::new();
    let mut older = run.engine();
    let supervisor = older.pid();
    kill(supervisor, Signal::STOP);
    older.send(&Request::Spawn(Box::new(run.script("c", "echo > started")))).unwrap();
    // A connection stands as soon as it is in the queue of the socket; the supervisor is stopped.
    let mut newer = UnixStream::connect(run.path("supervisor.sock")).unwrap();
    for request in [
        Request::Hello { version: VERSION, run: run.id.clone() },
        Request::Status { command: CommandKey::new("c") },
        Request::Spawn(Box::new(run.script("last", "exit 0"))),
    ] {
        newer.write_all(&serde_json::to_vec(&request).unwrap()).unwrap();
        newer.write_all(b"\n").unwrap();
    }
    kill(supervisor, Signal::CONT);
    let mut replies = BufReader::new(&newer).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap());
    assert!(matches!(replies.next(), Some(Reply::Welcome { .. })));
    let unknown = Reply::Status { command: CommandKey::new("c"), state: CommandState::NeverStarted };
    assert_eq!(replies.next(), Some(unknown));
    assert_gone(&mut older);
    assert!(replies.any(|reply| matches!(reply, Reply::Ended(_))));
    assert!(!run.path("started").exists());
    assert_eq!(read_inbox(&run.dir).unwrap().keys().collect::<Vec<_>>(), [&CommandKey::new("last")]);
    drop(replies);
    drop(newer);
    run.attach().0.shut_down().unwrap();
}

fn an_older_engine_is_dropped() {
    let run = Run::new();
    let mut older = run.engine();
    let (mut newer, attached) = run.attach();
    assert_eq!(attached, Attached::Adopted);
    assert_gone(&mut older);
    assert_eq!(newer.state_of("c"), CommandState::NeverStarted);
    newer.shut_down().unwrap();
}

fn a_dead_supervisor_leaves_marked_survivors() {
    let run = Run::new();
    let ready = run.ready_pipe();
    let mut engine = run.engine();
    let script = "setsid sh -c 'trap \"\" TERM; echo > ready; while :; do sleep 1; done' & wait";
    let Reply::Spawned { pid, .. } = engine.ask(&Request::Spawn(Box::new(run.script("c", script)))) else {
        panic!("not spawned")
    };
    ready.wait();
    kill(engine.pid(), Signal::KILL);
    assert_gone(&mut engine);

    let kept = read_inbox(&run.dir).unwrap();
    let InboxState::MaybeStarted(Some(started)) = &kept[&CommandKey::new("c")] else { panic!("{kept:?}") };
    assert_eq!(started.pid, pid);
    let left = survivors(&run.id).unwrap();
    assert!(left.iter().any(|survivor| survivor.pid() == pid) && left.len() >= 2, "{left:?}");
    assert!(left.iter().all(|survivor| survivor.command().as_str() == "c"));

    let other = end_survivors(&run.id, &CommandKey::new("other"), Duration::from_secs(1)).unwrap();
    assert_eq!(other, []);
    assert!(is_alive(&pid.to_string()));
    let unreachable = end_survivors(&run.id, &CommandKey::new("c"), Duration::from_millis(100)).unwrap();
    assert_eq!(unreachable, []);
    assert_eq!(survivors(&run.id).unwrap(), []);
}

fn survivors_are_waited_for() {
    let run = Run::new();
    let ready = run.ready_pipe();
    let go = run.go_pipe();
    let mut engine = run.engine();
    let Reply::Spawned { pid, .. } =
        engine.ask(&Request::Spawn(Box::new(run.script("c", "echo > ready; read go < go"))))
    else {
        panic!("not spawned")
    };
    ready.wait();
    kill(engine.pid(), Signal::KILL);
    assert_gone(&mut engine);
    let key = CommandKey::new("c");
    let left = await_survivors(&run.id, &key, Some(Duration::from_millis(50))).unwrap();
    assert_eq!(left.iter().map(firedrill_exec::supervisor::Survivor::pid).collect::<Vec<_>>(), [pid]);
    let _going = go.go(1);
    assert_eq!(await_survivors(&run.id, &key, None).unwrap(), []);
}

fn a_successor_knows_what_was_lost() {
    let run = Run::new();
    let mut engine = run.engine();
    let ended = engine.run(run.script("done", "exit 2"));
    let spawn = run.script("c", "exec sleep 1000");
    let Reply::Spawned { pid, .. } = engine.ask(&Request::Spawn(Box::new(spawn))) else { panic!("not spawned") };
    kill(engine.pid(), Signal::KILL);
    assert_gone(&mut engine);
    let mut engine = run.engine();
    assert_eq!(engine.state_of("done"), CommandState::Ended(ended));
    assert_eq!(engine.state_of("c"), CommandState::Lost { pid: Some(pid) });
    assert_eq!(end_survivors(&run.id, &CommandKey::new("c"), Duration::from_secs(1)).unwrap(), []);
    engine.shut_down().unwrap();
}
