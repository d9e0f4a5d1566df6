//! What the program is made of, offline and in a second: no license, source or crate
//! but those that `deny.toml` lets in, and none twice without a reason. `make deny`
//! has cargo-deny say the same of it, and read the license files too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// A crate of the graph, tests and builds included, on the system that we build for.
struct Package {
    name: String,
    version: String,
    license: String,
    /// Where it is from, when that is not crates.io.
    elsewhere: String,
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `cargo tree` knows what is really built; `cargo metadata` names more.
fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .current_dir(project())
        .args(["tree", "--locked", "--edges", "normal,build,dev"])
        .args(["--target", "x86_64-unknown-linux-gnu"])
        .args(["--prefix", "none", "--no-dedupe", "--format", "{p}|{l}"])
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines: BTreeSet<&str> = lines.lines().filter(|line| !line.is_empty()).collect();
    let packages: Vec<Package> = lines.into_iter().map(package).collect();
    let ours = packages.iter().any(|it| it.name == env!("CARGO_PKG_NAME"));
    assert!(ours && packages.len() > 100, "{} crates", packages.len());
    packages
}

/// `syn v3.0.9 (proc-macro)|MIT OR Apache-2.0`
fn package(line: &str) -> Package {
    let (package, license) = line.split_once('|').unwrap();
    let mut words = package.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let (name, version, rest) = (word(), word(), word());
    Package {
        name,
        version: version.trim_start_matches('v').to_owned(),
        license: license.to_owned(),
        elsewhere: rest.replace("(proc-macro)", "").trim().to_owned(),
    }
}

/// The lines of one list in `deny.toml`.
fn list(key: &str) -> Vec<String> {
    let text = std::fs::read_to_string(project().join("deny.toml")).unwrap();
    let beginning = format!("{key} = [");
    let lines = text.lines().skip_while(|line| *line != beginning).skip(1);
    let lines: Vec<String> = lines
        .take_while(|line| *line != "]")
        .map(|line| line.trim().to_owned())
        .collect();
    assert!(!lines.is_empty(), "deny.toml has no list {key}");
    lines
}

/// The first text in quotes.
fn quoted(line: &str) -> &str {
    line.split('"').nth(1).unwrap()
}

/// The crates of a list. Each has its reason.
fn crates(key: &str) -> Vec<String> {
    let lines = list(key);
    for line in &lines {
        let reason = line.split_once("reason = \"").map(|(_, reason)| reason);
        assert!(
            reason.is_some_and(|reason| reason.len() > 5),
            "no reason: {line}"
        );
    }
    lines.iter().map(|line| quoted(line).to_owned()).collect()
}

/// Whether an SPDX expression lets us choose allowed licenses alone. Parentheses bind
/// first, then AND; `/` is how OR was written once.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let mut expression = expression.replace('/', " OR ");
    while let Some(open) = expression.rfind('(') {
        let close = open + expression[open..].find(')').unwrap();
        let known = is_allowed(&expression[open + 1..close], allowed);
        let word = if known { allowed[0].as_str() } else { "none" };
        expression.replace_range(open..=close, word);
    }
    expression.split(" OR ").any(|choice| {
        let mut parts = choice.split(" AND ");
        parts.all(|part| allowed.iter().any(|license| license == part.trim()))
    })
}

#[test]
fn every_license_is_allowed() {
    let allowed: Vec<String> = list("allow")
        .iter()
        .map(|line| quoted(line).to_owned())
        .collect();
    for package in packages() {
        let Package { name, license, .. } = &package;
        assert!(is_allowed(license, &allowed), "{name}: {license:?}");
    }
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("(GPL-3.0 OR MIT) AND BSD-3-Clause", true),
        ("MIT AND (GPL-3.0 OR GPL-2.0)", false),
        ("Unlicense/MIT", true),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }
}

#[test]
fn everything_comes_from_crates_io() {
    for package in packages() {
        let ours = package.name == env!("CARGO_PKG_NAME");
        let Package {
            name, elsewhere, ..
        } = &package;
        assert!(ours || elsewhere.is_empty(), "{name}: {elsewhere}");
    }
}

#[test]
fn no_crate_is_forbidden() {
    let forbidden = crates("deny");
    for package in packages() {
        assert!(!forbidden.contains(&package.name), "{}", package.name);
    }
}

#[test]
fn no_crate_is_there_twice_without_a_reason() {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in packages() {
        versions
            .entry(package.name)
            .or_default()
            .push(package.version);
    }
    for exception in crates("skip") {
        let (name, version) = exception.split_once('@').unwrap();
        let there = versions.get_mut(name).unwrap();
        let before = there.len();
        there.retain(|known| !known.starts_with(&format!("{version}.")));
        assert!(
            before > 1 && there.len() < before,
            "no longer needed: {exception}"
        );
    }
    versions.retain(|_, versions| versions.len() > 1);
    assert!(versions.is_empty(), "there twice: {versions:?}");
}
