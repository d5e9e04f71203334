//! Where a value could not arrive unchanged, or could be executed, a script is refused by name when it is loaded.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use firedrill_model::shell::{QuoteContext, ShellKind};
use firedrill_model::template::Template;

/// Returns what is refused of each expression, and the place of those that are not.
fn answers(script: &str, kind: ShellKind) -> String {
    match Template::parse_script(script, kind) {
        Ok(template) => {
            let places = template.expressions().map(|each| format!("{:?}", each.context.unwrap()));
            places.collect::<Vec<_>>().join(" ")
        }
        Err(faults) => {
            assert!(faults.iter().all(|fault| fault.help.is_some()), "{script}: no help");
            assert!(faults.iter().all(|fault| script[fault.range.clone()].starts_with("${{")), "{script}: {faults:?}");
            faults.into_iter().map(|fault| fault.message).collect::<Vec<_>>().join("; ")
        }
    }
}

#[track_caller]
fn refused(part: &str, scripts: &[&str]) {
    for script in scripts {
        let script = script.replace('@', "${{ vars.v }}").replace("¤", "${{ vars.v | quote }}");
        for kind in [ShellKind::Posix, ShellKind::Bash] {
            let answer = answers(&script, kind);
            assert!(answer.contains(part), "{script:?}: {answer:?} does not say {part:?}");
        }
    }
}

#[track_caller]
fn placed(places: &str, scripts: &[&str]) {
    for script in scripts {
        let script = script.replace('@', "${{ vars.v }}").replace("¤", "${{ vars.v | quote }}");
        assert_eq!(answers(&script, ShellKind::Posix), places, "{script:?}");
    }
}

#[test]
fn here_documents() {
    refused(
        "in a here-document",
        &[
            "cat <<EOF\n@\nEOF\n",
            "cat <<'EOF'\nx @\nEOF\n",
            "cat <<-EOF | grep x\n\t@\n\tEOF\n",
            "cat <<E1 <<E2\nE2\n@\nE1\nE2\n",
            "x=$(cat <<EOF\n\"@\"\nEOF\n)",
            "cat <<@\nx\n",
            "cat <<EOF\nEOF \n@\n",
            "cat <<-EOF\n EOF\n@\n",
        ],
    );
    placed("Words", &["cat <<EOF @\nx\nEOF\n", "cat <<EOF\n'\nEOF\necho @", "cat << \"E F\"\n'\nE F\necho @"]);
    placed("Words", &["cat <<-EOF\n'\n\tEOF\necho @", "cat <<\\EOF\n`\nEOF\necho @"]);
    placed("Word", &["cat <<EOF > @\nx\nEOF\n", "cat <<< @"]);
}

#[test]
fn comments() {
    refused("in a comment", &["# @", "echo a # @", "echo;#'@'", "(#@\n)", "x=$(echo # \"@\"\n)", "a & # '\n# @"]);
    placed("Words", &["# it's\necho @", "echo a#b @", "echo $# @", "echo ${#x} @", "echo \\# @", "echo '#' @"]);
    placed("Word", &["echo a\\\n#@", "echo a#@"]);
}

#[test]
fn quotes_that_shells_read_differently() {
    refused("inside $'...'", &["echo $'@'", "echo a$'\\t@'"]);
    refused("inside ${...}", &["echo ${x:-@}", "echo \"${x:-@}\"", "echo ${x:-$(echo @)}", "echo ${x#\"@\"}"]);
    refused(
        "inside an arithmetic",
        &["echo $((@ + 1))", "echo \"$((1 + (@)))\"", "echo $(( $(echo @) ))", "((x = @))"],
    );
    refused("inside backticks", &["echo `echo @`", "echo \"`echo '@'`\"", "x=`echo \\`echo @\\``"]);
    refused("inside [[ ... ]]", &["[[ @ -eq 1 ]]", "[[ x =~ @ ]]", "if [[ a == b && \"@\" ]]; then :; fi"]);
    refused(
        "in a pattern of `case`",
        &["case x in @) ;; esac", "case x in a|\"@\") ;; esac", "case x in a) ;; (@) ;; esac"],
    );
    refused("inside [...]", &["a[@]=1", "a=([@]=1)", "a[\"@\"]=1", "ls x[@"]);
    refused("right behind a `$`", &["echo $@", "echo \"$@\"", "echo \"a$@\""]);
    refused("a variable's name", &["echo \"$x@\"", "echo \"$1@\"", "echo \"a $abc_d@ b\""]);
    refused("right behind a backslash", &["echo \\@", "echo \"\\@\"", "echo \"\\\\\\@\""]);
}

#[test]
fn what_the_scanner_cannot_follow() {
    refused(
        "cannot be quoted safely after",
        &[
            "echo \"${x:-'}\" @",
            "echo \"${x:-\"a\"}\" @",
            "echo $\"x\" @",
            "echo $[1] @",
            "echo $((echo a); echo @)",
            "echo $'\\'' @",
            "echo `echo '` @",
            "x=$(cat <<E) @\nE\n",
            "cat <<E \"\n\" @\nE\n",
            "cat <<E\nx\\\nE\necho @",
            "cat <<$x; echo @",
            "echo a) @",
        ],
    );
    refused(
        "cannot be quoted safely after",
        &[
            "echo a+(b|c) @",
            "echo (a) @",
            "a=(() @)",
            "a=(x; @)",
            "declare -i n; n=@",
            "declare -i x=@",
            "local -n r=x; r=@",
        ],
    );
}

#[test]
fn commands_that_evaluate_their_arguments() {
    refused(
        "as an argument of a command that evaluates",
        &["let @", "let x=@", "alias x=@", "compgen -W @", "command let \"@\""],
    );
    refused(
        "the name of a variable",
        &[
            "unset @",
            "unset \"a[@]\"",
            "read -r @",
            "export @",
            "declare @=1",
            "readonly \"@\"",
            "printf -v @ x",
            "[ -v @ ]",
            "test -v \"@\"",
            "if true; then unset @; fi",
            "x() { unset @; }",
            "function x { unset @; }",
            "X=1 unset @",
            "2>/dev/null unset @",
            "builtin unset @",
            "for i in a; do unset @; done",
            "for i do unset @; done",
            "case a in a) unset @;; esac",
            "echo \"$(unset @)\"",
            "true && unset @",
            "! unset @",
        ],
    );
    refused("the shell itself evaluates", &["RANDOM=@", "export PS4=\"@\"", "SECONDS=@ :"]);
    refused("the format of printf", &["printf @", "printf \"@\\n\"", "printf @ x"]);
    refused("take it for an operator", &["[ @ @ ]", "test x -o @ \"@\""]);
    placed("Words", &["printf '%s' @", "printf -- @", "echo unset @", "read x < <(echo @)", "set -- @"]);
    placed("Word", &["export X=@", "local x=@", "[ -n @ ]", "[ @ = x ]", "RANDOMX=@", "read x <<< @"]);
}

#[test]
fn nested_shells() {
    refused(
        "in the script of another shell",
        &[
            "bash -c \"ls @\"",
            "bash -c 'ls @'",
            "sh -ec ls\\ @",
            "/bin/sh -x -c \"@\"",
            "$SHELL -c \"ls @\"",
            "sudo -u root bash -c \"ls @\"",
            "env A=1 sh -c \"ls @\"",
            "xargs -n 1 sh -c \"ls @\"",
            "bosh -d d ssh g/0 -c \"ls @\"",
            "bosh ssh g/0 --command=\"ls @\"",
            "su - postgres -c \"ls @\"",
            "ssh host \"ls @\"",
            "ssh -p 22 -i key host ls @",
            "timeout 10 ssh -o A=b host ls @",
            "sudo -u x ssh host ls @",
            "eval \"x=@\"",
            "eval x=\"$(echo @)\"",
            "command eval @",
            "trap \"rm @\" EXIT",
        ],
    );
    refused(
        "inside quotes in the script of another shell",
        &[
            "bash -c \"ls '¤'\"",
            "bash -c 'ls \"¤\"'",
            "ssh host \"ls \\\"¤\\\"\"",
            "ssh host echo \\' ¤ \\'",
            "eval \"x='¤'\"",
        ],
    );
    refused("in a here-document", &["bash -c 'cat <<E\n¤\nE\n'"]);
    refused("in a comment", &["ssh host \"ls # ¤\""]);
    refused("right behind a `$`", &["sh -c 'echo $¤'"]);
    refused("two shells away", &["ssh host \"bash -c 'ls ¤'\"", "ssh host bash -c ¤"]);
    placed("Double", &["bash -c \"ls ¤\"", "ssh host \"ls ¤ | cat\"", "bosh ssh g/0 -c \"sudo ls ¤\"", "eval \"x=¤\""]);
    placed("Single", &["bash -c 'ls ¤'", "trap 'rm ¤' EXIT"]);
    placed(
        "Words",
        &["ssh @ uptime", "ssh -i @ host uptime", "bosh ssh @ -c uptime", "sh -c 'ls \"$1\"' sh @", "bash script.sh @"],
    );
}

#[test]
fn scripts_of_opaque_shells_take_quoted_values_only() {
    let answer = |script| answers(script, ShellKind::Opaque);
    assert_eq!(answer("ls ${{ vars.v | quote }} ${{ ['a', 'b'] | quote }}"), "Nested Nested");
    assert_eq!(answer("ls ${{ vars.v }}"), "a value cannot be put in the script of another shell");
    assert_eq!(
        answer("ls '${{ vars.v | quote }}'"),
        "a value cannot be put inside quotes in the script of another shell"
    );
}

#[test]
fn ordinary_scripts_are_understood() {
    placed(
        "Words",
        &["echo @", "@ --help", "for x in @; do :; done", "a=(@)", "(echo @)", "{ echo @; }", "echo @|cat"],
    );
    placed("Word", &["x=@", "echo a@", "echo @a", "echo > @", "echo 2> @", "case @ in a) ;; esac", "echo @\\\nx"]);
    placed(
        "Double",
        &["echo \"@\"", "x=\"a @\"", "echo \"$(true)@\"", "echo \"${x}@\"", "echo \"it's @\"", "\"a\"'b'\"@\""],
    );
    placed("Single", &["echo '@'", "echo \"$(echo '@')\"", "x='$(@)'", "x='\\@'"]);
    placed(
        "Words Double",
        &[
            "if [ -e x ]; then\n  echo @\nelse\n  echo \"@\"\nfi",
            "x=$(case a in (a) echo @;; b) echo;; esac) echo \"@\"",
        ],
    );
    placed(
        "Words",
        &["docker ps --format '{{.Names}}' @", "echo ${#list} {% @", "echo $((1 << 2)) @", "echo \"`date`\" @"],
    );
}

#[test]
fn lists_are_words_only_where_words_may_stand() {
    use firedrill_model::expression::Scope;
    let render = |script: &str| {
        let template = Template::parse_script(&script.replace('@', "${{ ['a b', 'c'] }}"), ShellKind::Posix).unwrap();
        template.render_script(&Scope::new()).map_err(|error| error.to_string())
    };
    assert_eq!(render("ls @ x"), Ok("ls 'a b' 'c' x".to_owned()));
    assert_eq!(render("ls ${{ [] }} x"), Ok("ls  x".to_owned()));
    for script in ["x=@", "ls a@", "ls \"@\"", "ls > @", "[ @ ]", "case @ in *) ;; esac"] {
        let error = render(script).unwrap_err();
        assert!(error.contains("is a list") && error.contains("join"), "{script}: {error}");
    }
    assert_eq!(QuoteContext::Double.quote("a\"b"), "a\\\"b");
}

#[test]
fn a_command_too_long_to_follow_refuses_the_values_behind() {
    let many = "word ".repeat(600);
    placed("Words", &[&format!("{many}\necho @")[many.len() + 1..]]);
    refused("a command of more than 500 words", &[&format!("echo {many} @"), &format!("echo {many}\necho @")]);
}
