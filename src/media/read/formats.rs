//! Which formats a film from somebody else may have: only those that contain their own pictures.
//!
//! FFmpeg follows the names in playlists, manifests and scripts: to files beside them, elsewhere on this machine, or on
//! other machines. Someone who paints a film that was sent to them would put frames of their own films into the result, or
//! tell a server that they opened it. So FFmpeg gets a list of the formats that it may read, which it checks once it has
//! recognised the format and before it reads on.

use std::ffi::CStr;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::ptr;

use ffmpeg_next::ffi;
use ffmpeg_next::format::context;

/// FFmpeg's short names of formats that name other files or addresses, or run a script that does. Formats that open no file
/// themselves (AVFMT_NOFILE: devices, RTSP) are excluded as well.
const NAME_OTHERS: [&str; 11] =
    ["applehttp", "avisynth", "concat", "concatf", "dash", "hls", "imf", "rtp", "sap", "sdp", "vapoursynth"];
/// Has the flag AVFMT_NOFILE, but does open the picture that it is given.
const PICTURE: &str = "image2";
/// How many bytes of a file are probed for its format, and how many FFmpeg wants behind them.
const LOOKED_AT: usize = 4096;
const PADDING: usize = ffi::AVPROBE_PADDING_SIZE as usize;

/// The names of all formats that contain their own pictures, as FFmpeg's `format_whitelist` wants them.
pub fn self_contained() -> String {
    let mut state = ptr::null_mut();
    // SAFETY: FFmpeg keeps its place in `state`; it gives null at the end, or a pointer into its static tables.
    let formats = std::iter::from_fn(|| unsafe { ffi::av_demuxer_iterate(&raw mut state).as_ref() });
    formats.filter(|format| !names_files(format)).map(name).collect::<Vec<_>>().join(",")
}

/// Whether the file at `path`, which is `url` to FFmpeg, names other files or addresses.
pub fn names_others(path: &Path, url: &CStr) -> bool {
    let mut head = vec![0; LOOKED_AT + PADDING];
    let Ok(length) = File::open(path).and_then(|mut file| file.read(&mut head[..LOOKED_AT])) else { return false };
    let data = ffi::AVProbeData {
        filename: url.as_ptr(),
        buf: head.as_mut_ptr(),
        buf_size: length as i32,
        mime_type: ptr::null(),
    };
    // SAFETY: the buffer has `length` bytes and the padding that FFmpeg wants; it gives null or a pointer into its tables.
    unsafe { ffi::av_probe_input_format(&raw const data, 1).as_ref() }.is_some_and(names_files)
}

/// Whether the open input has a format of single pictures.
pub fn is_picture(input: &context::Input) -> bool {
    // SAFETY: the input is open, and so has a format: a static table.
    let name = name(unsafe { &*(*input.as_ptr()).iformat });
    name == PICTURE || name.ends_with("_pipe")
}

fn names_files(format: &ffi::AVInputFormat) -> bool {
    let opens_nothing = format.flags & ffi::AVFMT_NOFILE != 0 && name(format) != PICTURE;
    opens_nothing || name(format).split(',').any(|name| NAME_OTHERS.contains(&name))
}

/// FFmpeg's short name of a format.
pub fn name(format: &ffi::AVInputFormat) -> &str {
    // SAFETY: every format has a name, a static string.
    unsafe { CStr::from_ptr(format.name) }.to_str().unwrap_or_default()
}
