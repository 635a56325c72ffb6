//! Frames to a v4l2loopback device, which other programs take for a camera: the only place that knows `v4l`.
//!
//! Its bindings are used without its device type, which panics on what a strange driver may say: a card's name that is
//! cut in the middle of a letter, an unknown colour space.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::mem;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use v4l::v4l_sys::{self, v4l2_capability, v4l2_format, v4l2_fract, v4l2_pix_format, v4l2_streamparm};
use v4l::v4l2::{self, vidioc};

use super::Sink;
use crate::error::{Error, Result};
use crate::frame::{Frame, Stamp};
use crate::media::pixels::{ToYuyv, even_width};
use crate::size::Size;

/// How the driver calls itself.
const LOOPBACK: &[u8] = b"v4l2 loopback";

/// What brings a loopback device into being.
const INSTALL: &str =
    "sudo apt install v4l2loopback-dkms; sudo modprobe v4l2loopback exclusive_caps=1 card_label=impasto";

/// There while the module is loaded.
const MODULE: &str = "/sys/module/v4l2loopback";

/// Pixels as webcams give them; `Y0 U Y1 V`.
const YUYV: u32 = u32::from_le_bytes(*b"YUYV");

const OUTPUT: v4l_sys::v4l2_buf_type = v4l_sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT;

/// Writes frames to a loopback device. Programs that read it may come and go.
#[derive(Debug)]
pub struct V4l2Sink {
    device: File,
    path: PathBuf,
    label: String,
    /// Columns and rows of the frames; the device has [`even_width`] of them.
    size: Size,
    /// Bytes from row to row, as the device wants them.
    stride: u32,
    /// One frame as the device takes it.
    packed: Vec<u8>,
    yuyv: ToYuyv,
}

/// The first loopback device that nobody writes to.
///
/// # Errors
/// There is none; the sentence says how to get one.
pub fn find() -> Result<PathBuf> {
    // Those without hardware; a real camera is not even opened.
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
    /// Opens the loopback device at `path` for frames of `width` x `height`, `fps` a second. The device shows an odd
    /// width without its last column.
    ///
    /// # Errors
    /// There is no such device, it takes no pictures (a real camera), this user may not write to it, another program
    /// writes to it, a program that reads it holds it in another size, or no camera has such a size.
    pub fn open(path: &Path, width: u32, height: u32, fps: u32) -> Result<Self> {
        super::check_camera(Size::new(width, height))?;
        let (device, found) = open(path)?;
        if found.busy() {
            return Err(Error::failed(busy_words(path)));
        }
        if !found.output {
            return Err(Error::failed(format!(
                "'{}' ({}) is a camera, not a virtual one that pictures can be written to; name a v4l2loopback device, or \
                 make one: {INSTALL}",
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

    /// What other programs call the camera.
    pub fn label(&self) -> &str {
        &self.label
    }
}

impl Sink for V4l2Sink {
    fn put_at(&mut self, frame: &Frame, _stamp: Stamp) -> Result<()> {
        super::check_frame(frame, self.size)?;
        self.yuyv.convert(frame.image(), self.stride, &mut self.packed)?;
        // One call, one frame. The rest of one that the device takes in part would be the next one's beginning.
        loop {
            match self.device.write(&self.packed) {
                Ok(written) if written == self.packed.len() => return Ok(()),
                Ok(written) => {
                    return Err(Error::failed(format!(
                        "'{}' took {written} bytes of a frame's {}; load the kernel module v4l2loopback anew",
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

/// What a device says of itself.
struct Capability {
    card: String,
    loopback: bool,
    /// Pictures can be read from it.
    capture: bool,
    /// Pictures can be written to it.
    output: bool,
}

impl Capability {
    /// With `exclusive_caps=1` a loopback device is a camera, and nothing else, while a program writes to it. Without, it
    /// does not tell.
    fn busy(&self) -> bool {
        self.loopback && self.capture && !self.output
    }
}

/// Opens a device and asks what it is.
fn open(path: &Path) -> Result<(File, Capability)> {
    let open = || OpenOptions::new().read(true).write(true).open(path).map_err(|error| refused(path, &error));
    let device = open()?;
    let found = capability(&device, path)?;
    if !found.loopback || found.capture || found.output {
        return Ok((device, found));
    }
    // v4l2loopback 0.12 with exclusive_caps=1 still waits for a writer that has gone, if that one only used `write`, as
    // ffmpeg does. It stops waiting when one that it knows as a writer goes.
    be_writer(&device);
    drop(device);
    let device = open()?;
    let found = capability(&device, path)?;
    Ok((device, found))
}

/// Why the device at `path` does not do what it was asked, with the cure.
fn refused(path: &Path, error: &io::Error) -> Error {
    let path_words = path.display();
    Error::failed(match error.kind() {
        io::ErrorKind::NotFound if Path::new(MODULE).exists() => {
            format!("there is no device '{path_words}'; see which there are: v4l2-ctl --list-devices")
        }
        io::ErrorKind::NotFound => {
            format!(
                "there is no device '{path_words}', for the kernel module v4l2loopback is not loaded; run: {INSTALL}"
            )
        }
        io::ErrorKind::PermissionDenied => {
            format!(
                "'{path_words}' may not be written to; join its group and log in again: sudo usermod -aG video \"$USER\""
            )
        }
        io::ErrorKind::ResourceBusy => busy_words(path),
        // ENODEV and ENXIO have no kind of their own.
        _ if matches!(error.raw_os_error(), Some(6 | 19)) => {
            format!("the device '{path_words}' is gone; load the kernel module v4l2loopback again")
        }
        _ => format!("the device '{path_words}' takes no pictures: {error}"),
    })
}

fn busy_words(path: &Path) -> String {
    format!(
        "another program writes to '{}', or still reads what one wrote; close it, or name another v4l2loopback device",
        path.display()
    )
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

/// Sets size and pixels; gives the bytes from row to row.
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
        let pixels = if set.pixelformat == YUYV { "" } else { ", in other pixels than YUYV" };
        return Err(Error::failed(format!(
            "'{}' is held at {}x{}{pixels}, by a program that reads it or by its own settings, and takes no frames of \
             {width}x{height}; close that program, or load the kernel module v4l2loopback anew",
            path.display(),
            set.width,
            set.height
        )));
    }
    Ok(set.bytesperline.max(width * 2))
}

/// Tells readers the frame rate. A device that does not want to know it works all the same.
fn set_rate(device: &File, fps: u32) {
    // SAFETY: structures and unions of numbers, for which zeros are valid.
    let mut parameters: v4l2_streamparm = unsafe { mem::zeroed() };
    parameters.type_ = OUTPUT;
    parameters.parm.output.timeperframe = v4l2_fract { numerator: 1, denominator: fps.max(1) };
    // SAFETY: v4l2_streamparm is S_PARM's structure.
    let _ = unsafe { ioctl(device, vidioc::VIDIOC_S_PARM, &mut parameters) };
}

/// Makes v4l2loopback 0.12 know this as the writer, so that it takes another when this one has gone: for `write` alone it
/// does not. Later ones know by themselves and refuse this.
fn be_writer(device: &File) {
    let mut kind = OUTPUT as std::ffi::c_int;
    // SAFETY: STREAMON reads an int.
    let _ = unsafe { ioctl(device, vidioc::VIDIOC_STREAMON, &mut kind) };
}
