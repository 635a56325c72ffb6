//! The guide to the program, a page a subject. These modules hold documentation only; the pages are Markdown files in
//! `src/guide`, which read the same on a code host.
//!
//! | page | subject |
//! | --- | --- |
//! | [`installing`] | packages, what they leave out, which parts are used |
//! | [`photos`] | `impasto image`: formats, folders, large pictures |
//! | [`video`] | `impasto video`: codecs, interrupted jobs, queues, the stabiliser |
//! | [`live`] | `impasto live`: sources, keys, recording, how the frame rate is held |
//! | [`other_programs`] | OBS, browsers, video calls, phones and players |
//! | [`server`] | the page and the API of `impasto live --serve` |
//! | [`serve`] | `impasto serve`: photos, films and cameras painted in a browser; its API |
//! | [`styles`] | choosing, blending, adding and removing styles; any picture as the style |
//! | [`training`] | training a network from your own paintings, and measuring it |
//! | [`paint`] | `impasto paint`: one still of the highest quality, by optimisation |
//! | [`many_machines`] | sharing one film among several computers |
//! | [`devices`] | graphics cards and other devices: installing, choosing, measuring |
//! | [`speed`] | measured times, and how to make it faster |
//! | [`faults`] | what happens when something goes wrong, and how that is tested |
//! | [`json`] | the output of `--json` |

/// Declares a page. The links of the pages name Markdown files (`[video]: video.md`), as a code host needs them; here
/// each name is defined once more before the page, and Markdown takes the first definition.
macro_rules! page {
    ($name:ident, $file:literal) => {
        #[doc = "[installing]: crate::guide::installing"]
        #[doc = "[photos]: crate::guide::photos"]
        #[doc = "[video]: crate::guide::video"]
        #[doc = "[live]: crate::guide::live"]
        #[doc = "[other programs]: crate::guide::other_programs"]
        #[doc = "[server]: crate::guide::server"]
        #[doc = "[serve]: crate::guide::serve"]
        #[doc = "[styles]: crate::guide::styles"]
        #[doc = "[training]: crate::guide::training"]
        #[doc = "[paint]: crate::guide::paint"]
        #[doc = "[many machines]: crate::guide::many_machines"]
        #[doc = "[devices]: crate::guide::devices"]
        #[doc = "[speed]: crate::guide::speed"]
        #[doc = "[faults]: crate::guide::faults"]
        #[doc = "[json]: crate::guide::json"]
        #[doc = ""]
        #[doc = include_str!($file)]
        pub mod $name {}
    };
}

page!(installing, "installing.md");
page!(photos, "photos.md");
page!(video, "video.md");
page!(live, "live.md");
page!(other_programs, "other_programs.md");
page!(server, "server.md");
page!(serve, "serve.md");
page!(styles, "styles.md");
page!(training, "training.md");
page!(paint, "paint.md");
page!(many_machines, "many_machines.md");
page!(devices, "devices.md");
page!(speed, "speed.md");
page!(faults, "faults.md");
page!(json, "json.md");
