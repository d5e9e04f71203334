//! One module a command.

mod answer;
mod approve;
mod completion;
mod decide;
mod explain;
mod locks;
mod logs;
mod plan;
mod rehearse;
mod rehearse_fault;
mod resume;
mod rollback;
mod run;
mod runs;
mod sandbox;
mod schema;
mod settle;
mod show;
mod stale;
mod sweep;
mod sweep_mutants;
mod sweep_world;
mod targets;
mod validate;

use crate::args::{Cli, Verb};
use crate::failure::{Failure, Status};
use crate::home::Home;
use crate::terminal::Terminal;

/// Does what the command line says.
pub(crate) fn perform(cli: Cli, terminal: &Terminal) -> Result<Status, Failure> {
    let home = || Home::find(cli.home.as_deref());
    match cli.verb {
        Verb::Validate(args) => validate::validate(&args, terminal),
        Verb::Plan(args) => plan::plan(&args, home, terminal),
        Verb::Sweep(args) => sweep::sweep(args, home, terminal),
        Verb::Run(args) => run::run(&args, &home()?, terminal),
        Verb::Resume(args) => resume::resume(&args, &home()?, terminal),
        Verb::Rehearse(args) => rehearse::rehearse(&args, home, terminal),
        Verb::Runs(args) => runs::runs(args.format(), &home()?, terminal),
        Verb::Locks(args) => locks::locks(args.format(), &home()?, terminal),
        Verb::Show(args) => show::show(&args, &home()?, terminal),
        Verb::Logs(args) => logs::logs(&args, &home()?, terminal),
        Verb::Settle(args) => settle::settle(args, &home()?, terminal),
        Verb::Answer(args) => answer::answer(args, &home()?, terminal),
        Verb::Approve(args) => approve::approve(args, &home()?, terminal),
        Verb::Decide(args) => decide::decide(args, &home()?, terminal),
        Verb::Rollback(args) => rollback::rollback(args, &home()?, terminal),
        Verb::Stale(args) => stale::stale(&args, &home()?, terminal),
        Verb::Targets(args) => targets::targets(&args, terminal),
        Verb::Schema(args) => schema::schema(args.name.as_deref(), terminal),
        Verb::Explain(args) => explain::explain(&args.code, terminal),
        Verb::Sandbox(args) => sandbox::sandbox(args, home, terminal),
        Verb::Completion(args) => Ok(completion::completion(args.shell, terminal)),
    }
}
