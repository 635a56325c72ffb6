//! Inputs that FFmpeg cannot read, as films that it can: without loss, in a folder that is removed at the end. And those that
//! are no films.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::frame::{MaxPixels, Rational, Stamp};
use crate::media::write::{Codec, Container, EncodeOptions, EncodedFile, Encoder};
use crate::media::{FrameFormat, VideoInfo};
use crate::picture::animation::Animation;
use crate::source::video::VideoSource;
use crate::sync::Stop;
use crate::warning::Warning;
use crate::whole::{Scratch, Unfinished};

/// A film in a folder of its own.
pub struct Unpacked {
    /// The film.
    pub path: PathBuf,
    /// What is lost.
    pub warning: Option<Warning>,
    _folder: Scratch,
}

/// Unpacks `input` if it is an animated WebP; `None` if FFmpeg reads it.
///
/// # Errors
/// The animation is damaged or too large, or there is no room for the film.
pub fn unpack(input: &Path, most: MaxPixels, stop: &Stop) -> Result<Option<Unpacked>> {
    let Some(mut animation) = Animation::open(input, most)? else { return Ok(None) };
    let folder = Scratch::new().map_err(|error| Error::writing(&std::env::temp_dir(), &error))?;
    let path = folder.path().join("animation.nut");
    let (width, height) = animation.size;
    // Times in milliseconds; the rate only tells how long a frame lasts that says nothing.
    let mut info = VideoInfo::of_pictures(width, height, 1000);
    info.frame_rate = Rational { num: 25, den: 1 };
    let VideoInfo { time_base, frame_rate, aspect, .. } = info;
    let format = FrameFormat { width, height, time_base, frame_rate, aspect };
    let container = Container::named("nut").ok_or_else(|| Error::internal("no container called nut"))?;
    let (codec, pixel_format) = (Some(Codec::Ffv1), Some("bgr0".to_owned()));
    let options = EncodeOptions { codec, pixel_format, ..EncodeOptions::default() };
    let encoder = Encoder::open(&info, &format, container, &options)?;
    let file = Unfinished::beside(&path).map_err(|error| Error::writing(&path, &error))?;
    let mut film = EncodedFile::create(file, container, &info, encoder)?;
    let mut time = 0;
    while let Some((frame, delay)) = animation.next()? {
        if stop.requested() {
            return Err(Error::Interrupted(
                "interrupted before the first frame was painted; nothing is written".into(),
            ));
        }
        let duration = i64::from(delay);
        film.put(&frame, Stamp { time, duration })?;
        time += duration;
    }
    film.finish()?;
    let warning = animation.is_transparent.then(|| Warning::VideoTransparency { video: input.to_owned() });
    Ok(Some(Unpacked { path, warning, _folder: folder }))
}

/// Refuses one picture as a film of one frame, which nobody means.
///
/// # Errors
/// `source` is one picture.
pub fn refuse_still(source: &VideoSource, input: &Path) -> Result<()> {
    if !source.is_still() {
        return Ok(());
    }
    let (shown, ending) = (input.display(), input.extension().unwrap_or_default().to_string_lossy());
    Err(Error::usage(format!(
        "'{shown}' is one picture; paint it with `impasto image`, or name a sequence of pictures by their numbers, such as \
         frame%04d.{ending}"
    )))
}
