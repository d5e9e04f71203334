//! The kinds of fault that a playbook can have.

/// Declares the codes: variant, stable id, title. The explanations are files, one per code.
macro_rules! codes {
    ($($variant:ident $id:literal $title:literal,)*) => {
        /// The kind of a fault. Its id is stable: it never changes and is never used again for something else.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            /// All codes, by their id.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the stable id, such as `FD0101`.
            pub fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// Returns what kind of fault it is, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// Returns a page of Markdown: what is wrong and why it matters, with a bad and a good playbook.
            pub fn explanation(self) -> &'static str {
                match self { $(Self::$variant => include_str!(concat!("explanations/", $id, ".md")),)* }
            }
        }
    };
}

codes! {
    NotUtf8 "FD0001" "the file is not UTF-8",
    ControlCharacter "FD0002" "a control character that must be written as an escape",
    FileTooLarge "FD0003" "the file is too large",
    Syntax "FD0004" "the text is not YAML",
    DuplicateKey "FD0005" "a key stands twice in the same map",
    UnquotedTemplate "FD0006" "a template in a flow list or map is not quoted",
    TooDeep "FD0007" "lists and maps are nested too deeply",
    TooMany "FD0008" "the file holds too many values, or its aliases expand to too many",
    Tag "FD0009" "tags are not used in playbooks",
    MergeKey "FD0010" "merge keys are not YAML 1.2",
    ManyDocuments "FD0011" "more than one document in a file",
    NoDocument "FD0012" "the file holds no playbook",
    UnknownAlias "FD0013" "an alias without its anchor",
    KeyNotText "FD0014" "a key that is not a plain text",
    UnknownKey "FD0101" "an unknown key",
    MissingKey "FD0102" "a key is missing",
    WrongType "FD0103" "a value of the wrong kind",
    QuoteIt "FD0104" "a number, boolean or nothing where text is wanted",
    UnknownChoice "FD0105" "a value that is none of the possible ones",
    Exclusive "FD0106" "keys that exclude each other",
    BadName "FD0107" "a name in the wrong form",
    OutOfRange "FD0108" "a number outside its range",
    BadUnit "FD0109" "a duration that cannot be read",
    UnknownVersion "FD0110" "an unknown version of the language",
    Empty "FD0111" "a list, map or text that must not be empty",
    Incomplete "FD0112" "a key that needs another one beside it",
    FileName "FD0113" "the playbook is not named like its file",
    BadRegex "FD0114" "a regex that does not compile",
    BadJq "FD0115" "a jq filter that does not compile",
    TemplateHere "FD0116" "a template where none is allowed",
    Template "FD0201" "a template that cannot be read",
    Expression "FD0202" "an expression that cannot be read",
    Quoting "FD0203" "a value in a place of a script where it cannot be quoted",
    UnknownName "FD0204" "a name that expressions do not have",
    UnknownFilter "FD0205" "a filter, test or function that expressions do not have",
    NotOneExpression "FD0206" "a setting that is not exactly one template",
    TooComplex "FD0207" "an expression or filter that is too long or nested too deeply",
    DuplicateId "FD0301" "two nodes have the same name",
    UnknownStep "FD0302" "a step that does not exist",
    Cycle "FD0303" "steps need each other in a circle",
    UnknownInput "FD0304" "an input that does not exist",
    UnknownVar "FD0305" "a var that does not exist",
    UnknownOutput "FD0306" "an output that the step does not have",
    NotUpstream "FD0307" "a step is read that has not run yet",
    OutOfReach "FD0308" "a name that cannot be read here",
    VarCycle "FD0309" "vars need each other in a circle",
    OwnName "FD0310" "a step names itself",
    UnknownProbe "FD0311" "a guard or invariant that does not exist",
    NoCommand "FD0312" "a command that the step does not have",
    UnknownMilestone "FD0313" "a milestone that the step does not have",
    UnknownPlaybook "FD0314" "a playbook that cannot be used",
    UseCircle "FD0315" "playbooks use each other in a circle",
    BadFile "FD0316" "a file that a run cannot take along",
    NoLicence "FD0401" "a repeat without a licence",
    NothingToUndo "FD0402" "a step that changes nothing declares how to undo it",
    UntilNotBelow "FD0403" "a release waits for a step that does not come after",
    Contradiction "FD0404" "keys of a step that contradict each other",
    NoSource "FD0405" "an output is extracted from nothing",
    NotAtTheEnd "FD0406" "a key that means nothing in `finally`",
    WithoutEffect "FD0407" "a key without effect beside the others",
    NotOfGroup "FD0411" "a key that means nothing on a group",
    BadDefault "FD0501" "a default that its input would refuse",
    BadConstraint "FD0502" "a constraint that does not fit the type of its input",
    UnknownGiven "FD0503" "a value for an input that the playbook does not have",
    MissingInput "FD0504" "an input without a value",
    InvalidInput "FD0505" "a value that its input refuses",
    NoValue "FD0506" "an expression that has no value with these inputs",
    BadItems "FD0507" "items that cannot be repeated over",
    BadSecret "FD0508" "a secret that has what only open values have",
    SecretPlace "FD0509" "a secret where others could see it",
    SecretGiven "FD0510" "the value of a secret is given openly",
    NoSecret "FD0511" "an open input is given as a secret",
    Unsaid "FD0601" "a changing step does not say how it is undone",
    NoTimeLimit "FD0602" "a step without a time limit",
    HeldWhileReading "FD0603" "something is held while steps only read",
    UndoneAfterRelease "FD0604" "a rollback may come after the release of what it needs",
    Negated "FD0605" "a probe that begins with `!`",
    ExitOne "FD0606" "a probe that counts *does not hold* as *holds*",
    MaybeSkipped "FD0607" "an output of a step that may be skipped",
    HiddenExit "FD0608" "a declaration hides the failure of a command",
    HiddenPipe "FD0609" "a pipe into a loop hides the failure of a command",
    FaultsIgnored "FD0610" "a script that ignores failures",
    AsksPeople "FD0611" "a command that may ask a human",
    RemovesTooMuch "FD0612" "a removal that an empty variable makes dangerous",
    KilledAtOnce "FD0613" "a process is killed without a chance to end in order",
    UnquotedTest "FD0614" "an unquoted variable in a test",
    EmptyVerify "FD0615" "a verify that looks at nothing",
    UnorderedLock "FD0616" "steps share a lock but no order",
    LockedMilestone "FD0617" "a milestone that lets nothing begin, because of a lock",
    HeldWhileAsking "FD0620" "something is held while people are asked",
    Undecided "FD0621" "a point of no return that nobody has to approve of",
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_rising() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].id() < pair[1].id()), "{:?}", Code::ALL);
    }
}
