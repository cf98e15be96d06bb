//! The house rules that the compiler doesn't hold: which layer may know which, and what may stand where.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics fails, as it should"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of the library, each layer above those it may use; the modules of one layer may use each other.
const LAYERS: &[&[&str]] = &[
    &["codec", "alert", "decision", "clock", "date"],
    &["message"],
    &["error", "observer", "key_log"],
    &["crypto"],
    &["record", "transcript", "identity"],
    &["session"],
    &["ask", "config", "proof"],
    // The states.
    &["handshake", "machine", "flow", "client", "server"],
    &["connection", "dormant"],
    &["record_buffer"],
    &["stream"],
    &["tokio"],
];

/// Only for tests: it may use everything, and nothing may use it.
const FOR_TESTS: &str = "testing";

/// Longer files are two files.
const MOST_LINES: usize = 500;

/// A source file below the root of the package.
struct Source {
    path: PathBuf,
    text: String,
}

fn sources(folder: &str) -> Vec<Source> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    collect(&root.join(folder), &mut found);
    found.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        Source { path: path.strip_prefix(root).unwrap().to_path_buf(), text }
    };
    found.into_iter().map(read).collect()
}

impl Source {
    /// The module of the library that it belongs to; none for lib.rs.
    fn module(&self) -> Option<String> {
        let first = self.path.components().nth(1).unwrap().as_os_str().to_str().unwrap();
        let module = first.strip_suffix(".rs").unwrap_or(first);
        (module != "lib").then(|| module.to_string())
    }

    fn is_for_tests(&self) -> bool {
        self.path.iter().any(|part| part == "tests" || part == "tests.rs" || part == FOR_TESTS)
    }

    /// The lines of code, with their numbers: without comments and without the unit tests at the end.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = self.text.find("#[cfg(test)]\nmod tests {").unwrap_or(self.text.len());
        self.text[..end].lines().enumerate().map(|(index, line)| (index + 1, without_comment(line)))
    }

    fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }
}

fn without_comment(line: &str) -> &str {
    let is_comment = |at: &usize| line[..*at].matches('"').count().is_multiple_of(2);
    let comment = line.match_indices("//").map(|(at, _)| at).find(is_comment);
    comment.map_or(line, |at| &line[..at])
}

/// The words of a line, as Rust sees them.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
}

/// Which module each name of the façade (`pub use` in lib.rs) comes from.
fn facade() -> BTreeMap<String, String> {
    let library = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let mut facade = BTreeMap::new();
    for exported in library.split("pub use ").skip(1) {
        let (exported, _) = exported.split_once(';').unwrap();
        let mut words = words(exported).filter(|word| !word.is_empty());
        let module = words.next().unwrap();
        facade.extend(words.map(|name| (name.to_string(), module.to_string())));
    }
    facade
}

/// The modules and names behind `crate::` in a line; in a file of the root, `super::` is the same.
fn used(line: &str, in_root: bool) -> impl Iterator<Item = &str> {
    let follows = |prefix: &'static str| {
        line.match_indices(prefix).filter_map(move |(at, _)| words(&line[at + prefix.len()..]).next())
    };
    follows("crate::").chain(follows("super::").filter(move |_| in_root)).filter(|name| !name.is_empty())
}

fn rank(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[test]
fn every_module_has_its_layer() {
    for source in sources("src") {
        let Some(module) = source.module() else { continue };
        assert!(rank(&module).is_some() || module == FOR_TESTS, "{} has no place in LAYERS", source.path.display());
    }
}

#[test]
fn no_layer_uses_one_above_it() {
    let facade = facade();
    assert_eq!(facade.get("WebPkiVerifier").map(String::as_str), Some("identity"), "the façade is understood");
    let (mut checked, mut wrong) = (0, Vec::new());
    for source in sources("src").iter().filter(|source| !source.is_for_tests()) {
        let Some(module) = source.module() else { continue };
        let Some(own) = rank(&module) else { panic!("{module} has no place in LAYERS") };
        let in_root = source.path.components().count() == 2;
        for (number, line) in source.code() {
            assert!(!line.contains("crate::{"), "{}: this test reads one path in each line", source.at(number));
            for name in used(line, in_root) {
                let used = facade.get(name).map_or(name, String::as_str);
                // What is no module is a macro or a crate, which knows no layers.
                let Some(layer) = rank(used) else {
                    assert_ne!(used, FOR_TESTS, "{} is no test", source.at(number));
                    continue;
                };
                checked += 1;
                if layer > own {
                    wrong.push(format!("{}: {module} uses {used}", source.at(number)));
                }
            }
        }
    }
    assert!(checked > 200, "only {checked} uses were found");
    assert!(wrong.is_empty(), "lower layers use higher ones:\n{}", wrong.join("\n"));
}

#[test]
fn only_the_crypto_room_names_the_crates_for_it() {
    for source in sources("src").iter().filter(|source| source.module().as_deref() != Some("crypto")) {
        for (index, line) in source.text.lines().enumerate() {
            let named = line
                .match_indices("ring::")
                .chain(line.match_indices("aws_lc_rs::"))
                .any(|(at, _)| !line[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_'));
            assert!(!named, "{}: {line}", source.at(index + 1));
        }
    }
}

#[test]
fn nothing_in_the_library_is_unsafe() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"forbid\""), "the compiler forbids it in the first place");
    for source in sources("src") {
        for (index, line) in source.text.lines().enumerate() {
            let found = words(without_comment(line)).any(|word| word == "unsafe");
            assert!(!found, "{}: {line}", source.at(index + 1));
        }
    }
}

#[test]
fn no_file_has_more_than_five_hundred_lines() {
    let mut long = Vec::new();
    for source in ["src", "tests", "examples"].into_iter().flat_map(sources) {
        let lines = source.text.lines().count();
        if lines > MOST_LINES {
            long.push(format!("{} has {lines} lines", source.path.display()));
        }
    }
    assert!(long.is_empty(), "a file that passes {MOST_LINES} lines is two files:\n{}", long.join("\n"));
}
