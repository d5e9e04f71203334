//! `JUnit`'s XML and the annotations of a build: what a build server shows of rehearsals and sweeps.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use super::{Finding, Rehearsed, Struck, Swept};
use crate::foreign::harmless;

/// Something that a build server shows as one test.
struct Case {
    name: String,
    time: Duration,
    findings: Vec<Finding>,
}

/// Something that a build server shows as a group of tests.
struct Suite {
    name: String,
    /// The file whose lines the findings name.
    playbook: String,
    cases: Vec<Case>,
}

impl From<&Rehearsed> for Suite {
    fn from(rehearsed: &Rehearsed) -> Suite {
        let cases = rehearsed.scenarios.iter().map(|scenario| Case {
            name: scenario.name.clone(),
            time: scenario.real_time,
            findings: scenario.findings.clone(),
        });
        Suite { name: rehearsed.file.clone(), playbook: rehearsed.playbook.clone(), cases: cases.collect() }
    }
}

impl From<&Swept> for Suite {
    fn from(swept: &Swept) -> Suite {
        let share = u32::try_from(swept.struck.len()).unwrap_or(u32::MAX).max(1);
        let cases = swept.struck.iter().map(|struck| Case {
            name: struck.fault(),
            time: swept.real_time / share,
            findings: findings(struck),
        });
        Suite { name: format!("sweep of {}", swept.playbook), playbook: swept.playbook.clone(), cases: cases.collect() }
    }
}

/// Returns everything about one fault that turns it red.
fn findings(struck: &Struck) -> Vec<Finding> {
    let never = (!struck.has_struck).then(|| Finding::new(format!("{} never struck", struck.fault()), struck.line));
    let unsafe_end = struck.why.iter().map(|why| {
        let text = format!("{}, and that is not safe: {}", struck.what, why.text);
        Finding::new(text, why.line.or(struck.line))
    });
    never.into_iter().chain(unsafe_end).chain(struck.unprovoked.iter().cloned()).collect()
}

/// Returns rehearsals and sweeps as one `JUnit` document: a suite for each, a test for each scenario and each fault.
pub fn junit(rehearsed: &[Rehearsed], swept: &[Swept]) -> String {
    let suites: Vec<Suite> = rehearsed.iter().map(Suite::from).chain(swept.iter().map(Suite::from)).collect();
    let suites: String = suites.iter().map(suite).collect();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"firedrill\">\n{suites}</testsuites>\n")
}

fn suite(suite: &Suite) -> String {
    let failures = suite.cases.iter().filter(|case| !case.findings.is_empty()).count();
    let time: Duration = suite.cases.iter().map(|case| case.time).sum();
    let cases: String = suite.cases.iter().map(|it| case(it, suite)).collect();
    format!(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" time=\"{:.3}\">\n{cases}  </testsuite>\n",
        xml(&suite.name),
        suite.cases.len(),
        time.as_secs_f64(),
    )
}

fn case(case: &Case, suite: &Suite) -> String {
    let head = format!(
        "    <testcase name=\"{}\" classname=\"{}\" time=\"{:.3}\"",
        xml(&case.name),
        xml(&suite.name),
        case.time.as_secs_f64()
    );
    let Some(first) = case.findings.first() else {
        return head + "/>\n";
    };
    let lines: Vec<String> = case.findings.iter().map(|finding| placed(finding, &suite.playbook)).collect();
    format!(
        "{head}>\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n",
        xml(&first.text),
        xml(&lines.join("\n"))
    )
}

fn placed(finding: &Finding, playbook: &str) -> String {
    let place = finding.line.map(|line| format!("{playbook}:{line}: ")).unwrap_or_default();
    format!("{place}{}", finding.text)
}

/// Returns a text that stands in an element or between double quotes. What XML cannot hold is spelled out.
fn xml(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in harmless(text).chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' => safe.push_str("&#10;"),
            '\u{fffe}' | '\u{ffff}' => safe.extend(character.escape_unicode()),
            other => safe.push(other),
        }
    }
    safe
}

/// Returns a line for each finding that GitHub and Gitea show at the line of the playbook; what many faults find is told
/// once.
pub fn annotations(rehearsed: &[Rehearsed], swept: &[Swept]) -> String {
    let suites = rehearsed.iter().map(Suite::from).chain(swept.iter().map(Suite::from));
    let mut text = String::new();
    for suite in suites {
        let mut told: BTreeSet<&Finding> = BTreeSet::new();
        for case in &suite.cases {
            let fresh = case.findings.iter().filter(|finding| told.insert(*finding));
            fresh.for_each(|finding| text += &annotation(&suite, case, finding));
        }
    }
    text
}

fn annotation(suite: &Suite, case: &Case, finding: &Finding) -> String {
    let mut place = format!("file={}", property(&suite.playbook));
    if let Some(line) = finding.line {
        write!(place, ",line={line}").expect("text grows");
    }
    format!("::error {place},title={}::{}\n", property(&case.name), message(&finding.text))
}

fn message(text: &str) -> String {
    harmless(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}
