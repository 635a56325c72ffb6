//! Writes frames to a v4l2loopback device, which other programs use as a camera.
//!
//! The bindings of `v4l` are used without its device type, which panics on what an unusual driver may report: a card name cut in the
//! middle of a character, an unknown colour space.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::mem;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use v4l::v4l_sys::{self, v4l2_capability, v4l2_format, v4l2_fract, v4l2_pix_format, v4l2_streamparm};
use v4l::v4l2::{self, vidioc};

use super::Sink;
use crate::error::{Error, Result, cause};
use crate::frame::{Frame, Stamp};
use crate::media::pixels::{ToYuyv, even_width};
use crate::size::Size;

/// The driver's name.
const LOOPBACK: &[u8] = b"v4l2 loopback";

/// The commands that create a loopback device.
const INSTALL: &str =
    "sudo apt install v4l2loopback-dkms; sudo modprobe v4l2loopback exclusive_caps=1 card_label=impasto";

/// Exists while the module is loaded.
const MODULE: &str = "/sys/module/v4l2loopback";

/// The usual pixel format of webcams: `Y0 U Y1 V`.
const YUYV: u32 = u32::from_le_bytes(*b"YUYV");

const OUTPUT: v4l_sys::v4l2_buf_type = v4l_sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT;

/// Writes frames to a loopback device. Programs may start and stop reading it at any time.
#[derive(Debug)]
pub struct V4l2Sink {
    device: File,
    path: PathBuf,
    label: String,
    /// Columns and rows of the frames; the device has [`even_width`] of them.
    size: Size,
    /// Bytes from row to row, as the device expects.
    stride: u32,
    /// One frame in the device's format.
    packed: Vec<u8>,
    yuyv: ToYuyv,
}

/// The first loopback device that nobody writes to.
///
/// # Errors
/// There is none; the message says how to get one.
pub fn find() -> Result<PathBuf> {
    // Only devices without hardware; real cameras are not opened.
    let mut numbers: Vec<u32> = fs::read_dir("/sys/devices/virtual/video4linux")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_prefix("video")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    let mut reasons = Vec::new();
    for path in numbers.into_iter().map(|number| PathBuf::from(format!("/dev/video{number}"))) {
        match open(&path).map(|(_, found)| found) {
            Ok(found) if found.loopback && !found.busy() => return Ok(path),
            Ok(found) if found.loopback => reasons.push(Error::failed(busy_words(&path))),
            Ok(_) => {}
            Err(error) => reasons.push(error),
        }
    }
    if let Some(reason) = reasons.into_iter().next() {
        return Err(reason);
    }
    Err(Error::failed(if Path::new(MODULE).exists() {
        "the kernel module v4l2loopback has no device; run: sudo modprobe -r v4l2loopback; \
         sudo modprobe v4l2loopback exclusive_caps=1 card_label=impasto"
            .to_owned()
    } else {
        format!("the kernel module v4l2loopback is not loaded; run: {INSTALL}")
    }))
}

impl V4l2Sink {
    /// Opens the loopback device at `path` for frames of `width` x `height`, `fps` per second. For an odd width the device shows one
    /// column less.
    ///
    /// # Errors
    /// There is no such device; it accepts no pictures (a real camera); this user has no permission; another program writes to it;
    /// a program that reads it keeps it at another size; or no camera can have this size.
    pub fn open(path: &Path, width: u32, height: u32, fps: u32) -> Result<Self> {
        super::check_camera(Size::new(width, height))?;
        let (device, found) = open(path)?;
        if found.busy() {
            return Err(Error::failed(busy_words(path)));
        }
        if !found.output {
            return Err(Error::failed(format!(
                "'{}' ({}) is a real camera; name a v4l2loopback device, or create one: {INSTALL}",
                path.display(),
                found.card
            )));
        }
        let stride = set_format(&device, path, even_width(width), height)?;
        set_rate(&device, fps);
        if found.loopback {
            be_writer(&device);
        }
        let packed = vec![0; stride as usize * height as usize];
        let (path, label) = (path.to_owned(), found.card);
        Ok(Self { device, path, label, size: Size::new(width, height), stride, packed, yuyv: ToYuyv::default() })
    }

    /// The camera's name in other programs.
    pub fn label(&self) -> &str {
        &self.label
    }
}

impl Sink for V4l2Sink {
    fn put_at(&mut self, frame: &Frame, _stamp: Stamp) -> Result<()> {
        super::check_frame(frame, self.size)?;
        self.yuyv.convert(frame.image(), self.stride, &mut self.packed)?;
        // One call per frame: the rest of a partial write would become the start of the next frame.
        loop {
            match self.device.write(&self.packed) {
                Ok(written) if written == self.packed.len() => return Ok(()),
                Ok(written) => {
                    return Err(Error::failed(format!(
                        "'{}' accepted only {written} of a frame's {} bytes; reload the kernel module v4l2loopback",
                        self.path.display(),
                        self.packed.len()
                    )));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(refused(&self.path, &error)),
            }
        }
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// What a device reports about itself.
struct Capability {
    card: String,
    loopback: bool,
    /// Pictures can be read from it.
    capture: bool,
    /// Pictures can be written to it.
    output: bool,
}

impl Capability {
    /// With `exclusive_caps=1`, a loopback device is only a camera while a program writes to it. Without, it does not tell.
    fn busy(&self) -> bool {
        self.loopback && self.capture && !self.output
    }
}

/// Opens a device and queries its capabilities.
fn open(path: &Path) -> Result<(File, Capability)> {
    let open = || OpenOptions::new().read(true).write(true).open(path).map_err(|error| refused(path, &error));
    let device = open()?;
    let found = capability(&device, path)?;
    if !found.loopback || found.capture || found.output {
        return Ok((device, found));
    }
    // v4l2loopback 0.12 with exclusive_caps=1 keeps waiting for a writer that has gone if that one only used `write`, as ffmpeg does.
    // It stops waiting when a writer that it knows goes.
    be_writer(&device);
    drop(device);
    let device = open()?;
    let found = capability(&device, path)?;
    Ok((device, found))
}

/// Why the device at `path` failed, and the cure.
fn refused(path: &Path, error: &io::Error) -> Error {
    let path_words = path.display();
    Error::failed(match error.kind() {
        io::ErrorKind::NotFound if Path::new(MODULE).exists() => {
            format!("no device '{path_words}'; list them with v4l2-ctl --list-devices")
        }
        io::ErrorKind::NotFound => {
            format!("no device '{path_words}': the kernel module v4l2loopback is not loaded; run: {INSTALL}")
        }
        io::ErrorKind::PermissionDenied => {
            format!(
                "no permission to write to '{path_words}'; join its group and log in again: sudo usermod -aG video \"$USER\""
            )
        }
        io::ErrorKind::ResourceBusy => busy_words(path),
        // ENODEV and ENXIO have no kind of their own.
        _ if matches!(error.raw_os_error(), Some(6 | 19)) => {
            format!("the device '{path_words}' is gone; reload the kernel module v4l2loopback")
        }
        _ => format!(
            "the device '{path_words}' accepts no pictures: {}; name another v4l2loopback device, or reload its kernel module",
            cause(error)
        ),
    })
}

fn busy_words(path: &Path) -> String {
    format!("another program is using '{}'; close it, or name another v4l2loopback device", path.display())
}

/// Asks the driver; `argument` is what `request` is defined with.
///
/// # Safety
/// `T` is the structure that the kernel reads and writes for `request`.
unsafe fn ioctl<T>(device: &File, request: vidioc::_IOC_TYPE, argument: &mut T) -> io::Result<()> {
    // SAFETY: the file is open, and the caller answers for the structure, which lives through the call.
    unsafe { v4l2::ioctl(device.as_raw_fd(), request, (&raw mut *argument).cast()) }
}

fn capability(device: &File, path: &Path) -> Result<Capability> {
    // SAFETY: a structure of numbers and arrays of numbers, for which zeros are valid.
    let mut found: v4l2_capability = unsafe { mem::zeroed() };
    // SAFETY: v4l2_capability is QUERYCAP's structure.
    if unsafe { ioctl(device, vidioc::VIDIOC_QUERYCAP, &mut found) }.is_err() {
        return Err(Error::failed(format!("'{}' is not a video device; name one like /dev/video10", path.display())));
    }
    let text = |bytes: &[u8]| {
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    };
    let has = |bit| found.device_caps & bit != 0;
    Ok(Capability {
        card: text(&found.card),
        loopback: text(&found.driver).as_bytes() == LOOPBACK,
        capture: has(v4l_sys::V4L2_CAP_VIDEO_CAPTURE),
        output: has(v4l_sys::V4L2_CAP_VIDEO_OUTPUT),
    })
}

/// Sets the size and pixel format; returns the bytes from row to row.
fn set_format(device: &File, path: &Path, width: u32, height: u32) -> Result<u32> {
    // SAFETY: structures and unions of numbers, for which zeros are valid.
    let mut format: v4l2_format = unsafe { mem::zeroed() };
    format.type_ = OUTPUT;
    format.fmt.pix = v4l2_pix_format {
        width,
        height,
        pixelformat: YUYV,
        field: v4l_sys::v4l2_field_V4L2_FIELD_NONE,
        bytesperline: width * 2,
        sizeimage: width * 2 * height,
        // sRGB's default encoding is BT.601 in limited range; v4l2loopback says sRGB whatever it is told.
        colorspace: v4l_sys::v4l2_colorspace_V4L2_COLORSPACE_SRGB,
        // SAFETY: as above.
        ..unsafe { mem::zeroed() }
    };
    // SAFETY: v4l2_format is S_FMT's structure.
    unsafe { ioctl(device, vidioc::VIDIOC_S_FMT, &mut format) }.map_err(|error| refused(path, &error))?;
    // SAFETY: the driver fills this member for the type that was asked for; any numbers are valid.
    let set = unsafe { format.fmt.pix };
    if (set.width, set.height, set.pixelformat) != (width, height, YUYV) {
        let pixels = if set.pixelformat == YUYV { "" } else { " in another pixel format" };
        return Err(Error::failed(format!(
            "'{}' stays at {}x{}{pixels}, because of a program that reads it or its own settings, and accepts no frames of \
             {width}x{height}; close that program, or reload the kernel module v4l2loopback",
            path.display(),
            set.width,
            set.height
        )));
    }
    Ok(set.bytesperline.max(width * 2))
}

/// Tells readers the frame rate. A device that rejects it works all the same.
fn set_rate(device: &File, fps: u32) {
    // SAFETY: structures and unions of numbers, for which zeros are valid.
    let mut parameters: v4l2_streamparm = unsafe { mem::zeroed() };
    parameters.type_ = OUTPUT;
    parameters.parm.output.timeperframe = v4l2_fract { numerator: 1, denominator: fps.max(1) };
    // SAFETY: v4l2_streamparm is S_PARM's structure.
    let _ = unsafe { ioctl(device, vidioc::VIDIOC_S_PARM, &mut parameters) };
}

/// Registers as the writer with v4l2loopback 0.12, which otherwise accepts no other writer afterwards. Later versions register by
/// themselves and refuse this.
fn be_writer(device: &File) {
    let mut kind = OUTPUT as std::ffi::c_int;
    // SAFETY: STREAMON reads an int.
    let _ = unsafe { ioctl(device, vidioc::VIDIOC_STREAMON, &mut kind) };
}
