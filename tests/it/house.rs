//! The house rules: sizes of files and functions, walls around external crates, licences of what is linked.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use syn::spanned::Spanned;
use syn::visit::Visit;

/// The ceilings may only fall.
const LONGEST_FUNCTION: usize = 60;
const LONGEST_99_OF_100: usize = 40;
const MEDIAN_FUNCTION: usize = 8;
const LONGEST_FILE: usize = 400;

/// Where each external crate may be named, below `engine`; everywhere else it is walled out.
const WALLS: [(&str, &str); 7] = [
    ("granit_parser", "model/src/yaml"),
    ("minijinja", "model/src/expression"),
    ("jaq_", "model/src/jq"),
    ("regex::", "model/src/pattern"),
    ("petgraph", "model/src/graph"),
    ("annotate_snippets", "report/src/diagnostics"),
    ("clap", "cli/src"),
];

/// What may be linked into the binary.
const LICENCES: [&str; 13] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "Unlicense",
    "ISC",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "Zlib",
    "Unicode-3.0",
    "CC0-1.0",
    "0BSD",
    "BSL-1.0",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

/// Returns every source file of the product, without tests.
fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![root().join("engine"), root().join("sandbox"), root().join("bench")];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).expect("a folder of the product") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if path.is_dir() && !matches!(name.as_str(), "tests" | "target" | "examples" | "benches") {
                open.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") && name != "tests.rs" {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).expect("a file of the workspace").display().to_string()
}

/// Gathers the lengths of functions outside of tests.
#[derive(Default)]
struct Functions(Vec<(usize, String)>);

impl<'a> Visit<'a> for Functions {
    fn visit_item_fn(&mut self, function: &'a syn::ItemFn) {
        self.note(&function.sig, function.block.span());
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'a syn::ImplItemFn) {
        self.note(&function.sig, function.block.span());
        syn::visit::visit_impl_item_fn(self, function);
    }

    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        if module.ident != "tests" {
            syn::visit::visit_item_mod(self, module);
        }
    }
}

impl Functions {
    fn note(&mut self, signature: &syn::Signature, body: proc_macro2::Span) {
        let lines = body.end().line - signature.span().start().line + 1;
        self.0.push((lines, signature.ident.to_string()));
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the figures are worth a look")]
fn functions_stay_short() {
    let mut all = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(&path).expect("a source file");
        let mut functions = Functions::default();
        functions.visit_file(&syn::parse_file(&text).expect("Rust"));
        all.extend(functions.0.into_iter().map(|(lines, name)| (lines, format!("{name} in {}", relative(&path)))));
    }
    all.sort();
    let at = |hundredths: usize| all[(all.len() - 1) * hundredths / 100].0;
    println!("{} functions: median {}, 99 of 100 up to {}, longest {}", all.len(), at(50), at(99), at(100));
    let too_long: Vec<_> = all.iter().filter(|(lines, _)| *lines > LONGEST_FUNCTION).collect();
    assert!(too_long.is_empty(), "{too_long:?}");
    assert!(at(50) <= MEDIAN_FUNCTION, "median {}", at(50));
    assert!(at(99) <= LONGEST_99_OF_100, "99th percentile {}", at(99));
}

#[test]
fn files_stay_short() {
    let lengths = sources().into_iter().map(|path| {
        let text = fs::read_to_string(&path).expect("a source file");
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        (code.lines().count(), relative(&path))
    });
    let too_long: Vec<_> = lengths.filter(|(lines, _)| *lines > LONGEST_FILE).collect();
    assert!(too_long.is_empty(), "longer than {LONGEST_FILE} lines without tests: {too_long:?}");
}

#[test]
fn external_crates_stay_behind_their_walls() {
    let mut breaches = BTreeSet::new();
    for path in sources() {
        let text = fs::read_to_string(&path).expect("a source file");
        let place = relative(&path);
        for (word, home) in WALLS {
            let is_home = place.starts_with(&format!("engine/{home}"));
            let names_it = text.lines().any(|line| names_crate(line, word));
            if place.starts_with("engine/") && !is_home && names_it {
                breaches.insert(format!("{place} names {word}, which belongs to engine/{home}"));
            }
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
}

/// Returns whether a line of code, not of comment, names a crate.
fn names_crate(line: &str, word: &str) -> bool {
    let code = line.trim_start();
    let begins =
        |at: usize| !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == '"');
    !code.starts_with("//")
        && code.match_indices(word).any(|(at, _)| begins(at) && (code.starts_with("use ") || code[at..].contains("::")))
}

#[test]
fn the_pure_floors_stand_on_nothing_impure() {
    let floors = [
        ("model", vec![]),
        ("run", vec!["model"]),
        ("sim", vec!["model", "run"]),
        ("report", vec!["model", "run"]),
        ("exec", vec!["model", "run"]),
    ];
    for (name, allowed) in floors {
        let manifest = fs::read_to_string(root().join(format!("engine/{name}/Cargo.toml"))).expect("a manifest");
        let normal = manifest.split("[dev-dependencies]").next().unwrap_or_default();
        let own = normal.lines().filter_map(|line| line.strip_prefix("firedrill-")?.split(['.', ' ']).next());
        let named: Vec<&str> = own.filter(|dependency| *dependency != name).collect();
        assert!(named.iter().all(|dependency| allowed.contains(dependency)), "{name} stands on {named:?}");
        let is_pure = name != "exec";
        assert!(!(is_pure && (normal.contains("\nlibc") || normal.contains("\nrustix"))), "{name} does IO");
    }
}

#[test]
fn everything_linked_has_an_allowed_licence() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--offline",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
            "--manifest-path",
        ])
        .arg(root().join("Cargo.toml"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let refused = packages.iter().filter(|package| !is_allowed(package["license"].as_str().unwrap_or("none")));
    let refused: Vec<String> = refused.map(|package| format!("{}: {}", package["name"], package["license"])).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

/// One of the alternatives must consist of allowed licences only.
fn is_allowed(expression: &str) -> bool {
    let flat = expression.replace(['(', ')'], "").replace('/', " OR ");
    flat.split(" OR ").any(|choice| choice.split(" AND ").all(|licence| LICENCES.contains(&licence.trim())))
}
