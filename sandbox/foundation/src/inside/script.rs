//! Paths of scripts: those of the VM in the tree, and back.

use std::path::Path;

/// The folders at the root of a VM: paths that begin with one are those of the tree. What begins otherwise is no path, such
/// as a pattern, or a device.
const FOLDERS: [&str; 17] = [
    "bin", "boot", "etc", "home", "lib", "lib64", "mnt", "opt", "proc", "root", "run", "sbin", "srv", "sys", "tmp",
    "usr", "var",
];

/// The folders of programs, which are found by name instead.
const PROGRAMS: [&str; 6] = ["/usr/local/bin/", "/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/", "/var/vcap/bosh/bin/"];

/// Where output is sent that the user must not write: a folder that is never made.
pub(super) const DENIED: &str = "/.denied";

/// Returns a script with every absolute path below the tree.
pub(super) fn mapped(script: &str, root: &Path) -> String {
    let root = root.display().to_string();
    let mut text = String::with_capacity(script.len() * 2);
    let mut before = ' ';
    let mut word = String::new();
    let mut rest = script;
    while let Some(next) = rest.chars().next() {
        if next == '/' && (starts_word(before) || is_short_flag(&word)) {
            let length = rest.find(|c| !is_of_path(c)).unwrap_or(rest.len());
            let (path, after) = rest.split_at(length);
            text.push_str(&map_path(path, &root));
            rest = after;
            before = '/';
            word.clear();
        } else {
            if starts_word(next) {
                word.clear();
            } else {
                word.push(next);
            }
            text.push(next);
            before = next;
            rest = &rest[next.len_utf8()..];
        }
    }
    text
}

/// Returns whether a path may follow. `[` is none of these: the test needs a blank, and without one it is a class of a pattern.
fn starts_word(before: char) -> bool {
    before.is_whitespace() || "'\"`=:(<>{,;|&".contains(before)
}

/// Returns whether a value may follow at once, as in `-C/tmp` and `${DIR:-/tmp}`.
fn is_short_flag(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|rest| rest.chars().count() <= 1)
}

fn is_of_path(c: char) -> bool {
    c.is_alphanumeric() || "/._-+@%~*?".contains(c)
}

fn map_path(path: &str, root: &str) -> String {
    if let Some(name) = PROGRAMS.iter().find_map(|folder| path.strip_prefix(folder)).filter(|name| !name.contains('/'))
    {
        return name.to_owned();
    }
    let first = path[1..].split('/').next().unwrap_or_default();
    if path == "/" || FOLDERS.contains(&first) { format!("{root}{path}") } else { path.to_owned() }
}

/// Returns a text with the paths of the tree as the VM sees them.
pub(super) fn unmapped(text: &str, root: &Path) -> String {
    let root = root.display().to_string();
    text.replace(&format!("{root}/"), "/").replace(&root, "/")
}

/// Returns a mapped script whose unquoted redirections go nowhere if `is_denied` says so of their targets.
pub(super) fn guarded(script: &str, is_denied: impl Fn(&Path) -> bool, root: &Path) -> String {
    let root = root.display().to_string();
    let mut text = String::new();
    let mut quote = None;
    let mut rest = script;
    while let Some(next) = rest.chars().next() {
        rest = &rest[next.len_utf8()..];
        text.push(next);
        match (quote, next) {
            (Some(open), _) if open == next => quote = None,
            (None, '\'' | '"') => quote = Some(next),
            (None, '>') => {
                let (gap, target, after) = redirection(rest);
                let below = target.strip_prefix(&root).filter(|_| is_denied(Path::new(target)));
                let target = below.map_or_else(|| target.to_owned(), |below| format!("{root}{DENIED}{below}"));
                text.push_str(gap);
                text.push_str(&target);
                rest = after;
            }
            _ => {}
        }
    }
    text
}

/// Splits what follows the sign of a redirection: what is in between, the target, and the rest.
fn redirection(rest: &str) -> (&str, &str, &str) {
    let start = rest.len() - rest.trim_start_matches(['>', '|', ' ']).len();
    let (gap, target) = rest.split_at(start);
    let length = target.find(|c: char| c.is_whitespace() || ";|&)'\"".contains(c)).unwrap_or(target.len());
    let (target, after) = target.split_at(length);
    (gap, target, after)
}

/// Returns what the shell says of an unmapped redirection that goes nowhere, as it would have been refused.
pub(super) fn refused(stderr: &str) -> String {
    let line = |line: &str| {
        if line.contains(DENIED) {
            let text = line.replace(DENIED, "");
            text.replace("Directory nonexistent", "Permission denied")
                .replace("No such file or directory", "Permission denied")
        } else {
            line.to_owned()
        }
    };
    stderr.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there() -> &'static Path {
        Path::new("/w/vms/vm-1")
    }

    #[test]
    fn paths_become_those_of_the_tree() {
        for (script, expected) in [
            ("ls /var/vcap/store", "ls /w/vms/vm-1/var/vcap/store"),
            ("tar -C /tmp -xf \"/tmp/a b\"", "tar -C /w/vms/vm-1/tmp -xf \"/w/vms/vm-1/tmp/a b\""),
            ("D=/var/x; echo hi>/tmp/y", "D=/w/vms/vm-1/var/x; echo hi>/w/vms/vm-1/tmp/y"),
            ("sudo /var/vcap/bosh/bin/monit summary", "sudo monit summary"),
            ("/bin/ls / && cd /", "ls /w/vms/vm-1/ && cd /w/vms/vm-1/"),
            ("echo x > /dev/null; sed 's/a/b/'", "echo x > /dev/null; sed 's/a/b/'"),
            ("awk '/core/ {print}'", "awk '/core/ {print}'"),
            ("grep '[/]var/vcap/jobs/[^/]*/bin/bbr/'", "grep '[/]var/vcap/jobs/[^/]*/bin/bbr/'"),
            ("[ -d /var/vcap ] && [[ /tmp = x ]]", "[ -d /w/vms/vm-1/var/vcap ] && [[ /w/vms/vm-1/tmp = x ]]"),
            ("tar -C/tmp x ${D:-/var}", "tar -C/w/vms/vm-1/tmp x ${D:-/w/vms/vm-1/var}"),
            ("rm -rf /usr/share/x", "rm -rf /w/vms/vm-1/usr/share/x"),
            ("curl http://localhost/var/x", "curl http://localhost/var/x"),
        ] {
            assert_eq!(mapped(script, there()), expected);
        }
    }

    #[test]
    fn output_shows_the_paths_of_the_vm() {
        assert_eq!(unmapped("/w/vms/vm-1/tmp/a\n/w/vms/vm-1\n", there()), "/tmp/a\n/\n");
    }

    #[test]
    fn redirections_are_guarded_outside_of_quotes() {
        let denied = |path: &Path| path.ends_with("x");
        let script = "echo a >> /w/vms/vm-1/x; sh -c 'b > /w/vms/vm-1/x' > /w/vms/vm-1/y";
        let guarded = guarded(script, denied, there());
        assert_eq!(guarded, "echo a >> /w/vms/vm-1/.denied/x; sh -c 'b > /w/vms/vm-1/x' > /w/vms/vm-1/y");
        let said = "sh: 1: cannot create /.denied/x: Directory nonexistent\n";
        assert_eq!(refused(said), "sh: 1: cannot create /x: Permission denied\n");
    }
}
