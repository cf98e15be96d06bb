//! The diagrams of the documentation are those of the flow tables.

use tls12::flow::{self, Diagram, Edge};

const PAGE: &str = include_str!("../docs/flow.md");

fn check(role: &str, table: &[Edge]) {
    let drawn = format!("```mermaid\n{}\n```", Diagram(table));
    assert!(PAGE.contains(&drawn), "docs/flow.md does not show the {role}'s table, which is:\n{drawn}");
}

#[test]
fn the_page_shows_the_tables_of_both_roles() {
    check("client", flow::CLIENT);
    check("server", flow::SERVER);
}
