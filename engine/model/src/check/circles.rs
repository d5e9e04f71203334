//! Vars that need each other.

use crate::diagnostic::{Code, Diagnostic};
use crate::expression::Reference;
use crate::graph::Graph;
use crate::playbook::{Given, Playbook, Var};
use crate::template::Template;

use super::names::Names;

/// Reports vars that need each other in a circle.
pub(super) fn check(playbook: &Playbook) -> Vec<Diagnostic> {
    let names = Names::of(playbook);
    let needs = |var: usize| -> Vec<usize> {
        let used = used_vars(&playbook.vars[var]);
        used.filter_map(|name| names.vars.get(name).copied()).collect()
    };
    let graph = Graph::new(playbook.vars.len(), needs);
    let tangles = graph.tangles();
    tangles.iter().map(|tangle| circle(&playbook.vars, &graph.shortest_circle(tangle))).collect()
}

fn used_vars(var: &Var) -> impl Iterator<Item = &str> {
    let template = match &var.value.value {
        Given::Computed(template) => Some(template),
        Given::Written(_) => None,
    };
    let names = template.into_iter().flat_map(Template::references);
    names.filter_map(|name| match name {
        Reference::Var(name) => Some(name.as_str()),
        _ => None,
    })
}

fn circle(vars: &[Var], circle: &[usize]) -> Diagnostic {
    let names: Vec<&str> = circle.iter().take(8).map(|&var| vars[var].name.value.as_str()).collect();
    let more = if circle.len() > 8 { " needs ..." } else { "" };
    let message = format!("vars need each other in a circle: {}{more} needs {}", names.join(" needs "), names[0]);
    let diagnostic = Diagnostic::error(Code::VarCycle, vars[circle[0]].value.span, message);
    let others = circle.iter().skip(1).take(7);
    others.fold(diagnostic, |all, &var| {
        all.note(vars[var].value.span, format!("`{}` is needed by it", vars[var].name.value))
    })
}
