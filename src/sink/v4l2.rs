//! A virtual camera of v4l2loopback: what is written to its device, other programs read as a webcam.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use v4l::capability::Flags;
use v4l::video::Output;
use v4l::{Device, Format, FourCC};

use super::Sink;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::kernel::resize::Resizer;
use crate::kernel::yuyv;

/// What to do where there is none.
const INSTALL: &str = "install it (sudo apt install v4l2loopback-dkms) and load it \
                       (sudo modprobe v4l2loopback exclusive_caps=1 card_label=impasto)";

/// Writes YUYV frames.
pub struct V4l2Sink {
    device: Device,
    path: PathBuf,
    width: u32,
    height: u32,
    resizer: Resizer,
    scaled: Frame,
    bytes: Vec<u8>,
}

impl V4l2Sink {
    /// Opens the virtual camera at `path` for frames of `width` x `height`. Where a reader holds the device in another size,
    /// frames are scaled to that.
    ///
    /// # Errors
    /// There is no such device, it is no virtual camera, is busy or forbidden, or takes no YUYV.
    pub fn open(path: &Path, width: u32, height: u32) -> Result<Self> {
        let failed = |error: &io::Error| cannot_open(path, error);
        let device = Device::with_path(path).map_err(|error| failed(&error))?;
        let capabilities = device.query_caps().map_err(|error| failed(&error))?;
        let shown = path.display();
        if !is_loopback(&capabilities.driver) {
            let card = &capabilities.card;
            return Err(Error::failed(format!(
                "'{shown}' is a device of its own ({card}), not a virtual camera that can be written to; name one of \
                 v4l2loopback, or choose --virtual-camera auto"
            )));
        }
        if !capabilities.capabilities.contains(Flags::VIDEO_OUTPUT) {
            return Err(Error::failed(format!(
                "'{shown}' is written to by another program; end that, or choose another device"
            )));
        }
        let wanted = Format::new(width & !1, height, FourCC::new(b"YUYV"));
        let Format { width, height, fourcc, stride, .. } =
            Output::set_format(&device, &wanted).map_err(|error| failed(&error))?;
        if fourcc != wanted.fourcc || stride != 2 * width || width == 0 || height == 0 {
            return Err(Error::failed(format!(
                "'{shown}' is held in the format {fourcc} at {width}x{height} by a reader; close that program, and begin again"
            )));
        }
        let (resizer, scaled, bytes) = (Resizer::default(), Frame::default(), Vec::new());
        Ok(Self { device, path: path.to_owned(), width, height, resizer, scaled, bytes })
    }

    /// Columns and rows that readers get.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// What other programs call it.
    pub fn card(&self) -> String {
        self.device.query_caps().map_or_else(|_| self.path.display().to_string(), |capabilities| capabilities.card)
    }
}

impl Sink for V4l2Sink {
    fn put(&mut self, frame: &Frame) -> Result<()> {
        if (frame.width, frame.height) == (self.width, self.height) {
            yuyv::from_rgb(frame.image(), &mut self.bytes);
        } else {
            self.scaled.resize(self.width, self.height);
            self.resizer.resize(frame.image(), self.width, self.height, &mut self.scaled.pixels)?;
            yuyv::from_rgb(self.scaled.image(), &mut self.bytes);
        }
        let written = self.device.write(&self.bytes).map_err(|error| {
            Error::failed(format!("'{}' takes no more frames ({error}); was its module unloaded?", self.path.display()))
        })?;
        if written == self.bytes.len() {
            return Ok(());
        }
        Err(Error::failed(format!("'{}' took only a part of a frame; load v4l2loopback again", self.path.display())))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// The first virtual camera that nobody writes to.
///
/// # Errors
/// There is none, with what to do about it.
pub fn find() -> Result<PathBuf> {
    let entries = fs::read_dir("/sys/class/video4linux").into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
    names.sort_by_key(|name| (name.len(), name.clone()));
    let mut busy = false;
    let mut forbidden = None;
    for path in names.into_iter().map(|name| Path::new("/dev").join(name)) {
        match Device::with_path(&path).and_then(|device| device.query_caps()) {
            Ok(found) if !is_loopback(&found.driver) => {}
            Ok(found) if found.capabilities.contains(Flags::VIDEO_OUTPUT) => return Ok(path),
            Ok(_) => busy = true,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => forbidden = Some(path),
            Err(_) => {}
        }
    }
    Err(match forbidden {
        _ if busy => Error::failed("all virtual cameras are written to by other programs; end one of them"),
        Some(path) => cannot_open(&path, &io::ErrorKind::PermissionDenied.into()),
        None => Error::failed(format!("there is no virtual camera: v4l2loopback is not loaded; {INSTALL}")),
    })
}

/// The kernel gives 15 characters and a zero.
fn is_loopback(driver: &str) -> bool {
    driver.starts_with("v4l2 loopback") || driver.starts_with("v4l2loopback")
}

fn cannot_open(path: &Path, error: &io::Error) -> Error {
    let shown = path.display();
    Error::failed(match error.kind() {
        io::ErrorKind::NotFound => format!(
            "there is no virtual camera '{shown}': v4l2loopback is not loaded, or has another number; {INSTALL}"
        ),
        io::ErrorKind::PermissionDenied => {
            format!("'{shown}' may not be written; join its group (sudo usermod -aG video $USER) and log in again")
        }
        io::ErrorKind::ResourceBusy => {
            format!("'{shown}' is busy: another program writes to it, or holds its format; end that")
        }
        _ => format!("'{shown}' is no virtual camera that can be written to ({error}); name one of v4l2loopback"),
    })
}
