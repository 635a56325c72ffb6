//! What README, the guide and the other documents say is there: the files that they link to, and the options that they name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SUBCOMMANDS: [&str; 15] = [
    "image",
    "video",
    "live",
    "paint",
    "serve",
    "styles",
    "styles list",
    "styles sheet",
    "styles add",
    "styles remove",
    "styles export",
    "devices",
    "doctor",
    "setup",
    "bench",
];

/// The documents, by their paths from the root.
fn documents() -> BTreeMap<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<PathBuf> =
        ["README.md", "CHANGELOG.md", ".github/CONTRIBUTING.md", "models/README.md", "scripts/README.md"]
            .map(PathBuf::from)
            .into();
    let pages = fs::read_dir(root.join("src/guide")).unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    paths.extend(pages.map(|path| path.strip_prefix(root).unwrap().to_owned()));
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(root.join(&path)).unwrap())).collect()
}

/// The targets of links: `[text](target)` and `[text]: target`.
fn links(text: &str) -> Vec<&str> {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let defined = text.lines().filter(|line| line.starts_with('[')).filter_map(|line| line.split_once("]: "));
    inline.chain(defined.map(|(_, target)| target)).collect()
}

/// The anchors that a code host gives to the headings of a document.
fn anchors(text: &str) -> Vec<String> {
    let anchor = |heading: &str| {
        let kept = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    text.lines().filter(|line| line.starts_with('#')).map(anchor).collect()
}

/// Words that are long options, without what follows their name.
fn options(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let is_option = |word: &&str| word.starts_with("--") && word[2..].starts_with(|c: char| c.is_ascii_lowercase());
    words.filter(is_option).map(str::to_owned).collect()
}

/// The options of a subcommand, as its help lists them.
fn options_of(subcommand: &str) -> BTreeSet<String> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_impasto"));
    let help = program.args(subcommand.split(' ')).arg("--help").output().unwrap();
    assert!(help.status.success(), "{subcommand}");
    let text = String::from_utf8(help.stdout).unwrap();
    let listed = text.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    listed.flat_map(|line| options(line.split("  ").next().unwrap())).collect()
}

#[test]
fn links_lead_somewhere() {
    let documents = documents();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut broken, mut followed) = (Vec::new(), 0);
    for (path, text) in &documents {
        for link in links(text).into_iter().filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { root.join(path) } else { root.join(path).with_file_name(file) };
            let there = target.exists();
            let found = there
                && (anchor.is_empty() || anchors(&fs::read_to_string(&target).unwrap()).iter().any(|a| a == anchor));
            followed += 1;
            if !found {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(followed > 50, "only {followed} links were found");
}

#[test]
fn commands_in_the_documents_have_their_options() {
    let known: BTreeMap<&str, BTreeSet<String>> = SUBCOMMANDS.map(|name| (name, options_of(name))).into();
    let (mut unknown, mut tried) = (Vec::new(), 0);
    for (path, text) in documents() {
        // What changed once may name options that are gone.
        if path == Path::new("CHANGELOG.md") {
            continue;
        }
        let text = text.replace("\\\n", " ");
        for command in text.split("impasto ").skip(1) {
            let command = command.split(['`', '\n', '#']).next().unwrap();
            let Some(name) = SUBCOMMANDS.iter().filter(|name| command.starts_with(*name)).max_by_key(|name| name.len())
            else {
                continue;
            };
            tried += 1;
            let missing = options(command).into_iter().filter(|option| !known[name].contains(option));
            unknown.extend(missing.map(|option| format!("{}: impasto {name} {option}", path.display())));
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
    assert!(tried > 50, "only {tried} commands were found");
}

#[test]
fn the_guide_names_every_option() {
    let documents = documents();
    let guide = documents.iter().filter(|(path, _)| path.starts_with("src/guide"));
    let named: BTreeSet<String> = guide.flat_map(|(_, text)| options(text)).collect();
    let of_all =
        SUBCOMMANDS.into_iter().flat_map(|name| options_of(name).into_iter().map(move |option| (name, option)));
    // What every program has; and the guide gives the output by its short form.
    let missing: Vec<_> = of_all
        .filter(|(_, option)| {
            !["--help", "--version", "--output"].contains(&option.as_str()) && !named.contains(option)
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_readme_has_150_lines_at_most() {
    let lines = documents()[Path::new("README.md")].lines().count();
    assert!(lines <= 150, "{lines} lines");
}
