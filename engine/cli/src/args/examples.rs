//! What stands below the help of each command.

pub(super) const EXIT_CODES: &str = "\
Exit codes:
    0  succeeded, or nothing had to be done
    1  failed
    2  the command line is wrong
    3  the playbook or its inputs are invalid
    4  rolled back: a step failed, nothing of what was done is left
    5  stuck: a human is needed
    6  refused: a guard was unmet or something is not as approved, nothing was done
    7  waiting for people (with --no-wait): resume it when they have answered
  130  cancelled";

pub(super) const VALIDATE: &str = "\
Examples:
  firedrill validate playbooks/director-backup.yaml
  firedrill validate playbooks/*.yaml --json
  firedrill validate playbooks/*.yaml --deny warnings --allow FD0602

Exits with 3 if a playbook has an error, and with `--deny warnings` also if there is a warning.";

pub(super) const PLAN: &str = "\
Examples:
  firedrill plan playbooks/director-backup.yaml --target prod
  firedrill plan playbooks/director-backup.yaml --target prod --out tonight.plan
  firedrill plan playbooks/director-backup.yaml --inputs prod.yaml
  firedrill plan playbooks/director-backup.yaml --inputs prod.yaml -i artifact_root=/mnt/backups
  firedrill plan playbooks/director-backup.yaml --sandbox --json";

pub(super) const RUN: &str = "\
Examples:
  firedrill run playbooks/director-backup.yaml --sandbox
  firedrill run playbooks/director-backup.yaml --target prod --confirm prod
  firedrill run --plan tonight.plan --confirm prod
  firedrill run playbooks/director-backup.yaml --target prod --confirm prod --no-wait
  firedrill run playbooks/director-backup.yaml --inputs prod.yaml --id nightly-42
  firedrill run playbooks/director-backup.yaml --inputs prod.yaml --drill
  firedrill run playbooks/director-backup.yaml --inputs prod.yaml --json | jq .event

Ctrl-C stops the run in good order, a second one leaves rollbacks owed, a third leaves at once.
The exit code says how it ended: see `firedrill --help`.";

pub(super) const RESUME: &str = "\
Examples:
  firedrill resume --last
  firedrill resume nightly-42
  firedrill resume nightly-42 --no-wait

The exit code says how the run ended: see `firedrill --help`.";

pub(super) const RUNS: &str = "\
Examples:
  firedrill runs
  firedrill runs --json | jq '.runs[] | select(.verdict == \"stuck\") | .run'";

pub(super) const SHOW: &str = "\
Examples:
  firedrill show
  firedrill show nightly-42
  firedrill show nightly-42 --json | jq '.steps[] | select(.status == \"failed\")'";

pub(super) const LOGS: &str = "\
Examples:
  firedrill logs nightly-42
  firedrill logs nightly-42 backup --attempt 2 --stderr
  firedrill logs nightly-42 backup.cleanup
  firedrill logs nightly-42 backup --stdout > backup.out

On a terminal control characters are left out and headings added; otherwise the bytes are as they were printed.";

pub(super) const SETTLE: &str = "\
Examples:
  firedrill settle nightly-42 backup.cleanup --as done --by kim --note 'ran backup-cleanup by hand'
  firedrill settle nightly-42 backup --as done --output artifact=/mnt/x.tar --by kim --note 'artifact is whole'
  firedrill settle nightly-42 copy --as not-done --by kim --note 'nothing arrived'";

pub(super) const STALE: &str = "\
Examples:
  firedrill stale
  firedrill stale playbooks/director-backup.yaml --max-age 7d
  firedrill stale --json | jq -r '.playbooks[] | select(.is_fresh | not) | .playbook'

Exits with 1 if a playbook is stale.";

pub(super) const TARGETS: &str = "\
Examples:
  firedrill targets
  firedrill targets playbooks --json | jq -r '.targets[] | select(.is_protected) | .target'

Exits with 3 if a target is invalid.";

pub(super) const SCHEMA: &str = "\
Examples:
  firedrill schema
  firedrill schema playbook > playbook.v1.json
  firedrill schema plan > plan.v1.json
  firedrill schema target > target.v1.json";

pub(super) const EXPLAIN: &str = "\
Example:
  firedrill explain FD0107";

pub(super) const COMPLETION: &str = "\
Examples:
  firedrill completion bash > ~/.local/share/bash-completion/completions/firedrill
  firedrill completion zsh > ~/.zfunc/_firedrill";

pub(super) const REHEARSE: &str = "\
Examples:
  firedrill rehearse
  firedrill rehearse playbooks/director-backup.yaml
  firedrill rehearse playbooks/director-backup.yaml --scenario 'backup hangs' --trace
  firedrill rehearse playbooks/director-backup.yaml --fault backup.attempt:timeout --trace
  firedrill rehearse playbooks/*.rehearsal.yaml --min-coverage 80 --junit rehearsals.xml

Exits with 0 if every scenario came to what it expects, with 1 if one did not, with 3 if a file is invalid.";

pub(super) const LOCKS: &str = "\
Examples:
  firedrill locks
  firedrill locks --json

A playbook names what it must have for itself: `locks: [\"foundation/${{ inputs.foundation }}\"]`. The run holds it until it owes
nothing: a stuck run keeps its locks until it is resumed.";
