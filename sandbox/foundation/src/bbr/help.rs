//! bbr's usage texts.

use super::flags::{Of, Subcommand};

pub(super) const VERSION: &str = "1.9-lab";

pub(super) fn version() -> String {
    format!("bbr version {VERSION}\n")
}

pub(super) fn unknown_command(name: &str, usage: &str) -> String {
    format!("Error command '{name}' not found\n\n{usage}")
}

pub(super) fn app() -> String {
    let commands = "   deployment  Backup BOSH deployments
   director    Backup BOSH director
   help, h     Shows a list of commands or help for one command
   version, v  Shows the version
";
    overview("bbr - BOSH Backup and Restore", commands)
}

/// Returns what bbr prints of a command of which it does not know the subcommand.
pub(super) fn parent(of: Of) -> String {
    match of {
        Of::Director => overview("bbr director - Backup BOSH director", &subcommands("BOSH Director", "director")),
        Of::Deployment => {
            overview("bbr deployment - Backup BOSH deployments", &subcommands("deployment", "deployment"))
        }
    }
}

fn overview(name: &str, commands: &str) -> String {
    format!(
        "NAME:
   {name}

USAGE:
   bbr command [command options] [subcommand] [subcommand options]

VERSION:
   {VERSION}

COMMANDS:
{commands}
SUBCOMMANDS:
   backup
   backup-cleanup
   restore
   restore-cleanup
   pre-backup-check
"
    )
}

pub(super) fn director() -> String {
    let subcommands = subcommands("BOSH Director", "director");
    format!(
        "NAME:
   bbr director - Backup BOSH director

USAGE:
   bbr director [options] subcommand [subcommand options]

SUBCOMMANDS:
{subcommands}
OPTIONS:
   --host value                           BOSH Director hostname, with an optional port. Port defaults to 22
   --username value, -u value             BOSH Director SSH username
   --private-key-path value, --key value  BOSH Director SSH private key
   --debug                                Enable debug logs
   --help, -h                             show help
   
"
    )
}

pub(super) fn deployment() -> String {
    let subcommands = subcommands("deployment", "deployment");
    format!(
        "NAME:
   bbr deployment - Backup BOSH deployments

USAGE:
   bbr deployment [options] subcommand [subcommand options]

SUBCOMMANDS:
{subcommands}
OPTIONS:
   --target value, -t value      BOSH Director URL [$BOSH_ENVIRONMENT]
   --username value, -u value    BOSH Director username [$BOSH_CLIENT]
   --password value, -p value    BOSH Director password [$BOSH_CLIENT_SECRET]
   --deployment value, -d value  Name of BOSH deployment. Omit if '--all-deployments' is provided [$BOSH_DEPLOYMENT]
   --ca-cert value               Path or value of BOSH Director custom CA certificate [$CA_CERT, $BOSH_CA_CERT]
   --debug                       Enable debug logs
   --all-deployments             Run command for all deployments. Omit if '--deployment' is provided. Currently only supported for: pre-backup-check, backup and backup-cleanup
   --help, -h                    show help
   
"
    )
}

pub(super) fn subcommand(of: Of, subcommand: Subcommand) -> String {
    let (parent, article_of) = match of {
        Of::Director => ("director", "BOSH Director"),
        Of::Deployment => ("deployment", "deployment"),
    };
    let name = subcommand.name();
    let usage = usage_of(subcommand, article_of, parent);
    let path = "   --artifact-path value, -a value  Specify an optional path to save the backup artifacts to\n";
    let flags = match subcommand {
        Subcommand::Backup if of == Of::Director => path.to_owned(),
        Subcommand::Backup => {
            let lock_free = "Experimental feature to skip locking steps when backing up the BOSH deployment. Cannot be used in combination with the all-deployments flag";
            format!(
                "   --with-manifest                  Download the deployment manifest\n{path}   --unsafe-lock-free               {lock_free}\n"
            )
        }
        Subcommand::Restore => "   --artifact-path value, -a value  Path to the artifact to restore\n".to_owned(),
        Subcommand::PreBackupCheck | Subcommand::BackupCleanup | Subcommand::RestoreCleanup => {
            return format!("NAME:\n   bbr {parent} {name} - {usage}\n\nUSAGE:\n   bbr {parent} {name} \n");
        }
    };
    format!(
        "NAME:
   bbr {parent} {name} - {usage}

USAGE:
   bbr {parent} {name} [options] 

OPTIONS:
{flags}   
"
    )
}

fn subcommands(article_of: &str, noun: &str) -> String {
    Subcommand::ALL.into_iter().fold(String::new(), |text, subcommand| {
        let alias = subcommand.alias().map(|alias| format!(", {alias}")).unwrap_or_default();
        let names = format!("{}{alias}", subcommand.name());
        format!("{text}   {names:<19}  {}\n", usage_of(subcommand, article_of, noun))
    })
}

fn usage_of(subcommand: Subcommand, what: &str, noun: &str) -> String {
    match subcommand {
        Subcommand::PreBackupCheck => format!("Check a {what} can be backed up"),
        Subcommand::Backup => format!("Backup a {what}"),
        Subcommand::Restore => "Restore a deployment from backup".into(),
        Subcommand::BackupCleanup => format!("Cleanup a {noun} after a backup was interrupted"),
        Subcommand::RestoreCleanup => format!("Cleanup a {noun} after a restore was interrupted"),
    }
}
