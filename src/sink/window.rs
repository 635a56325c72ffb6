//! A window that shows pictures and receives keys: the only place that knows `minifb`.
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

use crate::error::{Error, Result, cause};
use crate::frame::{Frame, Image};
use crate::kernel::resize::Resizer;
use crate::kernel::{arrange, label};

/// The window's largest initial size; most screens have room for it.
const FIRST_ROOM: (u32, u32) = (1280, 960);

/// How often an unchanged picture is painted again: X11 forgets what was covered, or was painted before the window was on the
/// screen, and `minifb` does not report that X11 asks for it again.
const REPAINT: Duration = Duration::from_millis(250);

/// A key that was pressed. One that is held down repeats as often as the system repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// The character that a key writes in the user's layout, with Shift applied: `+`, `S`, a space.
    Char(char),
    /// The arrow to the left.
    Left,
    /// The arrow to the right.
    Right,
    /// The arrow upwards.
    Up,
    /// The arrow downwards.
    Down,
    /// Enter, also on the numeric keypad.
    Enter,
}

/// A window on the desktop; dropping it closes it.
pub struct Window {
    inner: ManuallyDrop<minifb::Window>,
    /// Its display is gone.
    lost: &'static AtomicBool,
    taps: Rc<RefCell<Taps>>,
    resizer: Resizer,
    /// What is shown, in its own size: one picture, or two of one size; 0x0 before the first.
    pictures: [Frame; 2],
    /// The captions of two.
    captions: Option<[&'static str; 2]>,
    /// One of two pictures, in the size that fits.
    pane: Frame,
    /// What is shown, in the size that fits into the window.
    fitted: Frame,
    /// Words over the picture, in the window's own pixels.
    overlay: Vec<String>,
    /// The lines of the help, and its page, while it is open.
    help: Option<(Vec<String>, usize)>,
    /// The size before the window was widened for two pictures.
    narrow: Option<(u32, u32)>,
    /// What to go back to from the full screen.
    full_screen: Option<full_screen::Before>,
    /// The same as `0x00RRGGBB`.
    buffer: Vec<u32>,
    /// When it was painted last, and into a window of which size.
    painted: Option<(Instant, (u32, u32))>,
}

impl Window {
    /// Opens a window with a title for pictures of `width` x `height` pixels, no larger than most screens. The user can resize it.
    /// `cure` ends the message if there is no display: what to do instead, such as `leave out --preview`.
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
        Ok(Self {
            inner,
            lost,
            taps,
            resizer: Resizer::default(),
            pictures: Default::default(),
            captions: None,
            pane: Frame::default(),
            fitted: Frame::default(),
            overlay: Vec::new(),
            help: None,
            narrow: None,
            full_screen: None,
            buffer: Vec::new(),
            painted: None,
        })
    }

    /// Opens the help over the next pictures, instead of the overlay; if it is open, turns its page, and closes it after the last.
    pub fn turn_help(&mut self, lines: Vec<String>) {
        let pages = label::pages(self.fitted.width, self.fitted.height, &lines);
        let page = self.help.take().map_or(0, |(_, page)| page + 1);
        self.help = (page < pages).then_some((lines, page));
    }

    /// Closes the help; false if it was not open.
    pub fn close_help(&mut self) -> bool {
        self.help.take().is_some()
    }

    /// With true, doubles the width of the window if the screen is wide enough, for two pictures side by side. With false, gives
    /// it back its width.
    pub fn widen(&mut self, wide: bool) {
        if self.full_screen.is_some() || self.is_lost() {
            return;
        }
        let size = self.size();
        let wanted = match (wide, self.narrow.take()) {
            (true, None) => (size.0 * 2, size.1),
            (false, Some(narrow)) => narrow,
            (_, narrow) => {
                self.narrow = narrow;
                return;
            }
        };
        if full_screen::resize(&self.inner, wanted) && wide {
            self.narrow = Some(size);
        }
    }

    /// Writes `lines` over the top left of the next pictures; an empty list removes them.
    pub fn set_overlay(&mut self, lines: Vec<String>) {
        self.overlay = lines;
    }

    /// Fills the screen, or goes back to the size before.
    ///
    /// # Errors
    /// The system offers no full screen.
    pub fn toggle_full_screen(&mut self) -> Result<()> {
        self.full_screen = full_screen::toggle(&self.inner, self.full_screen.take())?;
        Ok(())
    }

    /// Shows `image` as large as the window allows, in its own shape, on black; and handles events.
    ///
    /// # Errors
    /// `image` has no pixels, or the window does not take them.
    pub fn show(&mut self, image: Image<'_>) -> Result<()> {
        keep(&mut self.pictures[0], image);
        self.captions = None;
        self.fit_and_paint()
    }

    /// Shows two pictures of one size with their captions, side by side or one above the other, whichever makes them larger.
    ///
    /// # Errors
    /// As [`Self::show`].
    pub fn show_both(&mut self, images: [Image<'_>; 2], captions: [&'static str; 2]) -> Result<()> {
        self.pictures.iter_mut().zip(images).for_each(|(picture, image)| keep(picture, image));
        self.captions = Some(captions);
        self.fit_and_paint()
    }

    /// Handles events without waiting: keys, the close button, a new size, to which the picture is fitted. Between pictures, call it
    /// often: every 20 ms or so.
    ///
    /// # Errors
    /// As [`Self::show`].
    pub fn poll(&mut self) -> Result<()> {
        self.hear();
        let size = self.size();
        match self.painted {
            Some((_, painted)) if painted != size => self.fit_and_paint(),
            Some((when, _)) if when.elapsed() >= REPAINT => self.draw(),
            _ => Ok(()),
        }
    }

    /// Whether its display is gone, as when the desktop session ends: nothing is shown and no key arrives any more.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Whether the user still wants the window: false after the close button, Escape or `q`, and when it is lost.
    pub fn is_open(&self) -> bool {
        !self.is_lost() && self.inner.is_open() && !self.taps.borrow().quit
    }

    /// The keys pressed since the last call, in order, without those that close the window.
    pub fn keys(&mut self) -> Vec<Key> {
        std::mem::take(&mut self.taps.borrow_mut().keys)
    }

    /// Lets `minifb` handle events. It panics on input-method text longer than 31 bytes; then only that text is lost.
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
        // Scaled here, because minifb takes the nearest pixel.
        let (from, room) = ((self.pictures[0].width, self.pictures[0].height), self.size());
        match self.captions {
            None => {
                let (width, height) = fit(from, room);
                self.fitted.resize(width, height);
                self.resizer.scale(&self.pictures[0], &mut self.fitted)?;
            }
            Some(captions) => {
                let (size, places) = fit_two(from, room);
                let (right, below) = places[1];
                self.fitted.resize(right + size.0, below + size.1);
                for ((picture, place), caption) in self.pictures.iter().zip(places).zip(captions) {
                    self.pane.resize(size.0, size.1);
                    self.resizer.scale(picture, &mut self.pane)?;
                    arrange::place(&self.pane, &mut self.fitted, place);
                    label::caption(&mut self.fitted, place, size, caption);
                }
            }
        }
        match &self.help {
            Some((lines, page)) => label::page(&mut self.fitted, lines, *page),
            None => label::panel(&mut self.fitted, &self.overlay),
        }
        let pixels = &self.fitted.pixels;
        self.buffer.clear();
        self.buffer.extend(pixels.chunks_exact(3).map(|rgb| u32::from_be_bytes([0, rgb[0], rgb[1], rgb[2]])));
        self.draw()
    }

    fn draw(&mut self) -> Result<()> {
        let Frame { width, height, .. } = self.fitted;
        self.painted = Some((Instant::now(), self.size()));
        if self.is_lost() {
            return Ok(());
        }
        let (inner, buffer) = (&mut self.inner, &self.buffer);
        // This handles events too.
        let painted =
            catch_unwind(AssertUnwindSafe(|| inner.update_with_buffer(buffer, width as usize, height as usize)));
        painted
            .unwrap_or(Ok(()))
            .map_err(|error| Error::internal(format!("the window refuses its picture ({})", cause(&error))))
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        if !self.is_lost() {
            // SAFETY: dropped here only, and not used again. A window whose display is gone has nothing to release.
            unsafe { ManuallyDrop::drop(&mut self.inner) };
        }
    }
}

/// Copies `image` into `picture`.
fn keep(picture: &mut Frame, image: Image<'_>) {
    (picture.width, picture.height) = (image.width, image.height);
    picture.pixels.clear();
    picture.pixels.extend_from_slice(image.pixels);
}

/// The largest size at which two pictures fit into `room`, and where they go: side by side, or one above the other.
fn fit_two(picture: (u32, u32), room: (u32, u32)) -> ((u32, u32), [(u32, u32); 2]) {
    let beside = fit(picture, (room.0 / 2, room.1));
    let above = fit(picture, (room.0, room.1 / 2));
    if above.0 > beside.0 { (above, [(0, 0), (0, above.1)]) } else { (beside, [(0, 0), (beside.0, 0)]) }
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
        Some(display) if said.contains("XOpenDisplay") => {
            format!("DISPLAY is {display}, but no X server answers there")
        }
        Some(display) => format!("DISPLAY is {display}, but {said}"),
        None if named("WAYLAND_DISPLAY").is_some() => "DISPLAY is not set; on Wayland, XWayland is needed".to_owned(),
        None => "DISPLAY is not set".to_owned(),
    };
    format!("there is no display to open a window on ({reason}); {cure}")
}

/// Keys pressed since they were last read.
#[derive(Default)]
struct Taps {
    keys: Vec<Key>,
    quit: bool,
}

/// Receives every key; polling `minifb` for keys that are down would miss short presses.
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
    fn two_pictures_lie_as_they_are_largest_and_at_full_height_where_the_room_is_wide() {
        assert_eq!(fit_two((640, 360), (1280, 360)), ((640, 360), [(0, 0), (640, 0)]));
        assert_eq!(fit_two((640, 360), (640, 360)), ((320, 180), [(0, 0), (320, 0)]));
        assert_eq!(fit_two((640, 360), (600, 900)), ((600, 338), [(0, 0), (0, 338)]));
        assert_eq!(fit_two((0, 0), (0, 0)), ((1, 1), [(0, 0), (1, 0)]));
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
