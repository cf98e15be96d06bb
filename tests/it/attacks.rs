//! The page on known attacks names tests that exist.

use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../docs/attacks.md");

/// All that is written in the files of this folder and those below it.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &sources(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &fs::read_to_string(&path).unwrap();
        }
    }
    text
}

#[test]
fn each_test_on_the_page_of_known_attacks_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = sources(&root.join("src")) + &sources(&root.join("tests"));
    let quoted = PAGE.split('`').skip(1).step_by(2);
    // A test's name is a sentence.
    let named: Vec<&str> = quoted.filter(|name| name.matches('_').count() >= 3).collect();
    assert!(named.len() > 100, "the page names its tests: {}", named.len());
    for name in named {
        assert!(sources.contains(&format!("fn {name}()")), "docs/attacks.md names a test that is not there: {name}");
    }
}

#[test]
fn each_attack_that_is_tested_stands_on_the_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let attacks = sources(&root.join("src/testing/attacks"));
    let tests = attacks.split("#[test]\nfn ").skip(1).filter_map(|test| test.split('(').next());
    let missing: Vec<&str> = tests.filter(|name| !PAGE.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/attacks.md says nothing of {missing:#?}");
}
