//! The director at work: what has become due is done.

use crate::clock::Moment;
use crate::fault::FaultPoint;
use crate::foundation::Deed;
use crate::world::{World, WorldError};

use super::{Event, EventState, Failing, Task, TaskBoard, TaskState};

/// Carries out everything that is due, in the order in which it became so.
pub(crate) fn advance(world: &World) -> Result<(), WorldError> {
    if earliest(&world.read()?).is_none() {
        return Ok(());
    }
    advance_until(world, Moment::now())
}

/// Carries out everything that is due at a moment.
pub(crate) fn advance_until(world: &World, moment: Moment) -> Result<(), WorldError> {
    let _alone = world.alone_in("director.lock")?;
    while let Some((id, due)) = earliest(&world.read()?).filter(|(_, due)| *due <= moment) {
        go_on(world, id, due)?;
    }
    Ok(())
}

fn earliest(board: &TaskBoard) -> Option<(u32, Moment)> {
    let due = board.tasks.iter().filter_map(|task| task.due().map(|due| (due, task.id)));
    due.min().map(|(due, id)| (id, due))
}

fn go_on(world: &World, id: u32, at: Moment) -> Result<(), WorldError> {
    let board: TaskBoard = world.read()?;
    let task = board.task(id).expect("it is due");
    if task.state == TaskState::Queued {
        let holder = board.lock_of(&task.deployment).map_or("", |lock| &lock.task_id);
        let message =
            format!("Failed to acquire lock for lock:deployment:{} (locking task id is {holder})", task.deployment);
        return world.update(|board: &mut TaskBoard| fail(board, id, &message, at));
    }
    let done = match task.steps.first() {
        Some(step) => carry_out(world, &step.deed, at)?,
        None => Ok(None),
    };
    world.update(|board: &mut TaskBoard| match done {
        Ok(output) => succeed(board, id, output, at),
        Err(message) => fail(board, id, &message, at),
    })
}

/// Returns what the step yields, or why it failed.
fn carry_out(world: &World, deed: &Deed, at: Moment) -> Result<Result<Option<String>, String>, WorldError> {
    if deed.is_change()
        && let Some(fault) = world.strike(FaultPoint::TASK)?
    {
        return Ok(Err(fault.said(FaultPoint::TASK.name())));
    }
    deed.carry_out(world, at)
}

fn succeed(board: &mut TaskBoard, id: u32, output: Option<String>, at: Moment) {
    let task = board.task_mut(id).expect("tasks are never removed");
    task.output.extend(output);
    task.end_step(EventState::Finished, at);
    go_to_next(board, id, at);
}

fn fail(board: &mut TaskBoard, id: u32, message: &str, at: Moment) {
    let task = board.task_mut(id).expect("tasks are never removed");
    let goes_on = task.steps.first().is_some_and(|step| step.failing == Failing::GoesOn);
    task.end_step(EventState::Failed(message.to_owned()), at);
    task.errors.push(message.to_owned());
    if goes_on {
        go_to_next(board, id, at);
    } else {
        end_badly(board, id, at);
    }
}

fn go_to_next(board: &mut TaskBoard, id: u32, at: Moment) {
    let task = board.task_mut(id).expect("tasks are never removed");
    if task.state == TaskState::Cancelling {
        task.events.push(Event::error(&format!("Task {id} cancelled"), at));
        board.finish(id, TaskState::Cancelled, at);
    } else if !task.steps.is_empty() {
        task.begin_step(at);
    } else if task.errors.is_empty() {
        board.finish(id, TaskState::Done, at);
    } else {
        end_badly(board, id, at);
    }
}

fn end_badly(board: &mut TaskBoard, id: u32, at: Moment) {
    let task = board.task_mut(id).expect("tasks are never removed");
    let message = task.errors.join("\n");
    task.events.push(Event::error(&message, at));
    board.finish(id, TaskState::Error, at);
}

impl Task {
    fn end_step(&mut self, state: EventState, at: Moment) {
        if self.state != TaskState::Queued && !self.steps.is_empty() {
            let step = self.steps.remove(0);
            self.events.extend(Event::of(&step, state, at));
        }
    }
}
