//! Answers to commands where nothing stands in for their programs.

use std::time::Duration;

use firedrill_model::pattern::Pattern;
use firedrill_model::rehearsal::Reply;

/// The replies of a scenario, and how often each has answered.
pub(super) struct Replies {
    replies: Vec<(Pattern, Reply, u32)>,
    unanswered: Vec<String>,
}

/// What a command that no process runs comes to.
pub(super) struct Answer {
    pub(super) exit: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) takes: Duration,
}

impl Replies {
    /// Returns the replies, or what is wrong with the pattern of one.
    pub(super) fn new(replies: &[Reply]) -> Result<Replies, String> {
        let compiled = replies.iter().map(|reply| {
            let pattern = Pattern::compile(&reply.command.value);
            Ok((pattern.map_err(|error| error.to_string())?, reply.clone(), 0))
        });
        Ok(Replies { replies: compiled.collect::<Result<_, String>>()?, unanswered: Vec::new() })
    }

    /// Answers a command line; the first reply that matches and is not used up counts.
    pub(super) fn answer(&mut self, argv: &[String]) -> Option<Answer> {
        let line = argv.join(" ");
        let answers = |(pattern, reply, used): &&mut (Pattern, Reply, u32)| {
            reply.times.is_none_or(|times| *used < times) && matches!(pattern.search(&mut line.as_bytes()), Ok(Some(_)))
        };
        let Some((_, reply, used)) = self.replies.iter_mut().find(answers) else {
            self.unanswered.push(line);
            return None;
        };
        *used += 1;
        Some(Answer {
            exit: reply.exit,
            stdout: reply.stdout.clone(),
            stderr: reply.stderr.clone(),
            takes: reply.takes,
        })
    }

    /// Returns the command lines that nothing answered.
    pub(super) fn unanswered(&self) -> &[String] {
        &self.unanswered
    }
}
