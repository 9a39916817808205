//! The files that are judged, and the comparison.

use holdfast_conf::{Diagnostic, FileLoader, LoadOptions, Loaded, load};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// keepalived's status when a file has errors.
const COUNTED: i32 = 5;

/// One file: what it is about, and the exit status of keepalived 2.4.3.
pub struct Case {
    pub context: String,
    pub keyword: String,
    argument: String,
    /// Examples have none: keepalived takes them, unless their [`Part`] says otherwise.
    exit: Option<i32>,
    pub file: PathBuf,
}

/// A part of the language, and where Holdfast does not judge it as keepalived does.
pub struct Part {
    /// The outermost blocks of it.
    pub blocks: &'static [&'static str],
    /// What it has outside of blocks, the names of blocks included.
    pub top: &'static [&'static str],
    /// Context, keyword, argument (`*`: any), reason.
    pub differences: &'static [(&'static str, &'static str, &'static str, &'static str)],
    /// Examples that keepalived counts as errors although it uses them: context, keyword.
    pub counted: &'static [(&'static str, &'static str)],
}

impl Part {
    /// Whether a case is of this part.
    pub fn has(&self, case: &Case) -> bool {
        match case.context.as_str() {
            "(top)" => self.top.contains(&case.keyword.as_str()),
            context => self.blocks.contains(&context.split('/').next().unwrap_or_default()),
        }
    }

    /// The cases of this part.
    pub fn of<'a>(&self, cases: &'a [Case]) -> Vec<&'a Case> {
        cases.iter().filter(|case| self.has(case)).collect()
    }

    fn allows(&self, case: &Case) -> bool {
        self.differences.iter().any(|(context, keyword, argument, _)| {
            let any_argument = *argument == "*" || *argument == case.argument;
            *context == case.context && *keyword == case.keyword && any_argument
        })
    }

    /// The status of keepalived 2.4.3.
    fn exit(&self, case: &Case) -> i32 {
        let is_counted = self.counted.contains(&(&case.context, &case.keyword));
        case.exit.unwrap_or(if is_counted { COUNTED } else { 0 })
    }

    /// Fails with the cases on which the two do not agree although nothing says why.
    pub fn ensure_agreement(&self, cases: &[&Case]) {
        let mut wrong = Vec::new();
        for case in cases {
            let loaded = read(&case.file);
            let verdicts: Vec<&Diagnostic> = loaded.diagnostics.iter().filter(|it| is_verdict(it)).collect();
            let exit = self.exit(case);
            if verdicts.is_empty() == (exit == 0) || self.allows(case) {
                continue;
            }
            let Case {
                context,
                keyword,
                argument,
                file,
                ..
            } = case;
            let file = file.display();
            wrong.push(format!("{context} {keyword} {argument}: keepalived {exit} ({file})"));
            let lines = verdicts.iter().map(|it| it.one_line(&loaded.sources));
            wrong.extend(lines.map(|line| format!("    {line}")));
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

fn read(path: &Path) -> Loaded {
    let options = LoadOptions {
        config_id: Some("node1".to_owned()),
        ..LoadOptions::default()
    };
    load(&FileLoader, path, &options)
}

/// "Not supported yet" is about Holdfast; the file is right.
fn is_verdict(diagnostic: &Diagnostic) -> bool {
    diagnostic.class.is_some() && diagnostic.code.0 != 312
}

/// Each keyword's example.
pub fn examples() -> Option<&'static [Case]> {
    static EXAMPLES: OnceLock<Option<Vec<Case>>> = OnceLock::new();
    EXAMPLES.get_or_init(|| generate("--all")).as_deref()
}

/// Each keyword with wrong and unusual arguments.
pub fn probes() -> Option<&'static [Case]> {
    static PROBES: OnceLock<Option<Vec<Case>>> = OnceLock::new();
    PROBES.get_or_init(|| generate("--probes")).as_deref()
}

/// The files that the generator next to the facts writes.
fn generate(kind: &str) -> Option<Vec<Case>> {
    let root = std::env::var_os("HOLDFAST_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let generator = root.join("language/example.py");
    if !generator.exists() {
        return None;
    }
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("verdicts{kind}"));
    let status = Command::new("python3")
        .arg(&generator)
        .arg(kind)
        .arg(&directory)
        .status()
        .ok()?;
    assert!(status.success());
    // What the examples of the include family name.
    std::fs::create_dir_all(directory.join("conf.d")).unwrap();
    for file in ["a.conf", "conf.d/a.conf", "conf.d/b.conf"] {
        std::fs::write(directory.join(file), "# nothing\n").unwrap();
    }
    let index = std::fs::read_to_string(directory.join("index.tsv")).unwrap();
    let case = |row: &str| {
        let columns: Vec<&str> = row.split('\t').collect();
        Case {
            file: directory.join(columns[0]),
            context: columns[1].to_owned(),
            keyword: columns[2].to_owned(),
            argument: columns.get(3).copied().unwrap_or_default().to_owned(),
            exit: columns.get(5).map(|exit| exit.parse().unwrap()),
        }
    };
    Some(index.lines().skip(1).map(case).collect())
}
