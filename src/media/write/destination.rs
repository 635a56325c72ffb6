//! Where a muxer writes: a file that appears when it is complete, one that grows, or a network address.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ffmpeg_next::{Dictionary, Error as FfmpegError};

use super::container::Container;
use crate::error::{Error, Result};
use crate::frame::Rational;
use crate::media::ffmpeg::{address_url, file_url, reason};
use crate::whole::{self, Unfinished};

/// Where a stream of frames goes.
#[derive(Debug)]
pub enum Destination {
    /// A file that gets its name once it is complete.
    Whole(Unfinished),
    /// A file that plays at any time. It grows under [`growing_name`], gets its own name when it is finished, and stays
    /// if it never is.
    Growing(PathBuf),
    /// A network address, as MPEG-TS.
    Address {
        /// `udp://127.0.0.1:5000`, `srt://host:port`: one of [`PROTOCOLS`], then what FFmpeg makes of it.
        address: String,
        /// Setting it ends all waiting, now and later.
        interrupt: Arc<AtomicBool>,
    },
}

/// What an address may begin with.
pub const PROTOCOLS: [&str; 3] = ["udp://", "srt://", "tcp://"];

impl Destination {
    /// Makes the file, and returns FFmpeg's name for it or for the address.
    pub(super) fn create(&self) -> Result<CString> {
        match self {
            Self::Whole(file) => file_url(file.temporary()),
            Self::Growing(path) => {
                let growing = growing_name(path)?;
                // The standard library's reasons are better than FFmpeg's.
                File::create(&growing).map_err(|error| Error::writing(&growing, &error))?;
                file_url(&growing)
            }
            Self::Address { address, .. } => address_url(&with_packet_size(address)),
        }
    }

    /// The container: the one of the file's ending, or MPEG-TS.
    pub(super) fn container(&self) -> Result<Container> {
        match self {
            Self::Whole(file) => Container::of(file.path()),
            Self::Growing(path) => Container::of(path),
            Self::Address { .. } => Container::named("ts")
                .ok_or_else(|| Error::failed("this FFmpeg cannot write MPEG-TS; install a complete FFmpeg")),
        }
    }

    pub(super) fn interrupt(&self) -> Option<&Arc<AtomicBool>> {
        match self {
            Self::Address { interrupt, .. } => Some(interrupt),
            Self::Whole(_) | Self::Growing(_) => None,
        }
    }

    /// Each packet is written at once instead of waiting for a full buffer.
    pub(super) fn is_immediate(&self) -> bool {
        !matches!(self, Self::Whole(_))
    }

    /// The muxer's options, for painted frames with times in `time_base`.
    pub(super) fn header(&self, container: Container, time_base: Rational) -> Dictionary<'static> {
        let mut header = Dictionary::new();
        match self {
            Self::Whole(_) => {
                if container.is_quicktime() && (1000..=1_000_000_000).contains(&time_base.den) {
                    // The encoder's own unit, so that uneven times stay exact.
                    header.set("video_track_timescale", &time_base.den.to_string());
                }
            }
            // Fragments that play on their own, and a header that needs no end.
            _ if container.is_quicktime() => header.set("movflags", "frag_keyframe+empty_moov+default_base_moof"),
            Self::Growing(_) => header.set("cluster_time_limit", "1000"),
            Self::Address { .. } => {}
        }
        header
    }

    /// The name in messages, quoted if it is a file.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Whole(file) => format!("'{}'", file.path().display()),
            Self::Growing(path) => format!("'{}'", path.display()),
            Self::Address { address, .. } => address.clone(),
        }
    }

    /// The error for an address or file that FFmpeg did not open.
    pub(super) fn refused(&self, error: FfmpegError) -> Error {
        match self {
            Self::Address { address, .. } => Error::failed(format!(
                "{address} does not answer ({}); start the receiver, and check host and port",
                reason(error)
            )),
            Self::Whole(_) | Self::Growing(_) => self.failed(error),
        }
    }

    /// The error for a failed write.
    pub(super) fn failed(&self, error: FfmpegError) -> Error {
        match self {
            Self::Whole(file) => write_error(file.path(), error),
            Self::Growing(path) => write_error(path, error),
            Self::Address { address, .. } => {
                Error::failed(format!("{address} stopped accepting data: {}", reason(error)))
            }
        }
    }

    /// Gives a closed file its name once it is safe on the disk, or `other` instead.
    pub(super) fn commit(self, other: Option<&Path>) -> Result<()> {
        match self {
            Self::Whole(file) => {
                let path = file.path().to_owned();
                let committed = match other {
                    Some(other) => file.commit_as(other),
                    None => file.commit(),
                };
                committed.map_err(|error| Error::writing(&path, &error))
            }
            Self::Growing(path) => {
                whole::rename(&growing_name(&path)?, &path).map_err(|error| Error::writing(&path, &error))
            }
            Self::Address { .. } => Ok(()),
        }
    }
}

fn write_error(path: &Path, error: FfmpegError) -> Error {
    let reason = match error {
        FfmpegError::Other { errno } => io::Error::from_raw_os_error(errno),
        error => io::Error::other(reason(error)),
    };
    Error::writing(path, &reason)
}

/// Puts seven packets of the transport stream into a datagram, as players expect; without it some lose data.
fn with_packet_size(address: &str) -> String {
    let is_datagram = address.starts_with("udp://") || address.starts_with("srt://");
    if !is_datagram || address.contains("pkt_size=") {
        return address.to_owned();
    }
    format!("{address}{}pkt_size=1316", if address.contains('?') { '&' } else { '?' })
}

/// The name of a recording while it grows: `show.recording.mkv` for `show.mkv`. Unlike a hidden temporary file it is easy
/// to find, and plays, if the program was killed.
///
/// # Errors
/// `path` does not end in a file name with a video format's ending.
pub fn growing_name(path: &Path) -> Result<PathBuf> {
    Container::of(path)?;
    let (stem, ending) = (path.file_stem().unwrap_or_default(), path.extension().unwrap_or_default());
    let mut name = stem.to_owned();
    name.push(".recording.");
    name.push(ending);
    Ok(path.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_get_their_size_unless_another_was_asked_for() {
        assert_eq!(with_packet_size("udp://h:1"), "udp://h:1?pkt_size=1316");
        assert_eq!(with_packet_size("srt://h:1?mode=caller"), "srt://h:1?mode=caller&pkt_size=1316");
        assert_eq!(with_packet_size("udp://h:1?pkt_size=188"), "udp://h:1?pkt_size=188");
        assert_eq!(with_packet_size("tcp://h:1"), "tcp://h:1");
    }

    #[test]
    fn a_growing_recording_stands_beside_its_final_name() {
        assert_eq!(growing_name(Path::new("a/show.mkv")).unwrap(), Path::new("a/show.recording.mkv"));
        assert!(growing_name(Path::new("show")).is_err());
    }
}
