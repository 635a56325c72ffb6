//! Opens a film and an encoder for it, before anything is painted or written.

use std::collections::BTreeMap;

use super::films::Films;
use super::settings::FilmJob;
use super::{identity, unpack};
use crate::error::{Error, Result};
use crate::media::options::FrameRate;
use crate::media::read::DecodeOptions;
use crate::media::write::{Container, EncodeOptions};
use crate::segments::Encoding;
use crate::source::video::VideoSource;
use crate::sync::Stop;

/// A film that is open, and how it is encoded, before anything is painted or written.
pub struct Opened {
    pub source: VideoSource,
    /// The frame rate to resample to.
    pub rate: Option<FrameRate>,
    pub decoding: DecodeOptions,
    pub encoding: Encoding,
    /// Width and height of the painted frames, in pixels.
    pub size: (u32, u32),
    /// What identifies the job, without the device: see [`identity::facts`].
    pub facts: BTreeMap<String, String>,
}

/// Opens the film of `job` and an encoder for it, so that a wrong option fails at once.
pub fn open(job: &FilmJob, films: &Films<'_>, stop: &Stop) -> Result<Opened> {
    let (settings, studio, input) = (&films.settings, films.studio, job.input.as_path());
    let container = Container::of(&job.output)?;
    let decoding = decoding(films, Some(stop));
    let mut rate = settings.resampled(input);
    let mut source = VideoSource::open(input, &decoding, settings.size, rate)?;
    if settings.keep_hdr && !source.info().color.is_hdr() {
        return Err(Error::usage(format!(
            "'{}' is not HDR: its transfer curve is neither PQ nor HLG; omit --hdr keep",
            input.display()
        )));
    }
    unpack::refuse_still(&source, input)?;
    if rate.is_none() && !container.takes_variable_rate() {
        // Some containers, such as AVI, have no timestamps, only a frame rate.
        let (resampled, own) = source.at_own_rate();
        (source, rate) = (resampled, Some(own));
    }
    let options = EncodeOptions {
        codec: settings.codec,
        crf: settings.crf,
        preset: settings.preset.clone(),
        pixel_format: settings.pixel_format.clone(),
        options: settings.encoder_options.clone(),
        threads: decoding.threads,
    };
    let encoding = Encoding { container, info: source.info().clone(), frames: source.frame_format(), options };
    let size = encoding.encoder()?.size();
    let facts = identity::facts(input, container, settings, studio)?;
    Ok(Opened { source, rate, decoding, encoding, size, facts })
}

/// How the film is decoded.
pub fn decoding(films: &Films<'_>, stop: Option<&Stop>) -> DecodeOptions {
    let (settings, machine) = (&films.settings, films.studio.machine());
    DecodeOptions {
        start: settings.start,
        duration: settings.duration,
        threads: Some(machine.codec_threads()),
        max_pixels: machine.max_pixels,
        deinterlace: settings.deinterlace,
        keep_hdr: settings.keep_hdr,
        unsaid: settings.unsaid(),
        stop: stop.map(Stop::flag),
    }
}
