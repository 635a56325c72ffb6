//! What `minifb` cannot do with a window of X11: fill the screen, and change its size.

#[cfg(all(unix, not(target_os = "macos")))]
pub use x11::{Before, display, resize, toggle};

#[cfg(not(all(unix, not(target_os = "macos"))))]
pub use elsewhere::{Before, resize, toggle};

#[cfg(not(all(unix, not(target_os = "macos"))))]
mod elsewhere {
    use crate::error::{Error, Result};

    /// Nothing.
    pub struct Before;

    /// Reports that it cannot be done.
    pub fn toggle(_window: &minifb::Window, _before: Option<Before>) -> Result<Option<Before>> {
        Err(Error::failed("the key for full screen works on X11 only; use the window's own button"))
    }

    /// Does nothing.
    pub fn resize(_window: &minifb::Window, _size: (u32, u32)) -> bool {
        false
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
mod x11 {
    use std::ffi::c_long;
    use std::{mem, ptr};

    use raw_window_handle::{HasDisplayHandle, RawDisplayHandle};
    use x11_dl::xlib::{self, Xlib};

    use crate::error::{Error, Result, cause};

    /// The window's place and size before, if no window manager remembers them.
    pub struct Before(Option<(i32, i32, u32, u32)>);

    /// `_NET_WM_STATE_TOGGLE`.
    const TOGGLE: c_long = 2;

    /// Gives the window a size if the screen has room for it, moved left if that takes it; false if not.
    pub fn resize(window: &minifb::Window, (width, height): (u32, u32)) -> bool {
        let (Ok(display), Ok(library)) = (display(window), Xlib::open()) else { return false };
        let id = window.get_window_handle() as xlib::Window;
        // SAFETY: as in `toggle`.
        unsafe {
            let screen = (library.XDefaultScreen)(display);
            let across = (library.XDisplayWidth)(display, screen) as u32;
            let down = (library.XDisplayHeight)(display, screen) as u32;
            if width > across || height > down {
                return false;
            }
            let root = (library.XDefaultRootWindow)(display);
            let (mut left, mut top, mut child) = (0, 0, 0);
            (library.XTranslateCoordinates)(display, id, root, 0, 0, &raw mut left, &raw mut top, &raw mut child);
            let most = (across - width).cast_signed();
            if left > most {
                (library.XMoveResizeWindow)(display, id, most, top, width, height);
            } else {
                (library.XResizeWindow)(display, id, width, height);
            }
            (library.XFlush)(display);
        }
        true
    }

    /// Fills the screen, or goes back to `before`; gives what to go back to.
    pub fn toggle(window: &minifb::Window, before: Option<Before>) -> Result<Option<Before>> {
        let display = display(window)?;
        let library = Xlib::open().map_err(|error| {
            Error::failed(format!("cannot fill the screen ({}); use the window's own button", cause(&error)))
        })?;
        let id = window.get_window_handle() as xlib::Window;
        // SAFETY: display and window are those of the open window, used on its own thread; all out-pointers are to locals.
        unsafe {
            let root = (library.XDefaultRootWindow)(display);
            let after = if managed(&library, display, root) {
                ask_manager(&library, display, root, id);
                before.is_none().then_some(Before(None))
            } else if let Some(Before(Some((x, y, width, height)))) = before {
                (library.XMoveResizeWindow)(display, id, x, y, width, height);
                None
            } else {
                let mut attributes: xlib::XWindowAttributes = mem::zeroed();
                (library.XGetWindowAttributes)(display, id, &raw mut attributes);
                let screen = (library.XDefaultScreen)(display);
                let width = (library.XDisplayWidth)(display, screen) as u32;
                let height = (library.XDisplayHeight)(display, screen) as u32;
                (library.XMoveResizeWindow)(display, id, 0, 0, width, height);
                let xlib::XWindowAttributes { x, y, width, height, .. } = attributes;
                Some(Before(Some((x, y, width.max(1) as u32, height.max(1) as u32))))
            };
            (library.XFlush)(display);
            Ok(after)
        }
    }

    /// Xlib's own name of the window's display.
    ///
    /// # Errors
    /// It is none of X11.
    pub fn display(window: &minifb::Window) -> Result<*mut xlib::Display> {
        let unknown = || Error::failed("this window has no full screen; use its own button");
        match window.display_handle().map_err(|_| unknown())?.as_raw() {
            RawDisplayHandle::Xlib(handle) => Ok(handle.display.ok_or_else(unknown)?.as_ptr().cast()),
            _ => Err(unknown()),
        }
    }

    /// Whether a window manager runs that knows the Extended Window Manager Hints.
    unsafe fn managed(library: &Xlib, display: *mut xlib::Display, root: xlib::Window) -> bool {
        let (mut kind, mut format, mut count, mut left) = (0, 0, 0, 0);
        let mut data = ptr::null_mut();
        // SAFETY: the caller's display and root; what Xlib allocates is freed.
        unsafe {
            let check = (library.XInternAtom)(display, c"_NET_SUPPORTING_WM_CHECK".as_ptr(), xlib::False);
            let any = xlib::AnyPropertyType as xlib::Atom;
            (library.XGetWindowProperty)(
                display,
                root,
                check,
                0,
                1,
                xlib::False,
                any,
                &raw mut kind,
                &raw mut format,
                &raw mut count,
                &raw mut left,
                &raw mut data,
            );
            if !data.is_null() {
                (library.XFree)(data.cast());
            }
        }
        count > 0
    }

    /// Asks the window manager to fill the screen with the window, or no longer to.
    unsafe fn ask_manager(library: &Xlib, display: *mut xlib::Display, root: xlib::Window, window: xlib::Window) {
        // SAFETY: the caller's display and windows; the event is a plain structure, filled as the hints ask for.
        unsafe {
            let state = (library.XInternAtom)(display, c"_NET_WM_STATE".as_ptr(), xlib::False);
            let full = (library.XInternAtom)(display, c"_NET_WM_STATE_FULLSCREEN".as_ptr(), xlib::False);
            let mut event: xlib::XClientMessageEvent = mem::zeroed();
            (event.type_, event.window, event.message_type, event.format) = (xlib::ClientMessage, window, state, 32);
            event.data = xlib::ClientMessageData::from([TOGGLE, full.cast_signed(), 0, 1, 0]);
            let mut event = xlib::XEvent { client_message: event };
            let mask = xlib::SubstructureNotifyMask | xlib::SubstructureRedirectMask;
            (library.XSendEvent)(display, root, xlib::False, mask, &raw mut event);
        }
    }
}
