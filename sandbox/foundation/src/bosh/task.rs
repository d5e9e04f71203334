//! `task` and `cancel-task`.

use crate::clock::Moment;
use crate::tasks::{Event, Task, TaskBoard, TaskState};

use super::follow::{Telling, failure};
use super::session::{Session, Stop};

/// Returns the lines of a log of a task.
type Log = fn(&Task) -> Vec<String>;

/// Shows what a task tells, or one of its logs.
pub(super) fn show(session: &mut Session) -> Result<(), Stop> {
    let task = wanted(session)?;
    let doing = format!("Capturing task '{}' output", task.id);
    let logs: [(&str, Log); 4] =
        [("event", event_log), ("cpi", cpi_log), ("debug", debug_log), ("result", |task| task.output.clone())];
    let Some((_, log)) = logs.into_iter().find(|(flag, _)| session.invocation.has(flag)) else {
        session.follow(&doing, task.id, Telling::Events)?;
        return Ok(());
    };
    let lines = log(&task);
    session.screen.line(&format!("Task {}", task.id));
    if !lines.is_empty() {
        session.screen.line("\n");
        session.screen.line("\n");
        session.screen.block(&(lines.join("\n") + "\n"));
    }
    session.screen.line(&format!("\nTask {} {}\n", task.id, task.state.name()));
    match failure(&task).filter(|_| !task.state.is_active()) {
        None => Ok(()),
        Some(failure) => Err(Stop::failed(&[&doing, &failure])),
    }
}

fn wanted(session: &Session) -> Result<Task, Stop> {
    let board: TaskBoard = session.world.read()?;
    if session.invocation.args.is_empty() {
        let newest = board.active().max_by_key(|task| task.id).cloned();
        return newest.ok_or_else(|| Stop::failed(&["No task found"]));
    }
    let id = number(session)?;
    board.task(id).cloned().ok_or_else(|| missing(id))
}

fn missing(id: u32) -> Stop {
    let body = format!("{{\"code\": 10000, \"description\": \"Task {id} not found\"}}");
    Stop::refused(vec![format!("Finding task '{id}'")], 404, &body)
}

fn number(session: &Session) -> Result<u32, Stop> {
    let text = session.invocation.arg(0);
    let wrong = format!(
        "invalid argument for argument `ID' (expected int): strconv.ParseInt: parsing \"{text}\": invalid syntax"
    );
    text.parse().map_err(|_| Stop::failed(&[&wrong]))
}

fn event_log(task: &Task) -> Vec<String> {
    task.events.iter().map(Event::line).collect()
}

fn debug_log(task: &Task) -> Vec<String> {
    let told = |event: &Event| {
        let at = Moment::from_millis(event.time * 1000).format("%Y-%m-%dT%H:%M:%S.000000");
        format!("I, [{at} #7] [task:{}]  INFO -- DirectorJobRunner: {}", task.id, event.line())
    };
    task.events.iter().map(told).collect()
}

fn cpi_log(_: &Task) -> Vec<String> {
    Vec::new()
}

/// Asks the director to stop a task at its next checkpoint.
pub(super) fn cancel(session: &mut Session) -> Result<(), Stop> {
    let id = number(session)?;
    let now = Moment::now();
    let state = session.world.update(|board: &mut TaskBoard| {
        let before = board.task(id).map(|task| task.state)?;
        match (before, board.task(id).and_then(Task::due)) {
            (TaskState::Processing, Some(_)) => board.task_mut(id)?.state = TaskState::Cancelling,
            // Nothing works on it here, so that nothing reaches a checkpoint.
            (TaskState::Processing | TaskState::Queued, _) => board.finish(id, TaskState::Cancelled, now),
            _ => {}
        }
        Some(before)
    })?;
    let doing = format!("Cancelling task '{id}'");
    match state {
        None => Err(missing(id)),
        Some(state) if state.is_active() => Ok(()),
        Some(state) => {
            let body = format!(
                "{{\"code\": 10001, \"description\": \"Cannot cancel task {id}: invalid state ({})\"}}",
                state.name()
            );
            Err(Stop::refused(vec![doing], 400, &body))
        }
    }
}
