//! The sources keep the rules that lib.rs states: imports point downwards, no two files import each other, each outside crate
//! has one door, and what everyone stands on is done in one place.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Every module, a file or a folder of src/, from the bottom to the top. One imports those before it.
const RANKS: [&str; 32] = [
    "size",
    "error",
    "installation",
    "warning",
    "digest",
    "statistics",
    "sync",
    "whole",
    "frame",
    "report",
    "kernel",
    "media",
    "picture",
    "network",
    "temporal",
    "style",
    "stylize",
    "paint",
    "web",
    "setup",
    "show",
    "source",
    "sink",
    "pipeline",
    "segments",
    "studio",
    "service",
    "cli",
    "command",
    "guide",
    "lib",
    "main",
];

/// Where each outside crate may be named.
const DOORS: [(&str, &[&str]); 37] = [
    ("ort", &["network/"]),
    ("ffmpeg_next", &["media/"]),
    ("clap", &["cli/", "command/mod.rs"]),
    ("indicatif", &["report.rs", "report/progress.rs"]),
    ("libc", &["report.rs", "source/camera/v4l2.rs", "sync/pipe.rs"]),
    ("fast_image_resize", &["kernel/resize.rs"]),
    ("noto_sans_mono_bitmap", &["kernel/label.rs"]),
    ("yuv", &["media/"]),
    // command/mod.rs means the subcommand of that name.
    (
        "image",
        &[
            "picture/read.rs",
            "picture/samples.rs",
            "picture/jpeg_xl.rs",
            "picture/write.rs",
            "picture/animation.rs",
            "command/mod.rs",
        ],
    ),
    ("moxcms", &["picture/color.rs"]),
    ("tiff", &["picture/tiff.rs", "picture/read.rs"]),
    ("zune_core", &["picture/jpeg.rs"]),
    ("zune_jpeg", &["picture/jpeg.rs"]),
    ("toml", &["style/manifest.rs"]),
    ("sha2", &["digest.rs"]),
    ("signal_hook", &["sync/stop.rs", "report.rs"]),
    // Beside the files that everyone writes: folders and files for a trial.
    ("tempfile", &["whole.rs", "style/install.rs", "command/bench.rs", "command/doctor.rs"]),
    ("crossbeam_channel", &["pipeline/", "studio/"]),
    ("axum", &["web/", "sink/http", "service/"]),
    ("tokio", &["web/", "sink/http", "service/"]),
    ("tower_http", &["service/"]),
    ("utoipa", &["web/", "service/"]),
    ("utoipa_axum", &["service/"]),
    ("utoipa_swagger_ui", &["service/"]),
    ("prometheus_client", &["service/"]),
    ("jpeg_encoder", &["web/jpeg.rs"]),
    ("v4l", &["sink/v4l2.rs", "source/camera/v4l2.rs"]),
    ("nokhwa", &["source/camera.rs"]),
    ("pipewire", &["sink/pipewire.rs"]),
    ("minifb", &["sink/window.rs", "sink/window/"]),
    ("raw_window_handle", &["sink/window/"]),
    ("x11_dl", &["sink/window/"]),
    // X11's window, and a library of pictures that may be missing.
    ("libloading", &["sink/window/", "picture/heif.rs", "network/plugin.rs"]),
    ("jxl_oxide", &["picture/jpeg_xl.rs"]),
    ("zip", &["setup/unpack.rs"]),
    ("tar", &["setup/unpack.rs"]),
    ("flate2", &["setup/unpack.rs"]),
];

/// What would be a second way to do what a module of the ground floor does.
const HOMES: [(&str, &str); 9] = [
    ("fs::rename(", "whole.rs"),
    (".sync_all(", "whole.rs"),
    (".persist(", "whole.rs"),
    ("fn lock<", "sync/mod.rs"),
    ("thread::Builder", "sync/threads.rs"),
    ("cannot start a thread", "sync/threads.rs"),
    ("warn(format!(", "warning.rs"),
    ("Warning(format!(", "warning.rs"),
    ("warnings.push(format!(", "warning.rs"),
];

/// The path of a module: `["source", "camera"]`, in source/camera.rs or source/camera/mod.rs.
type Module = Vec<String>;

struct Source {
    /// Its file, from src/ on.
    name: String,
    module: Module,
    /// What the program itself says, without its tests and comments.
    code: String,
    lines: usize,
}

fn sources() -> Vec<Source> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        let text = fs::read_to_string(&path).unwrap();
        Source { module: module(&name), lines: text.lines().count(), code: code(&text), name }
    };
    found.into_iter().map(read).collect()
}

fn module(name: &str) -> Module {
    let path = name.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').filter(|&part| part != "lib").map(str::to_owned).collect()
}

fn code(text: &str) -> String {
    let tests = ["#[cfg(test)]\nmod tests", "#[cfg(test)]\npub mod tests", "#[cfg(test)]\npub(super) mod tests"];
    let end = tests.iter().filter_map(|start| text.find(start)).min().unwrap_or(text.len());
    text[..end].lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Adds the paths that `text` begins with, `a::{b, c::d}` being two, each after `before`; gives how much of it they are.
fn paths(text: &str, mut before: Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let mut at = 0;
    loop {
        if text[at..].starts_with('{') {
            at += 1;
            while at < text.len() && !text[at..].starts_with('}') {
                let next = text[at..].chars().next().unwrap();
                at += if is_word(next) { paths(&text[at..], before.clone(), found) } else { next.len_utf8() };
            }
            return (at + 1).min(text.len());
        }
        let word: String = text[at..].chars().take_while(|&c| is_word(c)).collect();
        at += word.len();
        if !word.is_empty() {
            before.push(word);
        }
        let Some(rest) = text[at..].strip_prefix("::") else {
            found.push(before);
            return at;
        };
        at += 2;
        if !rest.starts_with(|c| is_word(c) || c == '{') {
            // `*`, or the types of a generic call.
            found.push(before);
            return at;
        }
    }
}

/// The modules that a file imports: by `crate::`, `super::` (counted from the file, also in a module inside it), `self::`, or by
/// the name of a child. Declarations, `mod child;` and `pub use child::...`, are none.
fn imports(source: &Source, modules: &BTreeSet<Module>) -> BTreeSet<Module> {
    let is_child = |name: &str| modules.contains(&[source.module.as_slice(), &[name.to_owned()]].concat());
    let re_exports = |statement: &str| {
        let path =
            statement.trim_start().strip_prefix("pub use ").map(|path| path.strip_prefix("self::").unwrap_or(path));
        path.is_some_and(|path| is_child(path.split("::").next().unwrap_or_default()))
    };
    let code = source.code.replace("pub(super) use ", "pub use ").replace("pub(crate) use ", "pub use ");
    let statements = code.split_inclusive(';').filter(|statement| {
        let last = statement.rsplit_once("pub use ").map(|(_, path)| format!("pub use {path}"));
        !last.is_some_and(|last| re_exports(&last))
    });
    let code: String = statements.collect();
    let mut imported = BTreeSet::new();
    for (at, _) in code.match_indices("::") {
        let start = code[..at].rfind(|c| !is_word(c)).map_or(0, |place| place + 1);
        let first = &code[start..at];
        // In the middle of a path.
        if code[..start].ends_with("::") || first.is_empty() {
            continue;
        }
        let base = match first {
            "crate" => Vec::new(),
            "super" | "self" => source.module.clone(),
            child if is_child(child) => source.module.clone(),
            _ => continue,
        };
        let mut found = Vec::new();
        paths(&code[start..], Vec::new(), &mut found);
        for path in found {
            let mut target = base.clone();
            for part in &path {
                match part.as_str() {
                    "crate" | "self" => {}
                    "super" => drop(target.pop()),
                    part => target.push(part.to_owned()),
                }
            }
            while !target.is_empty() && !modules.contains(&target) {
                target.pop();
            }
            if !target.is_empty() && target != source.module {
                imported.insert(target);
            }
        }
    }
    imported
}

fn graph(sources: &[Source]) -> BTreeMap<Module, BTreeSet<Module>> {
    let modules = sources.iter().map(|source| source.module.clone()).collect();
    sources.iter().map(|source| (source.module.clone(), imports(source, &modules))).collect()
}

/// The modules from which `from` is reached again: a circle, if there is one.
fn circle(from: &Module, graph: &BTreeMap<Module, BTreeSet<Module>>) -> Option<Vec<String>> {
    fn reached(from: &Module, graph: &BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<Module> {
        let (mut seen, mut left) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(module) = left.pop() {
            left.extend(graph[&module].iter().filter(|next| seen.insert((*next).clone())).cloned());
        }
        seen
    }
    let mut around: Vec<Module> =
        reached(from, graph).into_iter().filter(|module| reached(module, graph).contains(from)).collect();
    around.sort();
    (!around.is_empty()).then(|| around.iter().map(|module| module.join("/")).collect())
}

fn rank(module: &str) -> Option<usize> {
    RANKS.iter().position(|&ranked| ranked == module)
}

#[test]
fn every_module_has_a_rank() {
    let without: BTreeSet<String> = sources()
        .into_iter()
        .map(|source| source.name.split(['/', '.']).next().unwrap().to_owned())
        .filter(|module| rank(module).is_none())
        .collect();
    assert!(without.is_empty(), "give each a place in RANKS: {without:?}");
}

#[test]
fn imports_point_strictly_downwards() {
    let mut wrong = Vec::new();
    for (module, imported) in graph(&sources()) {
        let Some(own) = module.first() else { continue };
        for other in imported.iter().filter(|other| other[0] != *own) {
            if rank(&other[0]) >= rank(own) {
                wrong.push(format!("{} imports {}", module.join("/"), other.join("/")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_circle_of_imports_is_left_between_files() {
    let graph = graph(&sources());
    let circles: BTreeSet<Vec<String>> = graph.keys().filter_map(|module| circle(module, &graph)).collect();
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn imports_are_found_in_every_form() {
    let source =
        |name: &str, text: &str| Source { name: name.to_owned(), module: module(name), code: code(text), lines: 0 };
    let text = "pub mod child;\nmod other;\npub use self::child::{Child, More};\npub(super) use other::Other;\n\
        // use crate::comment;\nuse crate::{bottom, folder::{file::Thing as Renamed, Item}};\nuse super::sibling::*;\n\
        fn f() { crate::inline::call(); child::call::<u8>(); x::bottom::y(); }\n#[cfg(test)]\nmod tests { use crate::tested; }";
    let others = ["a/mod.rs", "a/child.rs", "a/other.rs", "comment.rs", "bottom.rs", "folder/mod.rs", "folder/file.rs"];
    let more = ["inline.rs", "sibling.rs", "tested.rs", "top.rs"];
    let modules: BTreeSet<Module> = others.into_iter().chain(more).map(module).collect();
    let imported = imports(&source("a/mod.rs", text), &modules);
    let named: Vec<String> = imported.iter().map(|module| module.join("/")).collect();
    assert_eq!(named, ["a/child", "bottom", "folder", "folder/file", "inline", "sibling"]);

    let edges = [("a", "b"), ("b", "c"), ("c", "a"), ("top", "a")];
    let mut graph: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for (from, to) in edges {
        graph.entry(module(from)).or_default().insert(module(to));
    }
    assert_eq!(circle(&module("a"), &graph).unwrap(), ["a", "b", "c"]);
    assert_eq!(circle(&module("top"), &graph), None);
}

#[test]
fn each_outside_crate_has_one_door() {
    let mut wrong = Vec::new();
    for Source { name, code, .. } in sources() {
        for (outside, doors) in DOORS {
            let named = code.contains(&format!("use {outside}::")) || code.contains(&format!(" {outside}::"));
            if named && !doors.iter().any(|door| name.starts_with(door)) {
                wrong.push(format!("{name} names {outside}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_everyone_stands_on_is_done_in_one_place() {
    let mut wrong = Vec::new();
    for Source { name, code, .. } in sources() {
        for (what, home) in HOMES {
            if name != home && code.contains(what) {
                wrong.push(format!("{name} has '{what}', which is {home}'s"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The public names of lib.rs, each with the module that it stands in; those for tests and benches are none.
fn front_door() -> Vec<(String, String)> {
    let lib = sources().into_iter().find(|source| source.name == "lib.rs").unwrap().code;
    let (lib, _) = lib.split_once("#[doc(hidden)]").unwrap();
    let (mut names, mut place) = (Vec::new(), String::new());
    for statement in lib.split(';') {
        let Some((before, list)) = statement.split_once("pub use ") else { continue };
        if before.contains('}') {
            place.clear();
        }
        if let Some((_, module)) = before.rsplit_once("pub mod ") {
            place = module.trim_end_matches(|c| !is_word(c)).to_owned();
        }
        let (_, list) = list.rsplit_once('{').or_else(|| list.rsplit_once("::")).unwrap();
        let listed = list.split(',').map(|name| name.trim_matches(|c| !is_word(c)));
        names.extend(listed.filter(|name| !name.is_empty()).map(|name| (place.clone(), name.to_owned())));
    }
    names
}

#[test]
fn the_front_door_is_small_and_each_name_has_one_path() {
    let names = front_door();
    let first: Vec<&str> = names.iter().filter(|(place, _)| place.is_empty()).map(|(_, name)| name.as_str()).collect();
    assert!(first.contains(&"Studio") && names.contains(&("film".to_owned(), "FilmJob".to_owned())), "{names:?}");
    assert!(first.len() <= 20, "put the details of a kind of work into its module: {first:?}");
    let mut seen = BTreeSet::new();
    let twice: Vec<_> = names.iter().filter(|(_, name)| !seen.insert(name)).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn only_the_report_writes_to_the_terminal() {
    let printing = ["println!", "print!", "eprintln!", "eprint!", "dbg!", "io::stdout", "io::stderr"];
    let writers: Vec<String> = sources()
        .into_iter()
        .filter(|source| source.name != "report.rs" && printing.iter().any(|word| source.code.contains(word)))
        .map(|source| source.name)
        .collect();
    assert!(writers.is_empty(), "{writers:?}");
}

#[test]
fn no_file_is_longer_than_600_lines() {
    let long: Vec<String> =
        sources().into_iter().filter(|source| source.lines > 600).map(|source| source.name).collect();
    assert!(long.is_empty(), "{long:?}");
}
