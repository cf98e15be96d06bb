//! The page of results: tables between marks, which each bench replaces, and what must hold.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::harness::only;

/// A figure, and the bound that it must keep.
#[derive(Clone, Debug)]
pub struct Bound {
    /// What is measured.
    pub what: String,
    /// The figure; none if it was not measured.
    pub figure: Option<f64>,
    /// What it may be at most.
    pub most: f64,
    /// The unit of both; none for a ratio.
    pub unit: &'static str,
}

impl Bound {
    /// Whether it is kept.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.figure.is_some_and(|figure| figure <= self.most)
    }

    /// How it is shown.
    #[must_use]
    pub fn cells(&self) -> [String; 4] {
        let number = |value: f64| {
            if self.unit.is_empty() { format!("{value:.3}") } else { format!("{value:.1} {}", self.unit) }
        };
        let verdict = if self.is_met() { "met" } else { "**not met**" };
        [self.what.clone(), self.figure.map_or_else(|| "–".to_owned(), number), number(self.most), verdict.to_owned()]
    }
}

/// A table in Markdown, its columns as wide as they have to be: good to read as it is. All but the first hold numbers.
#[must_use]
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(String::as_str);
        cells.chain(head.get(column).copied()).map(|cell| cell.chars().count()).max().unwrap_or(0).max(3)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        for (column, (cell, width)) in cells.zip(&widths).enumerate() {
            _ = if column == 0 { write!(text, "| {cell:width$} ") } else { write!(text, "| {cell:>width$} ") };
        }
        text.push_str("|\n");
    };
    line(&mut head.iter().copied());
    let rule: Vec<String> = widths
        .iter()
        .enumerate()
        .map(|(column, width)| if column == 0 { "-".repeat(*width) } else { format!("{}:", "-".repeat(width - 1)) })
        .collect();
    line(&mut rule.iter().map(String::as_str));
    rows.iter().for_each(|row| line(&mut row.iter().map(String::as_str)));
    text
}

/// A path from the root of the repository.
#[must_use]
pub fn path(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(of)
}

/// Puts `text` between the marks of `section` in docs/benchmarks.md, and prints it. Only a whole run is written.
///
/// # Errors
/// Those of the file system, and a page without these marks.
pub fn publish(section: &str, whole: bool, text: &str) -> io::Result<()> {
    println!("\n{text}");
    if !whole || only().is_some() {
        println!("(not written: only a whole run is)");
        return Ok(());
    }
    let file = path("docs/benchmarks.md");
    let page = fs::read_to_string(&file)?;
    let (begin, end) = (format!("<!-- {section} -->\n"), format!("<!-- end of {section} -->\n"));
    let parts = page.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let Some((before, after)) = parts else {
        return Err(io::Error::other(format!("docs/benchmarks.md has no section {section}")));
    };
    fs::write(&file, format!("{before}{begin}{text}{end}{after}"))
}

/// The processor, and the versions of what is compared.
#[must_use]
pub fn setting() -> String {
    let machine = zenbench::platform::detect_testbed();
    let commit = zenbench::platform::git_short_hash().map_or_else(String::new, |hash| format!(", at commit {hash}"));
    let lock = fs::read_to_string(path("Cargo.lock")).unwrap_or_default();
    let version = |name: &str| {
        let entry = format!("name = \"{name}\"\nversion = \"");
        let found = lock.split_once(&entry).and_then(|(_, rest)| rest.split_once('"'));
        format!("{name} {}", found.map_or("of an unknown version", |(version, _)| version))
    };
    let versions = ["ring", "aws-lc-rs", "rustls"].map(version).join(", ");
    format!("On {} ({}, {} cores){commit}; {versions}.\n", machine.cpu_model, machine.arch, machine.logical_cores)
}
