//! What happens outside of the engine: one box that threads post to and one connection, watched together.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use firedrill_run::CommandId;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

use super::session::Session;
use crate::driver::DriveError;
use crate::journal::JournalFileError;
use crate::people::Word;
use crate::signals::Signal;
use crate::supervisor::{ClientError, Reply};

/// Something that happened outside of the engine, as it was heard.
pub(crate) enum News {
    Reply(Reply),
    SupervisorGone,
    Durable(Result<u64, JournalFileError>),
    Signal(Signal),
    Word(Word),
    /// A file that is watched has grown.
    Grown,
    /// Nothing is left of a command whose supervisor died.
    Gone(CommandId),
}

/// Where threads post what happened.
#[derive(Clone)]
pub(crate) struct Post {
    sender: Sender<News>,
    bell: Arc<OwnedFd>,
}

/// Where the driver finds what happened.
pub(super) struct Mailbox {
    post: Post,
    news: Receiver<News>,
    replies: VecDeque<Reply>,
}

impl Post {
    /// Posts something. The driver may have ended, and then nobody is left to tell.
    pub(crate) fn send(&self, news: News) {
        if self.sender.send(news).is_ok() {
            // A bell that has rung often enough to be full rings anyway.
            let _full = rustix::io::write(&*self.bell, &1_u64.to_ne_bytes());
        }
    }
}

impl Mailbox {
    pub(super) fn new() -> Result<Mailbox, DriveError> {
        let (sender, news) = channel();
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(wait_error)?;
        let post = Post { sender, bell: Arc::new(bell) };
        Ok(Mailbox { post, news, replies: VecDeque::new() })
    }

    pub(super) fn post(&self) -> Post {
        self.post.clone()
    }

    /// Takes what has happened already.
    pub(super) fn take(&mut self) -> Option<News> {
        self.replies.pop_front().map(News::Reply).or_else(|| self.news.try_recv().ok())
    }

    /// Waits for something to happen, for `limit` at the most; `growth` becomes readable when a watched file has grown.
    pub(super) fn wait(
        &mut self,
        session: &mut Session,
        growth: BorrowedFd<'_>,
        limit: Option<Duration>,
    ) -> Result<Option<News>, DriveError> {
        if let Some(news) = self.take() {
            return Ok(Some(news));
        }
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        let mut watched = [
            PollFd::from_borrowed_fd(session.connection(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.post.bell.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(growth, PollFlags::IN),
        ];
        match poll(&mut watched, limit.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(wait_error(error)),
        }
        let [connection, bell, has_grown] = watched.map(|watched| !watched.revents().is_empty());
        if bell {
            // Nothing to read means that somebody else has heard it.
            let _silent = rustix::io::read(&*self.post.bell, &mut [0; 8]);
        }
        if connection {
            match session.arrived() {
                Ok(replies) => self.replies.extend(replies),
                Err(ClientError::Gone) => return Ok(Some(News::SupervisorGone)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.take().or(has_grown.then_some(News::Grown)))
    }
}

fn wait_error(error: Errno) -> DriveError {
    DriveError::Wait(error.into())
}
