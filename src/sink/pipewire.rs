//! Writes frames to a PipeWire camera, which portals list for browsers and meetings: the only place that knows `pipewire`.
//!
//! PipeWire's objects belong to one thread, so they get one of their own. It sleeps until a frame or PipeWire wakes it. Frames are
//! copied and converted only while a program reads the camera.

use std::io::Cursor;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use pipewire::channel::{self, Receiver, Sender};
use pipewire::context::Context;
use pipewire::core::PW_ID_CORE;
use pipewire::main_loop::MainLoop;
use pipewire::properties::properties;
use pipewire::spa::buffer::DataType;
use pipewire::spa::param::ParamType;
use pipewire::spa::param::format::{FormatProperties, MediaSubtype, MediaType};
use pipewire::spa::param::video::{VideoFormat, VideoInfoRaw};
use pipewire::spa::pod::serialize::PodSerializer;
use pipewire::spa::pod::{ChoiceValue, Object, Pod, Property, Value, object, property};
use pipewire::spa::utils::{Choice, ChoiceEnum, ChoiceFlags, Direction, Fraction, Rectangle, SpaTypes};
use pipewire::stream::{Stream, StreamFlags, StreamRef, StreamState};

use super::Sink;
use crate::error::{Error, Result};
use crate::frame::{Frame, Image, Stamp, byte_len};
use crate::media::pixels::{ToYuyv, even_width};
use crate::size::Size;
use crate::sync::latest::{Latest, Taken};
use crate::sync::threads;

/// How long PipeWire may take to respond; usually milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The command that starts PipeWire for a user.
const START: &str = "systemctl --user start pipewire wireplumber";

/// The formats offered, the preferred first. BGRx means the same everywhere, while readers guess the YUV matrix from the picture's
/// size; but browsers accept only YUV.
const FORMATS: [VideoFormat; 2] = [VideoFormat::BGRx, VideoFormat::YUY2];

/// Shows frames as a camera. Programs may start and stop reading it at any time.
pub struct PipewireSink {
    shared: Arc<Shared>,
    wake: Sender<Wake>,
    /// `None` once it has been joined.
    thread: Option<JoinHandle<()>>,
    size: Size,
}

/// What the sink and PipeWire's thread share.
#[derive(Default)]
struct Shared {
    /// The newest frame's pixels.
    newest: Latest<Vec<u8>>,
    /// A buffer that was shown, to be filled again.
    spent: Latest<Vec<u8>>,
    /// A program reads the camera now.
    watched: AtomicBool,
    /// Why the camera is gone.
    failure: OnceLock<String>,
}

/// Why PipeWire's thread is woken.
enum Wake {
    Frame,
    End,
}

/// What the frames are like.
#[derive(Clone, Copy)]
struct Shape {
    width: u32,
    height: u32,
    fps: u32,
}

impl PipewireSink {
    /// Creates a camera that other programs list as `name`, for frames of `width` x `height`, `fps` per second. Programs that read YUV
    /// see one column less of an odd width.
    ///
    /// # Errors
    /// PipeWire does not run for this user or does not respond, or no camera can have this size.
    pub fn open(name: &str, width: u32, height: u32, fps: u32) -> Result<Self> {
        super::check_camera(Size::new(width, height))?;
        let name = name.replace('\0', "");
        let shape = Shape { width, height, fps: fps.max(1) };
        let shared = Arc::new(Shared::default());
        let (wake, woken) = channel::channel();
        let (ready, is_ready) = mpsc::channel();
        let thread = threads::spawn("pipewire", {
            let shared = Arc::clone(&shared);
            move || {
                if let Err(words) = show(&name, shape, &shared, woken, ready) {
                    let _ = shared.failure.set(words);
                }
            }
        })?;
        // From here on, dropping it ends the thread.
        let sink = Self { shared, wake, thread: Some(thread), size: Size::new(width, height) };
        match is_ready.recv_timeout(PATIENCE) {
            Ok(()) => Ok(sink),
            Err(RecvTimeoutError::Timeout) => Err(Error::failed(format!(
                "PipeWire does not respond; restart it: {}",
                START.replace("start", "restart")
            ))),
            // The thread stores the reason before it drops its end; once joined, it has.
            Err(RecvTimeoutError::Disconnected) => {
                let shared = Arc::clone(&sink.shared);
                drop(sink);
                let words = shared.failure.get().map_or("PipeWire's thread ended", String::as_str);
                Err(Error::failed(words))
            }
        }
    }

    fn end(&mut self) {
        // The thread may have ended already.
        let _ = self.wake.send(Wake::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Sink for PipewireSink {
    fn put_at(&mut self, frame: &Frame, _stamp: Stamp) -> Result<()> {
        super::check_frame(frame, self.size)?;
        if let Some(words) = self.shared.failure.get() {
            return Err(Error::failed(words.as_str()));
        }
        if !self.shared.watched.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut pixels = match self.shared.spent.take(Duration::ZERO) {
            Taken::Value(pixels) => pixels,
            Taken::Nothing | Taken::Closed => Vec::new(),
        };
        pixels.clear();
        pixels.extend_from_slice(&frame.pixels);
        if let Some(stale) = self.shared.newest.put(pixels) {
            self.shared.spent.put(stale);
        }
        self.wake.send(Wake::Frame).map_err(|_| Error::failed("PipeWire's thread ended"))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.end();
        Ok(())
    }
}

impl Drop for PipewireSink {
    fn drop(&mut self) {
        self.end();
    }
}

/// PipeWire's thread: the camera exists until this returns. The error is for people.
fn show(
    name: &str,
    shape: Shape,
    shared: &Arc<Shared>,
    woken: Receiver<Wake>,
    ready: mpsc::Sender<()>,
) -> Result<(), String> {
    let unusable = |error| format!("PipeWire cannot be used: {error}; install its client library and configuration");
    let main_loop = MainLoop::new(None).map_err(unusable)?;
    let context = Context::new(&main_loop).map_err(unusable)?;
    let core = context.connect(None).map_err(|_| format!("PipeWire does not run for this user; start it: {START}"))?;
    let lost = {
        let (main_loop, shared) = (main_loop.clone(), Arc::clone(shared));
        move |reason: &str| {
            let words = format!("PipeWire removed the camera ({reason}); start PipeWire again: {START}");
            // The first reason is the cause.
            let _ = shared.failure.set(words);
            main_loop.quit();
        }
    };
    let _core_listener = core
        .add_listener_local()
        .error({
            let lost = lost.clone();
            // Errors of other objects are harmless; the stream gets its own.
            move |id, _, _, message| {
                if id == PW_ID_CORE {
                    lost(message);
                }
            }
        })
        .register();

    let properties = properties! {
        "media.class" => "Video/Source",
        "media.role" => "Camera",
        "node.name" => name,
        "node.description" => name,
        "node.virtual" => "true",
    };
    let broken = |error| format!("PipeWire cannot create a camera: {error}; start PipeWire again: {START}");
    let stream = Rc::new(Stream::new(&core, name, properties).map_err(broken)?);
    let _stream_listener = stream
        .add_local_listener_with_user_data(BufferWriter::new(shape, Arc::clone(shared)))
        .state_changed({
            let shared = Arc::clone(shared);
            move |_, _, _, state| {
                shared.watched.store(state == StreamState::Streaming, Ordering::Release);
                match state {
                    // Sent again later, when nobody listens any more.
                    StreamState::Paused => drop(ready.send(())),
                    StreamState::Error(reason) => lost(&reason),
                    StreamState::Unconnected | StreamState::Connecting | StreamState::Streaming => {}
                }
            }
        })
        .param_changed(|stream, painter, id, param| {
            if id == ParamType::Format.as_raw() {
                painter.agree(stream, param);
            }
        })
        .process(|stream, writer| writer.serve(stream))
        .register()
        .map_err(broken)?;
    let _receiver = woken.attach(main_loop.loop_(), {
        let (main_loop, stream) = (main_loop.clone(), Rc::clone(&stream));
        move |message| match message {
            // The camera sets the pace of its readers.
            Wake::Frame if stream.state() == StreamState::Streaming => drop(stream.trigger_process()),
            Wake::Frame => {}
            Wake::End => main_loop.quit(),
        }
    });

    let formats = FORMATS.map(|format| serialize(offer(format, shape)));
    let mut formats: Vec<&Pod> = formats.iter().filter_map(|bytes| Pod::from_bytes(bytes)).collect();
    // Readers connect to it, so no target is named.
    let flags = StreamFlags::DRIVER | StreamFlags::MAP_BUFFERS;
    stream.connect(Direction::Output, None, flags, &mut formats).map_err(broken)?;
    main_loop.run();
    Ok(())
}

/// Puts frames into PipeWire's buffers.
struct BufferWriter {
    shape: Shape,
    shared: Arc<Shared>,
    /// The format agreed with the readers, and its bytes from row to row.
    agreed: Option<(VideoFormat, u32)>,
    /// RGB8; black before the first frame.
    shown: Vec<u8>,
    yuyv: ToYuyv,
}

impl BufferWriter {
    fn new(shape: Shape, shared: Arc<Shared>) -> Self {
        let shown = vec![0; byte_len(shape.width, shape.height)];
        Self { shape, shared, agreed: None, shown, yuyv: ToYuyv::default() }
    }

    /// Answers the chosen format with the buffers that it needs. There is none after the last reader has gone.
    fn agree(&mut self, stream: &StreamRef, format: Option<&Pod>) {
        self.agreed = format.and_then(|format| {
            let mut info = VideoInfoRaw::default();
            info.parse(format).ok()?;
            FORMATS.contains(&info.format()).then(|| (info.format(), stride(info.format(), self.shape.width)))
        });
        let Some((_, stride)) = self.agreed else { return };
        let bytes = serialize(buffers(stride, self.shape.height));
        if let Some(pod) = Pod::from_bytes(&bytes) {
            // If it fails, the stream enters its error state, which is reported.
            let _ = stream.update_params(&mut [pod]);
        }
    }

    /// Fills the next buffer with the newest frame, or with the last one again.
    fn serve(&mut self, stream: &StreamRef) {
        if let Taken::Value(newest) = self.shared.newest.take(Duration::ZERO) {
            self.shared.spent.put(std::mem::replace(&mut self.shown, newest));
        }
        // There is none while the readers hold them all: they miss this frame.
        let Some(mut buffer) = stream.dequeue_buffer() else { return };
        let Some(data) = buffer.datas_mut().first_mut() else { return };
        let filled = match (self.agreed, data.data()) {
            (Some((format, stride)), Some(bytes)) => self.fill(format, stride, bytes),
            _ => None,
        };
        let (stride, size) = filled.unwrap_or_default();
        let chunk = data.chunk_mut();
        *chunk.offset_mut() = 0;
        *chunk.stride_mut() = stride as i32;
        *chunk.size_mut() = size as u32;
    }

    /// Writes the frame to `bytes`; gives its stride and size, or nothing if it does not fit.
    fn fill(&mut self, format: VideoFormat, stride: u32, bytes: &mut [u8]) -> Option<(u32, usize)> {
        let Shape { width, height, .. } = self.shape;
        let size = stride as usize * height as usize;
        let bytes = bytes.get_mut(..size)?;
        if format == VideoFormat::YUY2 {
            let image = Image { width, height, pixels: &self.shown };
            self.yuyv.convert(image, stride, bytes).ok()?;
        } else {
            for (to, from) in bytes.chunks_exact_mut(4).zip(self.shown.chunks_exact(3)) {
                to.copy_from_slice(&[from[2], from[1], from[0], 255]);
            }
        }
        Some((stride, size))
    }
}

/// The columns that a camera of this format has.
fn columns(format: VideoFormat, width: u32) -> u32 {
    if format == VideoFormat::YUY2 { even_width(width) } else { width }
}

/// Bytes from row to row.
fn stride(format: VideoFormat, width: u32) -> u32 {
    columns(format, width) * if format == VideoFormat::YUY2 { 2 } else { 4 }
}

/// One format, in the one size and rate that there is.
fn offer(format: VideoFormat, Shape { width, height, fps }: Shape) -> Object {
    let size = Rectangle { width: columns(format, width), height };
    object!(
        SpaTypes::ObjectParamFormat,
        ParamType::EnumFormat,
        property!(FormatProperties::MediaType, Id, MediaType::Video),
        property!(FormatProperties::MediaSubtype, Id, MediaSubtype::Raw),
        property!(FormatProperties::VideoFormat, Id, format),
        property!(FormatProperties::VideoSize, Rectangle, size),
        property!(FormatProperties::VideoFramerate, Fraction, Fraction { num: fps, denom: 1 }),
    )
}

/// Buffers of whole frames in memory that other processes can map. Their number is the reader's choice: some ask for
/// more than others bear.
fn buffers(stride: u32, height: u32) -> Object {
    use pipewire::spa::sys;

    let int = |key, value: u32| Property::new(key, Value::Int(value as i32));
    let choice =
        |key, choice| Property::new(key, Value::Choice(ChoiceValue::Int(Choice(ChoiceFlags::empty(), choice))));
    let count = ChoiceEnum::Range { default: 4, min: 2, max: 16 };
    let memory = 1 << DataType::MemPtr.as_raw() | 1 << DataType::MemFd.as_raw();
    Object {
        type_: SpaTypes::ObjectParamBuffers.as_raw(),
        id: ParamType::Buffers.as_raw(),
        properties: vec![
            choice(sys::SPA_PARAM_BUFFERS_buffers, count),
            int(sys::SPA_PARAM_BUFFERS_blocks, 1),
            int(sys::SPA_PARAM_BUFFERS_size, stride * height),
            int(sys::SPA_PARAM_BUFFERS_stride, stride),
            choice(sys::SPA_PARAM_BUFFERS_dataType, ChoiceEnum::Flags { default: memory, flags: Vec::new() }),
        ],
    }
}

/// The object in PipeWire's own form; empty if it has none, which these objects all have.
fn serialize(object: Object) -> Vec<u8> {
    let written = PodSerializer::serialize(Cursor::new(Vec::new()), &Value::Object(object));
    written.map(|(cursor, _)| cursor.into_inner()).unwrap_or_default()
}
