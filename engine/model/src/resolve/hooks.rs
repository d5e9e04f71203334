//! What is owed and tried again: hooks, releases, retries.

use std::num::NonZeroU32;
use std::time::Duration;

use super::command::Surroundings;
use super::{HOOK_TRIES, Resolver, number};
use crate::{plan, playbook};

impl<'a> Resolver<'a> {
    pub(super) fn hook(&mut self, hook: &'a playbook::Hook, around: &Surroundings<'a>, step: &str) -> plan::Hook {
        plan::Hook {
            command: self.deed(&hook.invocation, &hook.expect, around, &[], Some(step)),
            when: hook.when.as_ref().map(|when| self.condition(when, Some(step))),
            retry: self.hook_retry(hook),
        }
    }

    pub(super) fn release(
        &mut self,
        release: &'a playbook::Release,
        around: &Surroundings<'a>,
        step: &str,
    ) -> plan::Release {
        let hook = self.hook(&release.hook, around, step);
        plan::Release { hook, until: Vec::new(), until_reached: Vec::new(), hold: Vec::new() }
    }

    /// People who have said that it failed are not asked again by themselves.
    fn hook_retry(&mut self, hook: &'a playbook::Hook) -> plan::Retry {
        match hook.retry.as_deref() {
            Some(retry) => self.retry(Some(retry), number(HOOK_TRIES), Duration::from_secs(1)),
            None if hook.invocation.command.asks_people() => self.retry(None, NonZeroU32::MIN, Duration::ZERO),
            None => plan::Retry {
                max_attempts: number(HOOK_TRIES),
                delay: Duration::from_secs(1),
                backoff: plan::Backoff::Exponential { percent: 200 },
                max_delay: None,
                jitter: plan::Jitter::None,
                when: None,
            },
        }
    }

    pub(super) fn retry(
        &mut self,
        retry: Option<&'a playbook::Retry>,
        tries: NonZeroU32,
        delay: Duration,
    ) -> plan::Retry {
        let Some(retry) = retry else {
            return plan::Retry {
                max_attempts: tries,
                delay,
                backoff: plan::Backoff::Constant,
                max_delay: None,
                jitter: plan::Jitter::None,
                when: None,
            };
        };
        let factor = retry.factor.as_ref().map_or(2.0, |factor| factor.value);
        plan::Retry {
            max_attempts: self.tries(&retry.max_attempts),
            delay: retry.delay.as_ref().and_then(|delay| self.duration(delay)).unwrap_or(delay),
            backoff: match retry.backoff.as_ref().map(|backoff| backoff.value) {
                None | Some(playbook::Backoff::Constant) => plan::Backoff::Constant,
                Some(playbook::Backoff::Exponential) => plan::Backoff::Exponential { percent: percent(factor) },
            },
            max_delay: retry.max_delay.as_ref().and_then(|delay| self.duration(delay)),
            jitter: match retry.jitter.as_ref().map(|jitter| jitter.value) {
                None | Some(playbook::Jitter::None) => plan::Jitter::None,
                Some(playbook::Jitter::Full) => plan::Jitter::Full,
            },
            when: retry.when.as_ref().map(|when| self.bind(&when.value)),
        }
    }
}

/// Returns a factor in hundredths.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded on both sides")]
fn percent(factor: f64) -> u32 {
    (factor * 100.0).round().clamp(100.0, 1_000_000.0) as u32
}
