//! The stand-in of cf, the client of the platform.

mod access;
mod apps;
mod brokers;
mod curl;
mod flags;
mod isolation;
mod orgs;
mod services;

use crate::fault::FaultPoint;
use crate::pace::{Pace, Phase};
use crate::platform::Catalog;
use crate::platform::api::{Api, SYSTEM_DOMAIN, api};
use crate::platform::balancer::From as Origin;
use crate::platform::catalog::{Org, Space};
use crate::world::{World, WorldError};
use crate::{err, out};

use access::Target;
use flags::Invocation;

const VERSION: &str = "cf version 8.8.2-lab";

const NOT_LOGGED_IN: &str = "Not logged in. Use 'cf login' or 'cf login --sso' to log in.";

/// Runs cf with its arguments and returns its exit status.
pub(crate) fn run(world: &World, args: &[String]) -> Result<u8, WorldError> {
    let invocation = Invocation::parse(args);
    let key = format!("cf.{}", invocation.name());
    crate::recorded(world, &key, |_| match execute(world, &key, &invocation) {
        Ok(()) => Ok(0),
        Err(Stop::World(error)) => Err(error),
        Err(Stop::Failed(text)) => {
            err(&format!("{text}\n"));
            out("FAILED\n");
            Ok(1)
        }
        Err(Stop::Exit(code, text)) => {
            err(&format!("{text}\n"));
            out("FAILED\n");
            Ok(code)
        }
    })
}

/// Why a command ended before its end.
enum Stop {
    World(WorldError),
    /// The client says why, and that it failed.
    Failed(String),
    /// The client says why, and exits with a status of its own.
    Exit(u8, String),
}

impl From<WorldError> for Stop {
    fn from(error: WorldError) -> Stop {
        Stop::World(error)
    }
}

fn failed(text: impl Into<String>) -> Stop {
    Stop::Failed(text.into())
}

type Done = Result<(), Stop>;

fn execute(world: &World, key: &str, invocation: &Invocation) -> Done {
    if matches!(invocation.name(), "version" | "help") {
        out(&format!("{VERSION}\n"));
        return Ok(());
    }
    let pace = Pace::of(world)?;
    pace.pass(Phase::CF_QUERY);
    if let Some(point) = FaultPoint::of_subcommand(key)
        && let Some(fault) = world.strike(point)?
    {
        return Err(Stop::Exit(fault.exit, fault.said(key)));
    }
    let target = Target::load(world);
    dispatch(&Client { world, pace, target, invocation })
}

fn dispatch(cf: &Client) -> Done {
    match cf.invocation.name() {
        "api" => access::api(cf),
        "auth" => access::auth(cf),
        "login" => access::login(cf),
        "logout" => access::logout(cf),
        "target" => access::target(cf),
        "orgs" => orgs::orgs(cf),
        "spaces" => orgs::spaces(cf),
        "feature-flags" => orgs::feature_flags(cf),
        "feature-flag" => orgs::feature_flag(cf),
        "enable-feature-flag" => orgs::set_feature_flag(cf, true),
        "disable-feature-flag" => orgs::set_feature_flag(cf, false),
        "apps" => apps::apps(cf),
        "app" => apps::app(cf),
        "push" => apps::push(cf),
        "start" | "restart" => apps::restart(cf),
        "restage" => apps::restage(cf),
        "stop" => apps::stop(cf),
        "scale" => apps::scale(cf),
        "delete" => apps::delete(cf),
        "curl" => curl::curl(cf),
        "isolation-segments" => isolation::list(cf),
        "create-isolation-segment" => isolation::create(cf),
        "delete-isolation-segment" => isolation::delete(cf),
        "enable-org-isolation" => isolation::entitle(cf),
        "disable-org-isolation" => isolation::revoke(cf),
        "set-org-default-isolation-segment" => isolation::set_org(cf),
        "reset-org-default-isolation-segment" => isolation::reset_org(cf),
        "set-space-isolation-segment" => isolation::set_space(cf),
        "reset-space-isolation-segment" => isolation::reset_space(cf),
        "services" => services::services(cf),
        "service" => services::service(cf),
        "create-service" => services::create(cf),
        "delete-service" => services::delete(cf),
        "purge-service-instance" => services::purge(cf),
        "service-brokers" => brokers::list(cf),
        "create-service-broker" => brokers::create(cf),
        "update-service-broker" => brokers::update(cf),
        "delete-service-broker" => brokers::delete(cf),
        "service-access" => brokers::access(cf),
        "enable-service-access" => brokers::set_access(cf, true),
        "disable-service-access" => brokers::set_access(cf, false),
        unknown => Err(failed(format!("'{unknown}' is not a registered command. See 'cf help -a'"))),
    }
}

/// One run of cf: who is logged in where, and what was asked.
struct Client<'a> {
    world: &'a World,
    pace: Pace,
    target: Target,
    invocation: &'a Invocation,
}

impl Client<'_> {
    fn arg(&self, index: usize, name: &str) -> Result<&str, Stop> {
        let missing = || {
            failed(format!(
                "Incorrect Usage: the required argument `{name}` was not provided\n\nSee 'cf help {}'",
                self.invocation.name()
            ))
        };
        self.invocation.args.get(index).map(String::as_str).ok_or_else(missing)
    }

    /// Asks a question unless `-f` was given; a closed standard input is no answer.
    fn confirms(&self, question: &str) -> Result<bool, Stop> {
        if self.invocation.has(&["-f", "--force"]) {
            return Ok(true);
        }
        out(&format!("{question} [yN]: "));
        let mut answer = String::new();
        match std::io::stdin().read_line(&mut answer) {
            Ok(read) if read > 0 => Ok(matches!(answer.trim(), "y" | "yes" | "Y" | "YES")),
            _ => {
                out("\n");
                Err(failed("EOF"))
            }
        }
    }

    /// Asks the API whether it answers; a client that cannot reach it says so.
    fn reach(&self) -> Done {
        if self.target.api.is_empty() {
            return Err(failed("No API endpoint set. Use 'cf login' or 'cf api' to target an endpoint."));
        }
        let host = self.target.host();
        let status = |code: u16, text: &str| failed(format!("Unexpected Response\nResponse Code: {code}\n{text}"));
        let cannot = |why: &str| {
            failed(format!(
                "Request error: Get \"https://{host}\": dial tcp: {why}\nTIP: If you are behind a firewall and require an HTTP proxy, verify the https_proxy environment variable is correctly set. Else, check your network connection."
            ))
        };
        if host != format!("api.{SYSTEM_DOMAIN}") {
            return Err(cannot(&format!("lookup {host}: no such host")));
        }
        match api(self.world, Origin::Outside)? {
            Api::Answers => Ok(()),
            Api::Blocked => Err(cannot("i/o timeout")),
            Api::Locked => Err(status(503, "Service Unavailable")),
            Api::Down => Err(status(502, "502 Bad Gateway: Registered endpoint failed to handle the request.")),
            Api::NoDatabase => Err(status(500, "CF-UnknownError: An unknown error occurred.")),
        }
    }

    /// Returns what the platform knows, for somebody who is logged in.
    fn catalog(&self) -> Result<Catalog, Stop> {
        self.reach()?;
        if self.target.user.is_empty() {
            return Err(failed(NOT_LOGGED_IN));
        }
        Ok(self.world.platform()?.catalog)
    }

    /// Changes what the platform knows; the error is what the client says.
    fn change<R>(&self, change: impl FnOnce(&mut Catalog) -> Result<R, String>) -> Result<R, Stop> {
        self.catalog()?;
        self.world.change_platform(|platform| change(&mut platform.catalog))?.map_err(Stop::Failed)
    }

    fn org<'c>(&self, catalog: &'c Catalog) -> Result<&'c Org, Stop> {
        if self.target.org.is_empty() {
            return Err(failed("No org targeted, use 'cf target -o ORG' to target an org."));
        }
        org_named(catalog, &self.target.org)
    }

    fn space<'c>(&self, catalog: &'c Catalog) -> Result<&'c Space, Stop> {
        let org = self.org(catalog)?;
        if self.target.space.is_empty() {
            return Err(failed("No space targeted, use 'cf target -s SPACE' to target a space."));
        }
        space_named(catalog, org, &self.target.space)
    }

    /// Returns `org ORG / space SPACE as USER`.
    fn place(&self) -> String {
        format!("org {} / space {} as {}", self.target.org, self.target.space, self.target.user)
    }
}

fn org_named<'c>(catalog: &'c Catalog, name: &str) -> Result<&'c Org, Stop> {
    catalog.org(name).ok_or_else(|| failed(format!("Organization '{name}' not found.")))
}

fn space_named<'c>(catalog: &'c Catalog, org: &Org, name: &str) -> Result<&'c Space, Stop> {
    catalog.space(&org.guid, name).ok_or_else(|| failed(format!("Space '{name}' not found.")))
}

/// Returns rows in columns that are three spaces apart, the titles first.
fn columns(titles: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = titles.iter().map(|title| (*title).to_owned()).collect();
    let all: Vec<&Vec<String>> = std::iter::once(&head).chain(rows).collect();
    let width = |column: usize| all.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:<width$}", width = width(column)));
        cells.collect::<Vec<_>>().join("   ").trim_end().to_owned() + "\n"
    };
    all.iter().map(|row| line(row)).collect()
}
