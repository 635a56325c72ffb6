//! A film that a stranger sent opens nothing but itself.

#[path = "common/clips.rs"]
mod clips;
#[path = "common/need.rs"]
mod need;

use std::fs;
use std::net::TcpListener;
use std::thread;

use clips::Folder;

/// A folder with a film that nobody may have, and lists that name it or an address.
fn lists(address: &str) -> (Folder, Vec<&'static str>) {
    let folder = Folder::new();
    folder.clip("secret.ts", 0.5, "-an");
    folder.clip("secret.mp4", 0.5, "-an");
    let secret = folder.path("secret.ts").display().to_string();
    let hls = |what: &str| format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{what}\n#EXT-X-ENDLIST\n");
    let sdp = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 33\n";
    let dash = "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" \
                profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\" mediaPresentationDuration=\"PT1S\"><Period>\
                <AdaptationSet mimeType=\"video/mp4\"><Representation id=\"1\" bandwidth=\"1\"><BaseURL>secret.mp4</BaseURL>\
                </Representation></AdaptationSet></Period></MPD>";
    let files = [
        ("beside.m3u8", hls("secret.ts")),
        ("absolute.m3u8", hls(&secret)),
        ("remote.m3u8", hls(&format!("http://{address}/a.ts"))),
        ("renamed.mp4", hls(&secret)),
        ("beside.ffconcat", "ffconcat version 1.0\nfile secret.mp4\n".to_owned()),
        ("absolute.ffconcat", format!("ffconcat version 1.0\nfile '{secret}'\n")),
        ("remote.ffconcat", format!("ffconcat version 1.0\nfile 'http://{address}/a.ts'\n")),
        ("renamed.mkv", "ffconcat version 1.0\nfile secret.mp4\n".to_owned()),
        ("list.mpd", dash.to_owned()),
        ("session.sdp", sdp.to_owned()),
    ];
    files.iter().for_each(|(name, text)| fs::write(folder.path(name), text).unwrap());
    (folder, files.map(|(name, _)| name).to_vec())
}

#[test]
fn lists_of_other_films_are_not_followed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let (folder, lists) = lists(&listener.local_addr().unwrap().to_string());
    for list in lists {
        let run = folder.paint(&format!("{list} -o out.mkv"));
        assert_eq!(run.code, 1, "{list}: {}", run.errors);
        assert!(run.errors.contains("names other files or addresses"), "{list}: {}", run.errors);
        assert!(!folder.path("out.mkv").exists(), "{list}");
        assert!(listener.accept().is_err(), "{list}: it called");
    }
}

/// The same lists are ones that FFmpeg itself follows: the test above would fail without the refusal.
#[test]
fn ffmpeg_itself_follows_such_lists() {
    let (folder, _) = lists("127.0.0.1:9");
    for list in ["beside.m3u8", "absolute.m3u8", "beside.ffconcat"] {
        folder.ffmpeg(&format!("-i {list} -frames:v 1 -y {list}.png"));
    }
}

#[test]
fn a_film_whose_name_has_a_pattern_or_a_protocol_is_that_file() {
    let folder = Folder::new();
    folder.clip("film.mkv", 0.4, "-an");
    for name in ["100%02d.mkv", "concat:film.mkv|film.mkv", "subfile,,start,0,end,9,,:film.mkv"] {
        let run = folder.paint(&format!("{name} -o out.mkv -y"));
        assert!(run.code == 1 && run.errors.contains("no file"), "{name}: {}", run.errors);
        fs::copy(folder.path("film.mkv"), folder.path(name)).unwrap();
        let run = folder.paint(&format!("{name} -o out.mkv -y"));
        assert_eq!(run.code, 0, "{name}: {}", run.errors);
    }
}

#[test]
fn films_of_every_kind_are_still_read() {
    let folder = Folder::new();
    let kinds = [
        "a.mp4",
        "a.mov",
        "a.mkv",
        "a.webm -c:v libvpx-vp9 -c:a libopus",
        "a.avi -bf 0",
        "a.ts",
        "a.nut",
        "a.flv",
        "a.gif -an -c:v gif",
    ];
    thread::scope(|scope| {
        for kind in kinds {
            let folder = &folder;
            scope.spawn(move || {
                let (name, options) = kind.split_once(' ').unwrap_or((kind, ""));
                folder.clip(name, 0.4, options);
                let run = folder.paint(&format!("{name} -o {name}.mkv"));
                assert_eq!(run.code, 0, "{name}: {}", run.errors);
            });
        }
    });
}
