//! Copies of a state that keep the memory of their lists: the sweep makes many.

use std::mem::take;

use super::State;

impl Clone for State {
    fn clone(&self) -> State {
        State {
            guards: self.guards.clone(),
            steps: self.steps.clone(),
            invariants: self.invariants.clone(),
            ready: self.ready.clone(),
            busy: self.busy.clone(),
            polling: self.polling.clone(),
            rendered: self.rendered.clone(),
            outputs: self.outputs.clone(),
            approvals: self.approvals.clone(),
            starter: self.starter.clone(),
            seen: self.seen.clone(),
            clocks: self.clocks.clone(),
            marks: self.marks.clone(),
            ..*self
        }
    }

    /// Becomes a copy that keeps the memory of its lists.
    fn clone_from(&mut self, source: &State) {
        self.guards.clone_from(&source.guards);
        self.steps.clone_from(&source.steps);
        self.invariants.clone_from(&source.invariants);
        self.ready.clone_from(&source.ready);
        self.busy.clone_from(&source.busy);
        self.polling.clone_from(&source.polling);
        self.rendered.clone_from(&source.rendered);
        self.outputs.clone_from(&source.outputs);
        self.approvals.clone_from(&source.approvals);
        self.starter.clone_from(&source.starter);
        self.seen.clone_from(&source.seen);
        self.clocks.clone_from(&source.clocks);
        self.marks.clone_from(&source.marks);
        *self = State {
            guards: take(&mut self.guards),
            steps: take(&mut self.steps),
            invariants: take(&mut self.invariants),
            ready: take(&mut self.ready),
            busy: take(&mut self.busy),
            polling: take(&mut self.polling),
            rendered: take(&mut self.rendered),
            outputs: take(&mut self.outputs),
            approvals: take(&mut self.approvals),
            starter: take(&mut self.starter),
            seen: take(&mut self.seen),
            clocks: take(&mut self.clocks),
            marks: take(&mut self.marks),
            ..*source
        };
    }
}
