//! How the client tells of a task until it has ended.

use std::time::Duration;

use crate::clock::{self, Moment};
use crate::tasks::{Event, EventState, Task, TaskBoard, TaskState};
use crate::world::{World, WorldError};

use super::screen::Screen;

/// The client looks again after so long, even if nothing is expected to happen before.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// Follows tasks, and prints what they tell.
#[derive(Default)]
pub(super) struct Follower {
    has_followed: bool,
}

/// What is printed of a task while it is followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    Events,
    /// It yields only a result.
    Nothing,
}

impl Follower {
    /// Waits for the end of a task, and returns it.
    pub(super) fn follow(
        &mut self,
        world: &World,
        screen: &mut Screen,
        id: u32,
        telling: Telling,
    ) -> Result<Task, WorldError> {
        if std::mem::replace(&mut self.has_followed, true) {
            screen.line("");
        }
        screen.line(&format!("Task {id}"));
        let mut told: Vec<Event> = Vec::new();
        loop {
            crate::later::catch_up(world)?;
            let task = world.read::<TaskBoard>()?.task(id).cloned().expect("tasks are never removed");
            if telling == Telling::Events {
                tell(screen, &task, &mut told);
            }
            if !task.state.is_active() {
                end(screen, &task, &told);
                return Ok(task);
            }
            let due = task.due().map_or(LOOK_AGAIN, |due| due.since(Moment::now()));
            clock::pause(due.clamp(Duration::from_millis(1), LOOK_AGAIN));
        }
    }
}

fn tell(screen: &mut Screen, task: &Task, told: &mut Vec<Event>) {
    for event in task.events.iter().skip(told.len()).cloned().collect::<Vec<_>>() {
        if told.is_empty() {
            screen.line("\n");
        }
        tell_event(screen, task.id, &event, told);
        told.push(event);
    }
}

fn tell_event(screen: &mut Screen, id: u32, event: &Event, told: &[Event]) {
    let prefix = format!("\nTask {id} | {} | ", Moment::from_millis(event.time * 1000).format("%H:%M:%S"));
    let began = told.iter().find(|earlier| earlier.is_same(event));
    let took = began.map_or(String::new(), |began| span(event.time - began.time));
    let is_next = told.last().is_some_and(|last| last.is_same(event));
    let named = format!("{}: {}", event.stage, event.task);
    match &event.state {
        EventState::Started => {
            screen.block(&prefix);
            screen.block(&named);
        }
        EventState::Finished | EventState::Failed(_) if is_next => screen.block(&format!(" ({took})")),
        EventState::Finished | EventState::Failed(_) => {
            screen.block(&prefix);
            screen.block(&format!("{named} ({took})"));
        }
        EventState::Error(message) => {
            screen.block(&prefix);
            screen.block(&format!("Error: {message}"));
        }
    }
    if let EventState::Failed(error) = &event.state {
        let indent = " ".repeat(id.to_string().len());
        screen.block(&format!("\n     {indent}            L Error: {error}"));
    }
}

fn end(screen: &mut Screen, task: &Task, told: &[Event]) {
    let (id, state) = (task.id, task.state.name());
    let (Some(first), Some(last)) = (told.first(), told.last()) else {
        screen.line(&format!(". {}{}", state[..1].to_uppercase(), &state[1..]));
        return;
    };
    let [began, ended] = [first, last].map(|event| Moment::from_millis(event.time * 1000).unix_date());
    let took = span(last.time - first.time);
    screen.line(&format!("\n\nTask {id} Started  {began}\nTask {id} Finished {ended}\nTask {id} Duration {took}"));
    screen.line(&format!("\nTask {id} {state}\n"));
}

/// Returns what the client says of a task that has ended otherwise than well.
pub(super) fn failure(task: &Task) -> Option<String> {
    let (id, state) = (task.id, task.state.name());
    (task.state != TaskState::Done).then(|| format!("Expected task '{id}' to succeed but state is '{state}'"))
}

/// Returns hours, minutes and seconds.
fn span(seconds: i64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
