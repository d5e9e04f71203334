//! `firedrill approve`

use std::collections::BTreeMap;

use firedrill_exec::people;
use firedrill_report::harmless;
use firedrill_run::{Ask, Event, Response};

use super::answer::{asked, say};
use crate::args::ApproveArgs;
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::question::covered;
use crate::terminal::Terminal;

pub(super) fn approve(args: ApproveArgs, home: &Home, terminal: &Terminal) -> Result<Status, Failure> {
    let dir = home.run(Some(&args.run))?;
    let command = asked(&people::read(&dir)?, &args.step, &dir, Ask::Approve)?;
    let (response, shown) = if args.decline {
        (Response::Declined, String::new())
    } else {
        let present = people::shown(&dir, &command)?;
        let present = present.ok_or_else(|| Failure::failed("what is to be approved cannot be read"))?;
        terminal.print(&format!("{}\n{}\n", harmless(present.prompt.trim_end()), covered(&present)));
        (Response::Approved, args.shown.map_or_else(|| present.digest(), |digest| digest.0))
    };
    let event = Event::Answered { command, response, outputs: BTreeMap::new(), by: args.by, note: args.note, shown };
    say(&dir, &event, terminal)
}
