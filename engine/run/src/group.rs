//! Groups: they begin, are skipped and end as one, and what is taken inside is given back before they are over.

use std::sync::Arc;

use firedrill_model::plan::{Item, Plan, block_of};

use crate::event::{Answer, DebtKind};
use crate::machine::{News, Run, count};
use crate::shape::Shape;
use crate::state::{Cause, Outcome, Phase, Stage, StepState};

impl Run {
    /// The members of a group may begin.
    pub(crate) fn open_group(&mut self, group: usize) {
        self.state.steps[group].stage = Stage::Inside;
        self.news.push(News::Opened(group));
    }

    /// The items of a repetition are known, or cannot be had.
    pub(crate) fn items_decided(&mut self, step: usize, answer: &Answer) -> bool {
        if self.state.steps[step].stage != Stage::Expanding {
            return false;
        }
        match answer {
            Answer::Items(items) => {
                self.expand(step, items);
                self.open_group(step);
            }
            Answer::Yes | Answer::No | Answer::Error(_) => self.settle(step, Outcome::Failed(Cause::Items)),
        }
        true
    }

    /// Adds the instances of a repetition; what waits for the repetition waits for them too.
    fn expand(&mut self, each: usize, items: &[Item]) {
        let expanded = self.plan.expanded(each, items);
        let before = std::mem::replace(&mut self.plan, expanded);
        self.shape = Arc::new(Shape::new(&self.plan));
        for at in 0..before.steps.len() {
            let until = |plan: &Plan| plan.steps[at].release.as_ref().map_or(0, |release| release.until.len());
            let state = &mut self.state.steps[at];
            state.needs_left += count(self.plan.steps[at].needs.len() - before.steps[at].needs.len());
            state.until_left += count(until(&self.plan) - until(&before));
        }
        self.state.steps[each].members_left = count(items.len());
        let added = before.steps.len()..self.plan.steps.len();
        self.state.steps.extend(added.map(|at| StepState::new(&self.plan, at)));
    }

    /// Lets the members begin that wait for nothing but their group.
    pub(crate) fn pass_on_opened(&mut self, group: usize) {
        let shape = Arc::clone(&self.shape);
        for &head in shape.heads(group) {
            self.state.steps[head].needs_left -= 1;
            self.begin_if_ready(head);
        }
        self.close_if_over(group);
    }

    /// Returns whether a member of a group has begun.
    pub(crate) fn has_opened(&self, group: usize) -> bool {
        self.shape.members(group).iter().any(|&member| self.state.steps[member].stage != Stage::Waiting)
    }

    /// The members of a group that have not begun are skipped with it.
    pub(crate) fn skip_members(&mut self, group: usize) {
        let shape = Arc::clone(&self.shape);
        for &step in shape.inside(group) {
            if self.state.steps[step].stage == Stage::Waiting {
                self.mark_settled(step, Outcome::Skipped);
            }
        }
    }

    /// Tells the group of a step that the step is over.
    pub(crate) fn member_settled(&mut self, step: usize) {
        let Some(group) = self.planned(step).group else { return };
        self.state.steps[group].members_left -= 1;
        if self.fails_too_often(group) {
            self.settle(group, Outcome::Failed(Cause::Members));
            return;
        }
        self.begin_next_instance(group);
        if self.state.steps[group].members_left == 0 {
            self.release_at_end_of(Some(group));
        }
        self.close_if_over(group);
    }

    /// Begins the releases that wait for the end of a block.
    pub(crate) fn release_at_end_of(&mut self, block: Option<usize>) {
        let shape = Arc::clone(&self.shape);
        let owners = shape.open_ended().iter().filter(|&&owner| block_of(&self.plan.steps, owner) == block);
        let owners: Vec<usize> = owners.copied().collect();
        for owner in owners {
            self.release_if_due(owner);
        }
    }

    /// Ends a group whose members are over and have given back what they took until its end.
    pub(crate) fn close_if_over(&mut self, group: usize) {
        let state = &self.state.steps[group];
        let is_over = state.stage == Stage::Inside && state.members_left == 0 && !self.gives_back(group);
        if !is_over || self.phase_of(group) != Phase::Working {
            return;
        }
        let outcome = if self.is_skipped_throughout(group) { Outcome::Skipped } else { Outcome::Succeeded };
        self.mark_settled(group, outcome);
    }

    fn gives_back(&self, group: usize) -> bool {
        let owners = self.shape.open_ended().iter().filter(|&&owner| block_of(&self.plan.steps, owner) == Some(group));
        owners.into_iter().any(|&owner| self.debt(owner, DebtKind::Release).is_under_way())
    }

    fn is_skipped_throughout(&self, group: usize) -> bool {
        let mut members = self.shape.members(group).iter().map(|&member| self.state.steps[member].stage).peekable();
        members.peek().is_some() && members.all(|stage| stage == Stage::Settled(Outcome::Skipped))
    }

    /// Returns whether more instances of a repetition have failed than it tolerates.
    fn fails_too_often(&self, group: usize) -> bool {
        let each = self.planned(group).as_group().and_then(|it| it.each.as_ref());
        let Some(tolerance) = each.and_then(|each| each.tolerate) else { return false };
        if self.state.steps[group].stage != Stage::Inside {
            return false;
        }
        let instances = self.shape.members(group);
        let failed = instances.iter().filter(|&&instance| self.state.steps[instance].has_failed()).count();
        failed > tolerance.of(count(instances.len())) as usize
    }

    /// Returns whether an instance of a repetition may begin beside those that have begun.
    pub(crate) fn has_room_for(&self, step: usize) -> bool {
        let group = self.planned(step).group;
        let each = group.and_then(|group| self.planned(group).as_group()?.each.as_ref());
        let Some((group, limit)) = group.zip(each.and_then(|each| each.max_parallel)) else { return true };
        let is_begun = |stage: Stage| !matches!(stage, Stage::Waiting | Stage::Settled(_));
        let begun =
            self.shape.members(group).iter().filter(|&&member| is_begun(self.state.steps[member].stage)).count();
        begun < limit.get() as usize
    }

    fn begin_next_instance(&mut self, group: usize) {
        let is_limited = self.planned(group).as_group().and_then(|it| it.each.as_ref()?.max_parallel).is_some();
        if is_limited && self.state.steps[group].stage == Stage::Inside {
            let shape = Arc::clone(&self.shape);
            shape.members(group).iter().for_each(|&member| self.begin_if_ready(member));
        }
    }
}
