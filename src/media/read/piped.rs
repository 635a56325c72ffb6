//! FFmpeg reading from a pipe, whose silence a stop ends.

use std::ffi::{c_int, c_void};
use std::io::Read;
use std::path::Path;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ffmpeg_next::{Error as FfmpegError, ffi};

use crate::error::{Error, Result};
use crate::sync::pipe::Pipe;

/// Bytes that are read at once, at most: what a pipe of Linux holds.
const BUFFER: usize = 64 << 10;

/// How much of its beginning is kept: enough to tell how long a Matroska file should be.
const HEAD: usize = 128;

/// A pipe as FFmpeg's own input. It must outlive the context that reads from it.
pub struct PipeContext {
    raw: *mut ffi::AVIOContext,
    pipe: *mut Counted,
}

/// A pipe with a count of what passed through it.
struct Counted {
    pipe: Pipe,
    head: Vec<u8>,
    passed: u64,
}

// SAFETY: both pointers are owned, and used by one thread at a time.
unsafe impl Send for PipeContext {}

impl PipeContext {
    /// Opens the pipe `path`; see [`Pipe::open`].
    pub fn open(path: &Path, stop: Arc<AtomicBool>) -> Result<Self> {
        let pipe = Pipe::open(path, stop).map_err(|error| Error::reading(path, &error))?;
        let pipe = Box::into_raw(Box::new(Counted { pipe, head: Vec::new(), passed: 0 }));
        let mut context = Self { raw: std::ptr::null_mut(), pipe };
        // SAFETY: the buffer becomes the context's, and is freed here if there is no context; the pipe outlives both.
        unsafe {
            let buffer = ffi::av_malloc(BUFFER);
            if !buffer.is_null() {
                let (size, bytes) = (BUFFER as c_int, buffer.cast());
                context.raw = ffi::avio_alloc_context(bytes, size, 0, pipe.cast(), Some(read), None, None);
            }
            if context.raw.is_null() {
                ffi::av_free(buffer);
                return Err(Error::failed("out of memory"));
            }
        }
        Ok(context)
    }

    /// What FFmpeg reads from.
    pub fn as_mut_ptr(&mut self) -> *mut ffi::AVIOContext {
        self.raw
    }

    /// Its first bytes, as far as they were read.
    pub fn head(&self) -> &[u8] {
        // SAFETY: owned, and FFmpeg reads only while it is asked to, by who holds the input.
        unsafe { &(*self.pipe).head }
    }

    /// Number of bytes that were read.
    pub fn passed(&self) -> u64 {
        // SAFETY: as above.
        unsafe { (*self.pipe).passed }
    }
}

impl Drop for PipeContext {
    fn drop(&mut self) {
        // SAFETY: the context and its buffer, which FFmpeg may have replaced, are freed once; then the pipe.
        unsafe {
            if !self.raw.is_null() {
                ffi::av_freep((&raw mut (*self.raw).buffer).cast());
                ffi::avio_context_free(&raw mut self.raw);
            }
            drop(Box::from_raw(self.pipe));
        }
    }
}

unsafe extern "C" fn read(pipe: *mut c_void, to: *mut u8, size: c_int) -> c_int {
    // SAFETY: the pipe is that of `open`, nobody else uses it meanwhile, and FFmpeg's buffer has `size` bytes.
    let (counted, to) = unsafe { (&mut *pipe.cast::<Counted>(), slice::from_raw_parts_mut(to, size.max(0) as usize)) };
    match counted.pipe.read(to) {
        Ok(0) => FfmpegError::Eof.into(),
        Ok(length) => {
            let kept = length.min(HEAD - counted.head.len());
            counted.head.extend_from_slice(&to[..kept]);
            counted.passed += length as u64;
            length as c_int
        }
        Err(_) => FfmpegError::Exit.into(),
    }
}
