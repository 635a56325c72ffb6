//! The fuzz targets: every parser of foreign data. Each takes any bytes, panics if a promise is broken, and returns whether
//! the bytes were accepted. cargo-fuzz runs them (`scripts/fuzz`), and so does an ordinary test (tests/fuzz_corpus.rs).

// Each fuzzer uses its share of these.
#![allow(dead_code, reason = "each test uses its share of it")]

use std::path::Path;
use std::str;

use impasto::Stop;
use impasto::internals::paint::state::State;
use impasto::internals::segments::folder::Segment;
use impasto::internals::segments::journal::Journal;
use impasto::internals::show::{Patch, SCALE, STRENGTH, Settings, Show};
use impasto::internals::style::manifest::Manifest;
use impasto::internals::web::guard::{Asked, Guard, Refused};
use impasto::styles::{Expression, Paintings};

/// A target by its name, which is that of its folder in `corpus`.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// All of them.
pub const TARGETS: [Target; 6] = [
    ("manifest", manifest),
    ("expression", expression),
    ("state", state),
    ("job", job),
    ("settings", settings),
    ("guard", guard),
];

/// `styles.toml`. What is accepted names no file outside its folder, and is the same when written and read again.
pub fn manifest(bytes: &[u8]) -> bool {
    let Some(manifest) = str::from_utf8(bytes).ok().and_then(|text| text.parse::<Manifest>().ok()) else {
        return false;
    };
    let folder = Path::new("/styles");
    for network in &manifest.networks {
        assert!(network.files().all(|file| folder.join(file).parent() == Some(folder)));
        assert!(network.network_file(folder).styles > 0);
    }
    for style in &manifest.styles {
        let network = manifest.networks.iter().find(|network| network.name == style.network);
        assert!(network.is_some_and(|network| style.index < network.styles.len()));
    }
    // Numbers above those of TOML cannot be written, only read by a lenient reader.
    if let Ok(text) = manifest.to_toml() {
        assert_eq!(text.parse(), Ok(manifest));
    }
    true
}

/// `--style` and `--style-image`. Weights are from 0 to 1 and sum to 1, and what is shown parses to the same names.
pub fn expression(bytes: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(bytes) else { return false };
    let weighs = |weights: &mut dyn Iterator<Item = f32>| {
        let sum: f32 = weights.inspect(|weight| assert!((0.0..=1.0).contains(weight), "{weight}")).sum();
        assert!((sum - 1.0).abs() < 1e-3, "{sum}");
    };
    if let Ok(paintings) = Paintings::parse(text, |_| false) {
        weighs(&mut paintings.terms().map(|(_, weight)| weight));
        assert!(paintings.terms().all(|(path, _)| !path.as_os_str().is_empty()));
    }
    let Ok(expression) = text.parse::<Expression>() else { return false };
    weighs(&mut expression.terms().iter().map(|(_, weight)| *weight));
    let again: Expression = expression.to_string().parse().expect("what is shown parses");
    assert!(again.terms().iter().map(|(name, _)| name).eq(expression.terms().iter().map(|(name, _)| name)));
    true
}

/// `OUT.state` of `impasto paint`. What is accepted is the same when written and read again.
pub fn state(bytes: &[u8]) -> bool {
    let Ok(state) = State::from_bytes(bytes, "job", "the state") else { return false };
    let written = state.to_bytes("job");
    let again = State::from_bytes(&written, "job", "the state").expect("what was written is read");
    // As bytes: a number that is none differs from itself.
    assert!(again.to_bytes("job") == written);
    true
}

/// `job.json` and `NNNNNN.json` of a video job in segments. What is accepted is the same when written and read again.
pub fn job(bytes: &[u8]) -> bool {
    if let Ok(segment) = serde_json::from_slice::<Segment>(bytes) {
        let written = serde_json::to_vec(&segment).expect("it is written");
        assert_eq!(serde_json::from_slice::<Segment>(&written).expect("and read"), segment);
    }
    let Ok(journal) = serde_json::from_slice::<Journal>(bytes) else { return false };
    let written = serde_json::to_vec(&journal).expect("it is written");
    let again: Journal = serde_json::from_slice(&written).expect("and read");
    assert!(again.changes_since(&journal).is_empty() && again.digest() == journal.digest());
    true
}

/// `POST /api/settings`. What is accepted leaves every setting in its range and every style known; what is not changes nothing.
pub fn settings(bytes: &[u8]) -> bool {
    let before = Settings::plain(Expression::single("night"));
    let known = ["night", "wave", "identity"];
    let show = Show::new(vec!["night".into(), "wave".into()], before.clone(), Stop::default());
    let accepted = Patch::from_json(bytes).and_then(|patch| show.apply(&patch)).is_ok();
    let after = show.settings();
    assert!(accepted || (after == before && show.revision() == 0));
    assert!(STRENGTH.contains(&after.strength) && SCALE.contains(&after.scale));
    assert!(after.style.terms().iter().all(|(name, _)| known.contains(&name.as_str())));
    assert!(serde_json::to_vec(&show.state()).is_ok());
    accepted
}

/// The guard of the server, asked by a request in lines: host, origin (empty: none), query, authorization, cookie. Who is let in
/// named this machine by number or as `localhost`, came from no other site, and knew the token where there is one.
pub fn guard(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (host, origin) = (line(), Some(line()).filter(|origin| !origin.is_empty()));
    let asked = Asked { host, origin, query: line(), authorization: line(), cookie: line() };
    let token = "c0ffee";
    let mut accepted = false;
    for listen in ["127.0.0.1:8080", "[::1]:80", "0.0.0.0:8080"] {
        let guard = |token: Option<&str>| Guard { listen: listen.parse().unwrap(), token: token.map(str::to_owned) };
        let (open, closed) = (guard(None).admit(&asked), guard(Some(token)).admit(&asked));
        let knows = [asked.query, asked.authorization, asked.cookie].iter().any(|part| part.contains(token));
        assert!(knows || closed.is_err(), "let in without the token");
        assert!(closed == open || (open.is_ok() && closed == Err(Refused::Token)));
        if open.is_ok() {
            let is_number = |c: char| c.is_ascii_hexdigit() || ".:[]".contains(c);
            assert!(host.starts_with("localhost") || host.chars().all(is_number), "let in by name");
            let name = host.strip_prefix("localhost").unwrap_or_default();
            assert!(name.chars().all(is_number), "let in by a name like this machine's");
            assert!(origin.is_none_or(|origin| origin.strip_prefix("http://") == Some(host)), "let in from elsewhere");
        }
        accepted |= closed.is_ok();
    }
    accepted
}
