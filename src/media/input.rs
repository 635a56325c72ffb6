//! Opening files for reading.

use std::ffi::{CString, c_int, c_void};
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use ffmpeg_next::ffi;
use ffmpeg_next::format::context::Input;
use ffmpeg_next::{Dictionary, Error as FfmpegError, Packet};

use super::{formats, words};
use crate::error::{Error, Result};
use crate::frame::MaxPixels;

/// FFmpeg's name of a file: with its protocol, so that a colon in the name is part of the name.
pub fn url(path: &Path) -> Result<CString> {
    let mut bytes = b"file:".to_vec();
    bytes.extend(path.as_os_str().as_encoded_bytes());
    CString::new(bytes).map_err(|_| Error::usage("a file name cannot contain a zero byte"))
}

/// How long an address may be silent.
const SILENCE: Duration = Duration::from_secs(10);

/// What makes FFmpeg stop waiting once `flag` is set; the flag must live as long as what it is given to.
pub(super) fn interrupt(flag: &Arc<AtomicBool>) -> ffi::AVIOInterruptCB {
    ffi::AVIOInterruptCB { callback: Some(is_given_up), opaque: Arc::as_ptr(flag) as *mut c_void }
}

extern "C" fn is_given_up(flag: *mut c_void) -> c_int {
    // SAFETY: [`interrupt`]'s flag, which outlives what asks.
    let flag = unsafe { &*flag.cast::<AtomicBool>().cast_const() };
    c_int::from(flag.load(Ordering::Relaxed))
}

/// Opens `address`, in the format of that name if it needs one (`x11grab`, `avfoundation`), and finds out about its streams.
/// Setting `give_up` ends all waiting, now and later; it must live as long as the input.
///
/// # Errors
/// Nobody answers there, or what does is no video.
pub(super) fn open_address(
    address: &str,
    format: Option<&str>,
    options: &[(&str, String)],
    most: MaxPixels,
    give_up: &Arc<AtomicBool>,
) -> Result<Input> {
    prepare();
    let text = |text: &str| CString::new(text).map_err(|_| Error::usage("an address cannot contain a zero byte"));
    let (url, format_name) = (text(address)?, text(format.unwrap_or_default())?);
    let mut entry = ptr::null();
    if let Some(format) = format {
        // SAFETY: registers static tables; the name ends in zero; null stands for nothing found.
        entry = unsafe {
            ffi::avdevice_register_all();
            ffi::av_find_input_format(format_name.as_ptr())
        };
        if entry.is_null() {
            return Err(Error::failed(format!("this FFmpeg cannot read {format}; install one that was built with it")));
        }
    }
    let micros = SILENCE.as_micros().to_string();
    let mut wishes = Dictionary::new();
    // Which of them counts depends on the protocol; the others are left over.
    for name in ["timeout", "rw_timeout", "stimeout"] {
        if format.is_none() {
            wishes.set(name, &micros);
        }
    }
    options.iter().for_each(|(name, value)| wishes.set(name, value));
    // SAFETY: a new context, or null, which the opening below replaces; on failure FFmpeg frees it. It changes the
    // dictionary, which is taken back and freed.
    let (context, opened) = unsafe {
        let mut context = ffi::avformat_alloc_context();
        if !context.is_null() {
            (*context).interrupt_callback = interrupt(give_up);
        }
        let mut raw = wishes.disown();
        let opened = ffi::avformat_open_input(&raw mut context, url.as_ptr(), entry, &raw mut raw);
        drop(Dictionary::own(raw));
        (context, opened)
    };
    if opened < 0 {
        let reason = words(opened.into());
        let what = if format.is_some() { "the screen " } else { "" };
        return Err(Error::failed(format!(
            "{what}'{address}' cannot be opened ({reason}); check that it is there and plays"
        )));
    }
    // SAFETY: `context` was just opened for reading and is owned by nobody else.
    let mut input = unsafe { Input::wrap(context) };
    find_streams(&mut input, address, most)?;
    Ok(input)
}

/// Refuses what streams claim.
fn check_sizes(input: &Input, shown: &str, most: MaxPixels) -> Result<()> {
    for stream in input.streams() {
        // SAFETY: reads plain fields of an open input.
        let (width, height) =
            unsafe { ((*stream.parameters().as_ptr()).width, (*stream.parameters().as_ptr()).height) };
        if width > 0 && height > 0 {
            most.check(&format!("'{shown}'"), width.cast_unsigned(), height.cast_unsigned())?;
        }
    }
    Ok(())
}

/// Finds out what streams there are. That may decode some of them, frames of at most `most` pixels.
fn find_streams(input: &mut Input, shown: &str, most: MaxPixels) -> Result<()> {
    check_sizes(input, shown, most)?;
    let limit = most.pixels().to_string();
    let options = |_| {
        let mut options = Dictionary::new();
        options.set("max_pixels", &limit);
        // SAFETY: it is freed below.
        unsafe { options.disown() }
    };
    let mut options: Vec<_> = (0..input.nb_streams()).map(options).collect();
    // SAFETY: the context is open, and there is one dictionary for each of its streams so far.
    let found = unsafe { ffi::avformat_find_stream_info(input.as_mut_ptr(), options.as_mut_ptr()) };
    // SAFETY: FFmpeg leaves the dictionaries, with what it did not use, to their owner.
    options.into_iter().for_each(|options| drop(unsafe { Dictionary::own(options) }));
    if found < 0 {
        let reason = words(found.into());
        return Err(Error::failed(format!("cannot find out what '{shown}' holds: {reason}")));
    }
    // Some say it only now.
    check_sizes(input, shown, most)
}

/// Opens `path` and finds out about its streams.
///
/// # Errors
/// The file cannot be read, or is no media file.
pub fn open(path: &Path, most: MaxPixels) -> Result<Input> {
    prepare();
    let reading = |error: io::Error| Error::reading(path, &error);
    let metadata = fs::metadata(path).map_err(reading)?;
    if metadata.is_dir() {
        return Err(reading(io::ErrorKind::IsADirectory.into()));
    }
    File::open(path).map_err(reading)?;
    let shown = path.display();
    if metadata.is_file() && metadata.len() == 0 {
        return Err(Error::failed(format!("'{shown}' is empty; copy or download it again")));
    }
    let url = url(path)?;
    let mut wishes = Dictionary::new();
    // The file may name no other file and no address: see `formats`.
    wishes.set("format_whitelist", &formats::self_contained());
    wishes.set("protocol_whitelist", "file");
    // Nor does a percent sign in its name make it many pictures.
    wishes.set("pattern_type", "none");
    let mut context = ptr::null_mut();
    // SAFETY: `context` is null, so FFmpeg allocates it; on failure it frees what it had allocated and leaves null. It changes
    // the dictionary, which is taken back and freed.
    let opened = unsafe {
        let mut raw = wishes.disown();
        let opened = ffi::avformat_open_input(&raw mut context, url.as_ptr(), ptr::null(), &raw mut raw);
        drop(Dictionary::own(raw));
        opened
    };
    if opened < 0 {
        if metadata.is_file() && formats::names_others(path, &url) {
            return Err(Error::failed(format!(
                "'{shown}' is a list that names other files or addresses, which are not opened for it; give the films themselves, \
                 or put them into one: ffmpeg -i {shown} -c copy film.mkv"
            )));
        }
        let reason = words(opened.into());
        return Err(Error::failed(format!(
            "'{shown}' is not a video that FFmpeg can read ({reason}); it may be another kind of file, or cut off"
        )));
    }
    // SAFETY: `context` was just opened for reading and is owned by nobody else.
    let mut input = unsafe { Input::wrap(context) };
    find_streams(&mut input, &shown.to_string(), most)?;
    Ok(input)
}

/// Makes FFmpeg ready: its words for errors, and no word of its own on the terminal, where only `report` writes.
pub fn prepare() {
    static PREPARED: Once = Once::new();
    PREPARED.call_once(|| {
        // Cannot fail in the versions that this builds against; without it, errors only lack their words.
        let _ = ffmpeg_next::init();
        // SAFETY: sets one integer; AV_LOG_QUIET is a valid level.
        unsafe { ffi::av_log_set_level(ffi::AV_LOG_QUIET) };
    });
}

/// Reads the next packet into `packet`. Its old content is let go first: `Packet::read` alone overwrites it, and every
/// packet of the file would stay in memory.
pub(super) fn read(packet: &mut Packet, input: &mut Input) -> Result<(), FfmpegError> {
    *packet = Packet::empty();
    packet.read(input)
}
