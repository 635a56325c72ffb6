//! What reading and writing share: FFmpeg's start, its error texts, file names and units of time.

use std::ffi::{CStr, CString, c_int, c_void};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};

use ffmpeg_next::ffi;

use crate::error::{Error, Result};
use crate::frame::Rational;

/// The version of the FFmpeg libraries in use, such as `5.1.6-0+deb12u1`.
pub fn version() -> String {
    // SAFETY: FFmpeg returns a pointer to a static string that ends in zero.
    let version = unsafe { CStr::from_ptr(ffi::av_version_info()) };
    version.to_string_lossy().into_owned()
}

/// The file of FFmpeg's codecs that is loaded; `None` where the system does not tell.
pub fn place() -> Option<PathBuf> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let mut paths = maps.lines().filter_map(|line| Some(Path::new("/").join(line.split_once('/')?.1)));
    paths.find(|path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"libavcodec.")))
}

/// Initialises FFmpeg once, and keeps it from writing to the terminal, which only `report` does.
pub fn prepare() {
    static PREPARED: Once = Once::new();
    PREPARED.call_once(|| {
        // Cannot fail in the versions that this builds against; without it, errors only lack their text.
        let _ = ffmpeg_next::init();
        // SAFETY: sets one integer; AV_LOG_QUIET is a valid level.
        unsafe { ffi::av_log_set_level(ffi::AV_LOG_QUIET) };
    });
}

/// FFmpeg's text for an error, to end a sentence with.
pub fn reason(error: ffmpeg_next::Error) -> String {
    error.to_string().trim().to_owned()
}

/// Turns a negative return value of FFmpeg into an error; `what` begins its sentence.
pub fn check(answer: i32, what: &str) -> Result<()> {
    if answer < 0 { Err(Error::failed(format!("{what}: {}", reason(answer.into())))) } else { Ok(()) }
}

/// `path` as FFmpeg wants it: with the protocol in front, so that a colon in the name stays part of the name.
pub fn file_url(path: &Path) -> Result<CString> {
    let mut bytes = b"file:".to_vec();
    bytes.extend(path.as_os_str().as_encoded_bytes());
    CString::new(bytes).map_err(|_| Error::usage("a file name cannot contain a zero byte"))
}

/// `address` as FFmpeg wants it.
pub fn address_url(address: &str) -> Result<CString> {
    CString::new(address).map_err(|_| Error::usage("an address cannot contain a zero byte"))
}

/// A callback that makes FFmpeg stop waiting once `flag` is set. The flag must outlive whatever gets the callback.
pub fn interrupt(flag: &Arc<AtomicBool>) -> ffi::AVIOInterruptCB {
    ffi::AVIOInterruptCB { callback: Some(is_interrupted), opaque: Arc::as_ptr(flag) as *mut c_void }
}

extern "C" fn is_interrupted(flag: *mut c_void) -> c_int {
    // SAFETY: [`interrupt`]'s flag, which outlives the caller.
    let flag = unsafe { &*flag.cast::<AtomicBool>().cast_const() };
    c_int::from(flag.load(Ordering::Relaxed))
}

impl From<ffmpeg_next::Rational> for Rational {
    fn from(ratio: ffmpeg_next::Rational) -> Self {
        Self { num: ratio.numerator(), den: ratio.denominator() }
    }
}

impl From<Rational> for ffmpeg_next::Rational {
    fn from(ratio: Rational) -> Self {
        Self::new(ratio.num, ratio.den)
    }
}

/// FFmpeg's `AV_TIME_BASE`: microseconds.
pub const MICROSECONDS: Rational = Rational { num: 1, den: ffi::AV_TIME_BASE };

/// Converts `ticks` from one time base to another, rounded to nearest.
pub fn rescale(ticks: i64, from: Rational, to: Rational) -> i64 {
    use ffmpeg_next::Rescale;
    ticks.rescale(ffmpeg_next::Rational::from(from), ffmpeg_next::Rational::from(to))
}
