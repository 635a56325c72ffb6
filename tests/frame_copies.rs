//! Outputs take a live frame as it is: none copies it for a timestamp, or for viewers that are not there.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use impasto::Stop;
use impasto::internals::frame::Stamp;
use impasto::internals::media::pixels::ColorTags;
use impasto::internals::media::write::StreamFormat;
use impasto::internals::show::{Settings, Show};
use impasto::internals::sink::Sink;
use impasto::internals::sink::http::HttpSink;
use impasto::internals::sink::recording::RecordingSink;
use impasto::styles::Expression;
use impasto::{Frame, Rational};

const SIZE: (u32, u32) = (320, 180);
/// Bytes of a frame.
const FRAME: usize = 320 * 180 * 3;

/// Counts allocations that could hold a frame.
struct Counting;

static LARGE: AtomicUsize = AtomicUsize::new(0);

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() >= FRAME {
            LARGE.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's promises are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of a frame's size while a sink takes 20 frames, after its first ones.
fn allocations(sink: &mut dyn Sink) -> usize {
    let frame = Frame::new(SIZE.0, SIZE.1);
    let mut put = |time| sink.put_at(&frame, Stamp { time, duration: 1 }).unwrap();
    (0..5).for_each(&mut put);
    let before = LARGE.load(Ordering::Relaxed);
    (5..25).for_each(&mut put);
    LARGE.load(Ordering::Relaxed) - before
}

#[test]
fn a_recording_and_an_unwatched_page_allocate_no_frame() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { record: true, ..Settings::plain(Expression::single("night")) };
    let show = Arc::new(Show::new(vec!["night".into()], settings, Stop::default()));
    let format = StreamFormat {
        width: SIZE.0,
        height: SIZE.1,
        frame_rate: Rational { num: 30, den: 1 },
        color: ColorTags::BT709,
    };
    let mut recording = RecordingSink::new(&folder.path().join("show.mkv"), format, Arc::clone(&show)).unwrap();
    assert_eq!(allocations(&mut recording), 0, "recording");
    assert!(show.statistics().recording.is_some(), "nothing was recorded");
    let mut page = HttpSink::open("127.0.0.1:0".parse().unwrap(), None, show).unwrap();
    assert_eq!(allocations(&mut page), 0, "page");
    // The count works: a copy is one.
    let before = LARGE.load(Ordering::Relaxed);
    drop(Frame::new(SIZE.0, SIZE.1).clone());
    assert_eq!(LARGE.load(Ordering::Relaxed) - before, 2);
}
