//! A window that shows pictures and hears keys: the only place that knows `minifb`.
//!
//! It is no [`Sink`](super::Sink): a window belongs to the main thread, a sink to whichever thread writes.

mod full_screen;
mod lost;

use std::cell::RefCell;
use std::env;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use minifb::{InputCallback, ScaleMode, WindowOptions};

use crate::error::{Error, Result};
use crate::frame::{Frame, Image};
use crate::kernel::label;
use crate::kernel::resize::Resizer;

/// What the window's first size has to fit into; most screens hold this.
const FIRST_ROOM: (u32, u32) = (1280, 960);

/// How long a picture may stand before it is painted again: X11 forgets what was covered, or came before the window was
/// on the screen, and `minifb` does not pass on that it asks for it again.
const REPAINT: Duration = Duration::from_millis(250);

/// A key that was tapped. One that is held down comes as often as the system repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// What a key writes in the user's layout, with Shift as it is held: `+`, `S`, a space.
    Char(char),
    /// The arrow to the left.
    Left,
    /// The arrow to the right.
    Right,
    /// The arrow upwards.
    Up,
    /// The arrow downwards.
    Down,
    /// Enter, of the number block too.
    Enter,
}

/// A window of the desktop; it goes away when it is dropped.
pub struct Window {
    inner: ManuallyDrop<minifb::Window>,
    /// Its display is gone.
    lost: &'static AtomicBool,
    taps: Rc<RefCell<Taps>>,
    resizer: Resizer,
    /// What is shown, in its own size; 0x0 before the first picture.
    picture: Frame,
    /// The same in the size that fits into the window.
    fitted: Frame,
    /// Words over the picture, in the window's own pixels.
    overlay: Vec<String>,
    /// What to go back to from the full screen.
    full_screen: Option<full_screen::Before>,
    /// The same as `0x00RRGGBB`.
    buffer: Vec<u32>,
    /// When it was painted last, and into a window of which size.
    painted: Option<(Instant, (u32, u32))>,
}

impl Window {
    /// Opens a window with a title for pictures of `width` x `height`, no larger than most screens. The user may resize
    /// it. `cure` says what to do where there is no display: `leave out --preview`.
    ///
    /// # Errors
    /// There is no display, or the window cannot be opened on it.
    pub fn open(title: &str, width: u32, height: u32, cure: &str) -> Result<Self> {
        let room = (FIRST_ROOM.0.min(width), FIRST_ROOM.1.min(height));
        let (width, height) = fit((width, height), room);
        let options = WindowOptions { resize: true, scale_mode: ScaleMode::Center, ..WindowOptions::default() };
        let inner = minifb::Window::new(title, width as usize, height as usize, options)
            .map_err(|error| Error::failed(no_display(&error, cure)))?;
        let (lost, mut inner) = (lost::watch(&inner), ManuallyDrop::new(inner));
        // The caller has its own rhythm.
        inner.set_target_fps(0);
        let taps = Rc::new(RefCell::new(Taps::default()));
        inner.set_input_callback(Box::new(Listener(Rc::clone(&taps))));
        let (picture, fitted) = (Frame::default(), Frame::default());
        let (resizer, overlay, buffer) = (Resizer::default(), Vec::new(), Vec::new());
        Ok(Self { inner, lost, taps, resizer, picture, fitted, overlay, full_screen: None, buffer, painted: None })
    }

    /// Writes `lines` over the top left of the next pictures; no lines, no words.
    pub fn set_overlay(&mut self, lines: Vec<String>) {
        self.overlay = lines;
    }

    /// Fills the screen, or goes back to the size before.
    ///
    /// # Errors
    /// This system's windows cannot.
    pub fn toggle_full_screen(&mut self) -> Result<()> {
        self.full_screen = full_screen::toggle(&self.inner, self.full_screen.take())?;
        Ok(())
    }

    /// Shows `image` as large as the window, in its own shape, on black; and hears what has happened.
    ///
    /// # Errors
    /// `image` has no pixels, or the window does not take them.
    pub fn show(&mut self, image: Image<'_>) -> Result<()> {
        (self.picture.width, self.picture.height) = (image.width, image.height);
        self.picture.pixels.clear();
        self.picture.pixels.extend_from_slice(image.pixels);
        self.fit_and_paint()
    }

    /// Hears what has happened: keys, the close button, another size, to which the picture is fitted. It does not wait.
    /// Between pictures, call it often: every 20 ms or so.
    ///
    /// # Errors
    /// As [`Self::show`].
    pub fn poll(&mut self) -> Result<()> {
        self.hear();
        let size = self.size();
        match self.painted {
            Some((_, painted)) if painted != size => self.fit_and_paint(),
            Some((when, _)) if when.elapsed() >= REPAINT => self.paint(),
            _ => Ok(()),
        }
    }

    /// Whether its display is gone, as when the desktop's session ends: nothing is shown or heard any more.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Whether the user still wants the window: false after the close button, Escape or `q`, and when it is lost.
    pub fn is_open(&self) -> bool {
        !self.is_lost() && self.inner.is_open() && !self.taps.borrow().quit
    }

    /// The keys that were tapped since the last call, in order, without those that close the window.
    pub fn keys(&mut self) -> Vec<Key> {
        std::mem::take(&mut self.taps.borrow_mut().keys)
    }

    /// Lets `minifb` hear. It panics on text of an input method that is longer than 31 bytes: then that is lost, and no more.
    fn hear(&mut self) {
        if !self.is_lost() {
            let _ = catch_unwind(AssertUnwindSafe(|| self.inner.update()));
        }
    }

    fn size(&self) -> (u32, u32) {
        let (width, height) = self.inner.get_size();
        (width as u32, height as u32)
    }

    fn fit_and_paint(&mut self) -> Result<()> {
        let (from, to) = ((self.picture.width, self.picture.height), self.size());
        let (width, height) = fit(from, to);
        self.fitted.resize(width, height);
        if (width, height) == from {
            self.fitted.pixels.copy_from_slice(&self.picture.pixels);
        } else {
            // minifb would take the nearest pixel.
            self.resizer.resize(self.picture.image(), width, height, &mut self.fitted.pixels)?;
        }
        label::panel(&mut self.fitted, &self.overlay);
        let pixels = &self.fitted.pixels;
        self.buffer.clear();
        self.buffer.extend(pixels.chunks_exact(3).map(|rgb| u32::from_be_bytes([0, rgb[0], rgb[1], rgb[2]])));
        self.paint()
    }

    fn paint(&mut self) -> Result<()> {
        let Frame { width, height, .. } = self.fitted;
        self.painted = Some((Instant::now(), self.size()));
        if self.is_lost() {
            return Ok(());
        }
        let (inner, buffer) = (&mut self.inner, &self.buffer);
        // It hears as well.
        let painted =
            catch_unwind(AssertUnwindSafe(|| inner.update_with_buffer(buffer, width as usize, height as usize)));
        painted
            .unwrap_or(Ok(()))
            .map_err(|error| Error::failed(format!("the window does not show its picture: {error}")))
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        if !self.is_lost() {
            // SAFETY: it is dropped here only, and not used again. One whose display is gone has nothing to give back.
            unsafe { ManuallyDrop::drop(&mut self.inner) };
        }
    }
}

/// The largest size of the shape of `picture` in `room`.
fn fit(picture: (u32, u32), room: (u32, u32)) -> (u32, u32) {
    let (width, height) = (f64::from(picture.0.max(1)), f64::from(picture.1.max(1)));
    let scale = (f64::from(room.0) / width).min(f64::from(room.1) / height);
    let side = |length: f64, most: u32| ((length * scale).round() as u32).clamp(1, most.max(1));
    (side(width, room.0), side(height, room.1))
}

/// Why no window opened, in one sentence.
fn no_display(error: &minifb::Error, cure: &str) -> String {
    let said = match error {
        minifb::Error::WindowCreate(reason) => reason.clone(),
        other => other.to_string(),
    };
    let named = |variable| env::var(variable).ok().filter(|value| !value.is_empty());
    let reason = match named("DISPLAY") {
        _ if cfg!(not(all(unix, not(target_os = "macos")))) => said,
        Some(display) => format!("DISPLAY is {display}, but {said}"),
        None if named("WAYLAND_DISPLAY").is_some() => "DISPLAY is not set, which takes XWayland on Wayland".to_owned(),
        None => "DISPLAY is not set".to_owned(),
    };
    format!("there is no display to open a window on ({reason}); {cure}")
}

/// What the keyboard said since it was asked.
#[derive(Default)]
struct Taps {
    keys: Vec<Key>,
    quit: bool,
}

/// Hears every tap; asking `minifb` which keys are down would miss those that end between two questions.
struct Listener(Rc<RefCell<Taps>>);

impl InputCallback for Listener {
    fn add_char(&mut self, character: u32) {
        match char::from_u32(character) {
            Some('q' | 'Q') => self.0.borrow_mut().quit = true,
            Some(character) if !character.is_control() => self.0.borrow_mut().keys.push(Key::Char(character)),
            _ => {}
        }
    }

    fn set_key_state(&mut self, key: minifb::Key, down: bool) {
        let mut taps = self.0.borrow_mut();
        match key {
            _ if !down => {}
            minifb::Key::Escape => taps.quit = true,
            minifb::Key::Left => taps.keys.push(Key::Left),
            minifb::Key::Right => taps.keys.push(Key::Right),
            minifb::Key::Up => taps.keys.push(Key::Up),
            minifb::Key::Down => taps.keys.push(Key::Down),
            minifb::Key::Enter | minifb::Key::NumPadEnter => taps.keys.push(Key::Enter),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_fits_into_its_room_and_keeps_its_shape() {
        assert_eq!(fit((4000, 3000), (1280, 960)), (1280, 960));
        assert_eq!(fit((4000, 1000), (1280, 960)), (1280, 320));
        assert_eq!(fit((300, 400), (1280, 800)), (600, 800));
        assert_eq!(fit((640, 360), (640, 360)), (640, 360));
        assert_eq!(fit((10_000, 1), (200, 100)), (200, 1));
        assert_eq!(fit((0, 0), (0, 0)), (1, 1));
    }

    #[test]
    fn short_taps_are_kept_in_order_and_control_characters_are_not_text() {
        let taps = Rc::new(RefCell::new(Taps::default()));
        let mut listener = Listener(Rc::clone(&taps));
        listener.add_char('+' as u32);
        listener.set_key_state(minifb::Key::Enter, true);
        listener.add_char('\r' as u32);
        listener.set_key_state(minifb::Key::Enter, false);
        listener.add_char(0xd800);
        listener.add_char(' ' as u32);
        assert_eq!(taps.borrow().keys, [Key::Char('+'), Key::Enter, Key::Char(' ')]);
        assert!(!taps.borrow().quit);
    }

    #[test]
    fn escape_and_q_close() {
        let quits = |tap: fn(&mut Listener)| {
            let taps = Rc::new(RefCell::new(Taps::default()));
            tap(&mut Listener(Rc::clone(&taps)));
            let taps = taps.borrow();
            taps.quit && taps.keys.is_empty()
        };
        assert!(quits(|listener| listener.add_char('q' as u32)));
        assert!(quits(|listener| listener.set_key_state(minifb::Key::Escape, true)));
        assert!(!quits(|listener| listener.add_char('w' as u32)));
    }
}
