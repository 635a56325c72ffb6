//! What nokhwa does not report about a camera on Linux, or gets wrong, read from V4L2 itself.
//!
//! nokhwa 0.10.11 lists every /dev/video* in no order, metadata and output nodes too, and panics on names without a number. Of
//! sizes in steps it sees only the diagonal. It cannot open a camera that the last program left at a frame rate or a pixel format
//! that nokhwa does not know. It assumes rows without padding. And it hides each buffer's sequence number and timestamp.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io, mem};

use v4l::capability::Flags;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::v4l_sys::{self, v4l2_buffer};
use v4l::v4l2::{self, vidioc};
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, FourCC};

use super::choice::{Camera, Format, Mode, PixelFormat};
use super::stamp::DriverStamp;

/// Where the kernel lists video devices.
const CLASS: &str = "/sys/class/video4linux";
/// Sizes to offer for a camera that makes any size within limits.
const SIZES: [(u32, u32); 9] =
    [(160, 120), (320, 180), (320, 240), (640, 360), (640, 480), (800, 600), (1280, 720), (1920, 1080), (3840, 2160)];
/// Rates to offer for one that keeps any rate within limits.
const RATES: [u32; 8] = [120, 60, 50, 30, 25, 24, 15, 5];

/// The devices that capture pictures, by number.
pub fn cameras() -> Vec<Camera> {
    let entries = fs::read_dir(CLASS).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.strip_prefix("video")?.parse().ok());
    let mut numbers: Vec<u32> = numbers.collect();
    numbers.sort_unstable();
    numbers.into_iter().filter_map(camera).collect()
}

fn camera(index: u32) -> Option<Camera> {
    let entry = |name: &str| fs::read_to_string(format!("{CLASS}/video{index}/{name}"));
    let path = format!("/dev/video{index}");
    let name = entry("name").map_or_else(|_| path.clone(), |name| name.trim().to_owned());
    let formats = match Device::with_path(&path) {
        Ok(device) => {
            if !device.query_caps().ok()?.capabilities.contains(Flags::VIDEO_CAPTURE) {
                return None;
            }
            formats(&device)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        // No permission to ask. A camera's further nodes, for metadata, follow its first.
        Err(_) => {
            if entry("index").is_ok_and(|index| index.trim() != "0") {
                return None;
            }
            Vec::new()
        }
    };
    Some(Camera { index, name, path: Some(path), formats })
}

fn formats(device: &Device) -> Vec<Format> {
    let mut formats: Vec<Format> = Vec::new();
    for description in device.enum_formats().unwrap_or_default() {
        let Some(pixel_format) = known(description.fourcc) else { continue };
        for (width, height) in sizes(device, description.fourcc) {
            let frame_rates = rates(device, description.fourcc, width, height);
            // Drivers may list a format twice.
            let same = |f: &Format| (f.pixel_format, f.width, f.height) == (pixel_format, width, height);
            if !formats.iter().any(same) {
                formats.push(Format { pixel_format, width, height, frame_rates });
            }
        }
    }
    formats
}

fn sizes(device: &Device, fourcc: FourCC) -> Vec<(u32, u32)> {
    let mut sizes = Vec::new();
    for found in device.enum_framesizes(fourcc).unwrap_or_default() {
        match found.size {
            FrameSizeEnum::Discrete(size) => sizes.push((size.width, size.height)),
            FrameSizeEnum::Stepwise(limits) => {
                let fits = |side: u32, min: u32, max: u32, step: u32| {
                    (min..=max).contains(&side) && (side - min).is_multiple_of(step.max(1))
                };
                sizes.extend(SIZES.iter().filter(|(width, height)| {
                    fits(*width, limits.min_width, limits.max_width, limits.step_width)
                        && fits(*height, limits.min_height, limits.max_height, limits.step_height)
                }));
            }
        }
    }
    sizes
}

fn rates(device: &Device, fourcc: FourCC, width: u32, height: u32) -> Vec<f64> {
    let rate = |interval: v4l::Fraction| f64::from(interval.denominator) / f64::from(interval.numerator.max(1));
    let mut rates = Vec::new();
    for found in device.enum_frameintervals(fourcc, width, height).unwrap_or_default() {
        match found.interval {
            FrameIntervalEnum::Discrete(interval) => rates.push(rate(interval)),
            FrameIntervalEnum::Stepwise(limits) => {
                let (slowest, fastest) = (rate(limits.max), rate(limits.min));
                rates.extend(
                    RATES.iter().map(|rate| f64::from(*rate)).filter(|rate| (slowest..=fastest).contains(rate)),
                );
            }
        }
    }
    rates.sort_by(|a, b| b.total_cmp(a));
    rates.dedup();
    rates
}

/// Sets the device to `mode`, which is how nokhwa then finds it, and gives the bytes from row to row (0: the format has no rows).
///
/// # Errors
/// The device is gone, busy, forbidden, or refuses the mode.
pub fn prepare(path: &Path, mode: Mode) -> io::Result<u32> {
    let device = Device::with_path(path)?;
    let set = device.set_format(&v4l::Format::new(mode.width, mode.height, code(mode.pixel_format)))?;
    if (set.width, set.height, set.fourcc) != (mode.width, mode.height, code(mode.pixel_format)) {
        return Err(io::Error::other(format!("it gives {}x{} {} instead", set.width, set.height, set.fourcc)));
    }
    device.set_params(&Parameters::with_fps(mode.fps))?;
    Ok(set.stride)
}

/// Another program that has the device open; only those of the same user can be seen.
pub fn holder(path: &Path) -> Option<String> {
    let own = PathBuf::from(format!("/proc/{}", std::process::id()));
    let processes = fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.path()).filter(|process| *process != own);
    let holds = |process: &PathBuf| {
        let open = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        open.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|target| target == path)
    };
    let process = processes.into_iter().find(holds)?;
    let name = fs::read_to_string(process.join("comm")).ok()?;
    Some(format!("{} (process {})", name.trim(), process.file_name()?.to_str()?))
}

/// The buffers that nokhwa streams into, to ask the driver about.
#[derive(Debug)]
pub struct Buffers(OwnedFd);

impl Buffers {
    /// More than any driver has.
    const MOST: u32 = 32;
    /// A timestamp older than this is not from the clock it claims.
    const OLDEST: Duration = Duration::from_secs(2);

    /// The buffers of `/dev/video<index>`, which this process is streaming from. Some drivers answer only the file that streams,
    /// so nokhwa's is duplicated.
    pub fn of(index: u32) -> Option<Self> {
        let device = PathBuf::from(format!("/dev/video{index}"));
        let files = fs::read_dir("/proc/self/fd").ok()?.flatten();
        let ours = files.filter(|file| fs::read_link(file.path()).is_ok_and(|target| target == device));
        let numbers: Vec<RawFd> = ours.filter_map(|file| file.file_name().to_str()?.parse().ok()).collect();
        numbers.into_iter().find_map(|number| {
            // SAFETY: borrowed for the one call that duplicates it; a number that was closed meanwhile is an error there.
            let buffers = Self(unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned().ok()?);
            buffers.query(0).is_some().then_some(buffers)
        })
    }

    /// What the driver says about the buffer that was taken last: with nokhwa, the one that is not queued.
    pub fn taken(&self) -> Option<DriverStamp> {
        let with_driver = v4l_sys::V4L2_BUF_FLAG_QUEUED | v4l_sys::V4L2_BUF_FLAG_DONE;
        let all = (0..Self::MOST).map_while(|index| self.query(index));
        let mut taken = all.filter(|buffer| buffer.flags & with_driver == 0);
        let buffer = taken.next().filter(|_| taken.next().is_none())?;
        Some(DriverStamp { sequence: buffer.sequence, age: age(&buffer) })
    }

    fn query(&self, index: u32) -> Option<v4l2_buffer> {
        // SAFETY: numbers and a union of numbers, for which zeros are valid.
        let mut buffer: v4l2_buffer = unsafe { mem::zeroed() };
        buffer.index = index;
        buffer.type_ = v4l_sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE;
        buffer.memory = v4l_sys::v4l2_memory_V4L2_MEMORY_MMAP;
        // SAFETY: the file is open, and v4l2_buffer is QUERYBUF's structure.
        unsafe { v4l2::ioctl(self.0.as_raw_fd(), vidioc::VIDIOC_QUERYBUF, (&raw mut buffer).cast()) }.ok()?;
        Some(buffer)
    }
}

/// How long ago the driver stamped `buffer`, if it did so by the clock that this can be compared with.
fn age(buffer: &v4l2_buffer) -> Option<Duration> {
    if buffer.flags & v4l_sys::V4L2_BUF_FLAG_TIMESTAMP_MASK != v4l_sys::V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC {
        return None;
    }
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the system fills a local.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    let time = |seconds: i64, nanoseconds: i64| {
        Some(Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanoseconds).ok()?))
    };
    let now = time(now.tv_sec, now.tv_nsec)?;
    let stamped = time(buffer.timestamp.tv_sec, buffer.timestamp.tv_usec * 1000)?;
    now.checked_sub(stamped).filter(|age| *age <= Buffers::OLDEST)
}

fn known(fourcc: FourCC) -> Option<PixelFormat> {
    PixelFormat::NAMES.map(|(format, _)| format).into_iter().find(|format| code(*format) == fourcc)
}

fn code(format: PixelFormat) -> FourCC {
    FourCC::new(match format {
        PixelFormat::Yuyv => b"YUYV",
        PixelFormat::Nv12 => b"NV12",
        PixelFormat::Mjpeg => b"MJPG",
        PixelFormat::Rgb => b"RGB3",
        PixelFormat::Bgr => b"BGR3",
    })
}
