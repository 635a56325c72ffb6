//! A display that goes away while its window is open: Xlib would end the process, and every recording with it.

#[cfg(all(unix, not(target_os = "macos")))]
pub use x11::watch;

/// Whether the display of `window` goes away; elsewhere windows do not outlive theirs.
#[cfg(not(all(unix, not(target_os = "macos"))))]
pub fn watch(_window: &minifb::Window) -> &'static std::sync::atomic::AtomicBool {
    static NEVER: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    &NEVER
}

#[cfg(all(unix, not(target_os = "macos")))]
mod x11 {
    use std::ffi::{c_int, c_void};
    use std::sync::atomic::{AtomicBool, Ordering};

    use libloading::Library;
    use x11_dl::xlib::{Display, Xlib};

    use crate::sink::window::full_screen::display;

    type AtExit = unsafe extern "C" fn(*mut Display, *mut c_void);
    type SetAtExit = unsafe extern "C" fn(*mut Display, Option<AtExit>, *mut c_void);

    /// Becomes true when the display of `window` is gone. From then on Xlib does nothing for it, and says so in no way but
    /// this. Xlib before 1.7 (2020) ends the process instead.
    pub fn watch(window: &minifb::Window) -> &'static AtomicBool {
        // Xlib may ask for it for as long as the process lives.
        let lost: &'static AtomicBool = Box::leak(Box::default());
        // SAFETY: opens and looks into the library that the window is already using, which is never closed; the function is
        // declared as in Xlib.h. The handlers are functions, and what they are given lives for ever.
        unsafe {
            let library = Library::new("libX11.so.6");
            let set = library.as_ref().ok().and_then(|x| x.get::<SetAtExit>(c"XSetIOErrorExitHandler").ok());
            if let (Ok(display), Some(set), Ok(xlib)) = (display(window), set, Xlib::open()) {
                (xlib.XSetIOErrorHandler)(Some(say_nothing));
                set(display, Some(note), std::ptr::from_ref(lost).cast_mut().cast());
            }
            let _ = library.map(std::mem::forget);
        }
        lost
    }

    /// Xlib's own would print.
    unsafe extern "C" fn say_nothing(_display: *mut Display) -> c_int {
        0
    }

    /// Xlib's own would exit.
    unsafe extern "C" fn note(_display: *mut Display, lost: *mut c_void) {
        // SAFETY: the flag that was given with this function, which is never freed.
        unsafe { &*lost.cast::<AtomicBool>() }.store(true, Ordering::Relaxed);
    }
}
