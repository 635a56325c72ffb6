//! A style network as an ONNX Runtime session with bound input and output: a frame is copied to the device once and back
//! once, and the memory is reused while the frame size stays the same.

use std::fmt::{Debug, Write};
use std::mem::ManuallyDrop;
use std::path::Path;

use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{IoBinding, Session};
use ort::value::{Outlet, PrimitiveTensorElementType, Tensor, TensorElementType, ValueType};

pub(super) use super::exported::{GRAIN, STYLE};
use super::provider::{Device, Provider};
use super::runtime::Runtime;
use super::{Layout, Network, NetworkFile, plugin, plugin_fault, provider};
use crate::error::{Error, Result, cause};
use crate::frame::Image;
use crate::kernel::grain::{CELL, CHANNELS, Grain};
use crate::kernel::packed;
use crate::kernel::planar::{pack, padded, unpack};
use crate::size::Size;

/// A session for one network file.
pub struct OnnxNetwork {
    /// The network's name, for messages.
    name: String,
    styles: usize,
    /// Dropped by hand, in this network's turn.
    session: ManuallyDrop<Session>,
    binding: ManuallyDrop<IoBinding>,
    names: Names,
    layout: Layout,
    pub(super) device: Device,
    /// Allocates the device copies of tensors for a CUDA graph.
    mirror: Option<Allocator>,
    buffers: Option<Buffers>,
}

/// The names of the graph's inputs and outputs.
struct Names {
    input: String,
    /// The weights or the style vector, if the graph takes one.
    style: String,
    output: String,
    /// Whether the graph takes grain.
    grain: bool,
}

/// An input or output of the graph: a tensor in host memory and, for a CUDA graph, its copy on the graphics card. A captured
/// graph replays addresses, so they must not change; otherwise ONNX Runtime allocates memory on the card itself.
struct End<T: PrimitiveTensorElementType + Debug> {
    host: Tensor<T>,
    mirror: Option<Tensor<T>>,
}

/// The bound tensors for one picture size.
struct Buffers {
    width: u32,
    height: u32,
    tensors: Tensors,
}

enum Tensors {
    /// uint8 `[1,H,W,3]`, float32 `[S]`, perhaps float32 `[1,ceil(H/4),ceil(W/4),4]`; uint8 `[1,H,W,3]`.
    Bytes { image: End<u8>, style: End<f32>, grain: Option<End<f32>>, stylized: End<u8> },
    /// float32 `[1,3,H,W]`, sides padded.
    Planes { input: End<f32>, output: End<f32> },
    /// float32 `[1,H,W,3]`, sides padded; float32 `[1,1,1,V]`; float32 `[1,H,W,3]`.
    Pixels { input: End<f32>, vector: End<f32>, output: End<f32> },
}

/// Whether a session remembers which device runs which node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placements {
    Forgotten,
    Recorded,
}

/// Builds a session from `path` for `provider`, for everything that runs a graph. `network` describes a style network; it is
/// `None` for other graphs.
pub(super) fn session(
    runtime: &Runtime,
    path: &Path,
    network: Option<&NetworkFile>,
    provider: &Provider,
    threads: usize,
    placements: Placements,
) -> Result<Session> {
    // ONNX Runtime's own message about a missing file states neither the file nor the cure.
    std::fs::File::open(path).map_err(|error| Error::reading(path, &error))?;
    let build = || -> ort::Result<Session> {
        let mut builder = Session::builder(&runtime.environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(threads)?
            .with_inter_threads(1)?;
        // Threads that spin while they wait take the cores away from everything else: camera, window, encoder, other programs.
        // On a virtual machine with two cores, spinning even halved the speed of the network itself.
        builder = builder.with_config_entry("session.intra_op.allow_spinning", "0")?;
        if network.is_none() || threads == 1 {
            // Planning all values of an inference as one block took 600 MiB more for VGG-19's gradient at 512x512, and was
            // not faster. A style network takes twice the memory so and is faster by a few per cent, which is not worth it
            // where each core has a session of its own.
            builder = builder.with_memory_pattern(false)?;
        }
        if let Some(NetworkFile { layout: Layout::NhwcF32(_), .. }) = network {
            // Only their weights have 8 bits. Converted to floats once instead of at every inference, they run twice as fast.
            builder = builder.with_config_entry("session.disable_quant_qdq", "1")?;
        }
        if placements == Placements::Recorded {
            builder = builder.with_config_entry("session.record_ep_graph_assignment_info", "1")?;
        }
        if provider.device != Device::Cpu {
            builder = provider::append(builder, runtime, provider, network, threads)?;
        }
        let _turn = plugin::turn(provider.device);
        builder.commit_from_file(path)
    };
    build().map_err(|error| {
        let reason = cause(&error);
        let (path, device) = (path.display(), provider.device);
        Error::failed(match device {
            _ if device != Device::Cpu && is_of_card_memory(device, &error.to_string()) => format!(
                "the graphics card has not enough memory to load '{path}' on {device}; close other programs that use it, or add \
                 --device cpu"
            ),
            _ if is_of_memory(&reason) => {
                format!(
                    "there is not enough memory to load '{path}'; close other programs, or raise the limit (ulimit -v)"
                )
            }
            Device::Cpu => {
                let prefix = format!("Load model from {path} failed:");
                let reason = reason.strip_prefix(&prefix).unwrap_or(&reason).trim_start();
                if reason.contains("Protobuf parsing failed") {
                    format!(
                        "'{path}' is not an ONNX file, or is damaged; export the network as ONNX, or download it again"
                    )
                } else {
                    format!("'{path}' is not a network that ONNX Runtime can load ({reason}); export it again")
                }
            }
            _ => format!("'{path}' does not run on {device} ({reason}); try --device cpu, or see impasto doctor"),
        })
    })
}

/// An allocator on the graphics card, for a CUDA graph.
fn mirror(session: &Session, provider: &Provider) -> ort::Result<Option<Allocator>> {
    let on_card = matches!(provider.device, Device::Cuda | Device::TensorRt);
    if !(on_card && provider.options.cuda_graph) {
        return Ok(None);
    }
    let card = provider.options.device_id;
    let memory = MemoryInfo::new(AllocationDevice::CUDA, card, AllocatorType::Device, MemoryType::Default)?;
    Allocator::new(session, memory).map(Some)
}

impl OnnxNetwork {
    /// Opens `file` on `provider` with `threads` cores, and checks that its inputs and outputs match its layout.
    pub fn open(runtime: &Runtime, file: &NetworkFile, provider: &Provider, threads: usize) -> Result<Self> {
        let session = session(runtime, &file.path, Some(file), provider, threads, Placements::Forgotten)?;
        let names = check_ends(&session, file)?;
        let binding = session.create_binding().map_err(|error| failed(&file.name, &error))?;
        let mirror = mirror(&session, provider).map_err(|error| failed(&file.name, &error))?;
        let (name, styles, layout, device) = (file.name.clone(), file.styles, file.layout, provider.device);
        let (session, binding) = (ManuallyDrop::new(session), ManuallyDrop::new(binding));
        Ok(Self { name, styles, session, binding, names, layout, device, mirror, buffers: None })
    }

    /// Allocates and binds tensors for a frame size, unless they exist.
    fn prepare(&mut self, width: u32, height: u32) -> Result<()> {
        match &self.buffers {
            Some(buffers) if (buffers.width, buffers.height) == (width, height) => return Ok(()),
            Some(buffers) if self.mirror.is_some() => {
                return Err(Error::failed(format!(
                    "a CUDA graph works for one frame size, and {width}x{height} follows {}x{}; leave out --cuda-graph",
                    buffers.width, buffers.height
                )));
            }
            _ => {}
        }
        // Free the old size first: both together would double the peak memory.
        self.binding.clear();
        self.buffers = None;
        let tensors = self.allocate(width, height).map_err(|error| failed_on(self.device, &self.name, &error))?;
        self.buffers = Some(Buffers { width, height, tensors });
        Ok(())
    }

    fn allocate(&mut self, width: u32, height: u32) -> ort::Result<Tensors> {
        let (binding, mirror) = (&mut self.binding, self.mirror.as_ref());
        Ok(match self.layout {
            Layout::NhwcU8 => {
                let shape = [1, height as usize, width as usize, 3];
                let mut stylized = End::new(mirror, &shape)?;
                stylized.bind_as_output(binding, &self.names.output)?;
                let cells = [1, height.div_ceil(CELL) as usize, width.div_ceil(CELL) as usize, CHANNELS];
                let grain = self.names.grain.then(|| End::new(mirror, &cells)).transpose()?;
                let (image, style) = (End::new(mirror, &shape)?, End::new(mirror, &[self.styles])?);
                Tensors::Bytes { image, style, grain, stylized }
            }
            Layout::NchwF32(format) => {
                let shape = [1, 3, padded(height, format.multiple) as usize, padded(width, format.multiple) as usize];
                let mut output = End::new(mirror, &shape)?;
                output.bind_as_output(binding, &self.names.output)?;
                Tensors::Planes { input: End::new(mirror, &shape)?, output }
            }
            Layout::NhwcF32(format) => {
                let (columns, rows) = format.padded(width, height);
                let shape = [1, rows, columns, 3];
                let mut output = End::new(mirror, &shape)?;
                output.bind_as_output(binding, &self.names.output)?;
                let vector = End::new(mirror, &[1, 1, 1, self.styles])?;
                Tensors::Pixels { input: End::new(mirror, &shape)?, vector, output }
            }
        })
    }
}

impl<T: PrimitiveTensorElementType + Debug> End<T> {
    fn new(mirror: Option<&Allocator>, shape: &[usize]) -> ort::Result<Self> {
        let host = Tensor::new(&Allocator::default(), shape.to_vec())?;
        let mirror = mirror.map(|card| Tensor::new(card, shape.to_vec())).transpose()?;
        Ok(Self { host, mirror })
    }

    /// Sends the host memory to the device. Binding an input copies it there (on the processor it only records the address),
    /// so it is bound again for each frame.
    fn send(&mut self, binding: &mut IoBinding, name: &str) -> ort::Result<()> {
        match &mut self.mirror {
            Some(mirror) => {
                self.host.copy_into(&mut *mirror)?;
                binding.bind_input(name, mirror)
            }
            None => binding.bind_input(name, &self.host),
        }
    }

    fn bind_as_output(&mut self, binding: &mut IoBinding, name: &str) -> ort::Result<()> {
        binding.bind_output(name, self.mirror.as_mut().unwrap_or(&mut self.host))
    }

    /// The values that the graph wrote.
    fn receive(&mut self) -> ort::Result<&[T]> {
        if let Some(mirror) = &self.mirror {
            mirror.copy_into(&mut self.host)?;
        }
        Ok(self.host.extract_tensor().1)
    }
}

impl Drop for OnnxNetwork {
    fn drop(&mut self) {
        let _turn = plugin::turn(self.device);
        self.buffers = None;
        // SAFETY: neither is used again.
        unsafe {
            ManuallyDrop::drop(&mut self.binding);
            ManuallyDrop::drop(&mut self.session);
        }
    }
}

impl Network for OnnxNetwork {
    fn style_count(&self) -> usize {
        self.styles
    }

    fn takes_grain(&self) -> bool {
        self.names.grain
    }

    fn run(&mut self, image: Image<'_>, weights: &[f32], grain: &Grain, out: &mut [u8]) -> Result<()> {
        let _turn = plugin::turn(self.device);
        self.prepare(image.width, image.height)?;
        let Self { name, session, binding, names, layout, device, buffers, .. } = self;
        let Some(Buffers { tensors, .. }) = buffers else {
            return Err(Error::internal("the network has no buffers"));
        };
        let paint = || -> ort::Result<bool> {
            match (tensors, layout) {
                (Tensors::Bytes { image: input, style, grain: cells, stylized }, _) => {
                    input.host.extract_tensor_mut().1.copy_from_slice(image.pixels);
                    input.send(binding, &names.input)?;
                    style.host.extract_tensor_mut().1.copy_from_slice(weights);
                    style.send(binding, &names.style)?;
                    if let Some(cells) = cells {
                        let size = Size::new(image.width, image.height);
                        let (columns, rows) = (0..image.width.div_ceil(CELL), 0..image.height.div_ceil(CELL));
                        grain.fill(size, columns, rows, cells.host.extract_tensor_mut().1);
                        cells.send(binding, GRAIN)?;
                    }
                    run_bound(session, binding)?;
                    out.copy_from_slice(stylized.receive()?);
                    Ok(true)
                }
                (Tensors::Planes { input, output }, Layout::NchwF32(format)) => {
                    pack(image, format, input.host.extract_tensor_mut().1);
                    input.send(binding, &names.input)?;
                    run_bound(session, binding)?;
                    let side = |pixels| padded(pixels, format.multiple) as usize;
                    let plane = (side(image.width), side(image.height));
                    let size = (image.width as usize, image.height as usize);
                    Ok(unpack(output.receive()?, plane, format.range, size, out))
                }
                (Tensors::Pixels { input, vector, output }, Layout::NhwcF32(format)) => {
                    packed::pack(image, format, input.host.extract_tensor_mut().1);
                    input.send(binding, &names.input)?;
                    vector.host.extract_tensor_mut().1.copy_from_slice(weights);
                    vector.send(binding, &names.style)?;
                    run_bound(session, binding)?;
                    let (columns, _) = format.padded(image.width, image.height);
                    let size = (image.width as usize, image.height as usize);
                    Ok(packed::unpack(output.receive()?, columns, format.range, size, out))
                }
                (Tensors::Planes { .. } | Tensors::Pixels { .. }, _) => {
                    unreachable!("allocate() makes the tensors of the layout")
                }
            }
        };
        match paint() {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::failed(format!(
                "network '{name}' gave values that are not numbers: it is damaged or badly trained; use another style"
            ))),
            Err(error) => Err(failed_on(*device, name, &error)),
        }
    }
}

fn run_bound(session: &mut Session, binding: &mut IoBinding) -> ort::Result<()> {
    session.run_binding(binding)?;
    binding.synchronize_outputs()
}

/// Whether memory was short: ONNX Runtime's allocators, the C++ library's and the system's have these words.
fn is_of_memory(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    ["allocate memory", "bad_alloc", "out of memory"].iter().any(|words| reason.contains(words))
}

/// Whether the memory of the graphics card was short.
fn is_of_card_memory(device: Device, reason: &str) -> bool {
    is_of_memory(reason) || (device == Device::WebGpu && reason.contains(plugin_fault::INVALID))
}

/// The error for a failed inference of the network `name` on `device`.
pub(super) fn failed_on(device: Device, name: &str, error: &ort::Error) -> Error {
    let text = error.to_string();
    if device != Device::Cpu && (text.contains("is lost") || text.contains("device lost")) {
        return Error::failed(format!(
            "the graphics card was lost while the network '{name}' ran on {device}: its driver failed or was restarted; run the \
             same command again (a film resumes), or add --device cpu"
        ));
    }
    if device != Device::Cpu && is_of_card_memory(device, &text) {
        return Error::failed(format!(
            "the graphics card has not enough memory for the network '{name}' on {device}; choose a larger --scale or a smaller \
             picture, close other programs that use it, or add --device cpu"
        ));
    }
    failed(name, error)
}

/// The error for a failed inference of the network `name`.
pub(super) fn failed(name: &str, error: &ort::Error) -> Error {
    let reason = cause(error);
    if is_of_memory(&reason) {
        return Error::failed(format!(
            "there is not enough memory for the network '{name}'; choose a larger --scale or a smaller picture, or close other \
             programs"
        ));
    }
    Error::failed(format!("the network '{name}' failed ({reason}); try --device cpu, or another style"))
}

/// The names of the graph's inputs and outputs, if they match the layout.
fn check_ends(session: &Session, file: &NetworkFile) -> Result<Names> {
    let (inputs, outputs) = (session.inputs(), session.outputs());
    let fits = match (file.layout, inputs, outputs) {
        (Layout::NhwcU8, [image, style, grain @ ..], [stylized]) => {
            is(image, "image", TensorElementType::Uint8, &[1, -1, -1, 3])
                && is(style, STYLE, TensorElementType::Float32, &[file.styles.try_into().unwrap_or(-1)])
                && is_grain(grain)
                && is(stylized, "stylized", TensorElementType::Uint8, &[1, -1, -1, 3])
        }
        (Layout::NchwF32(_), [input], [output]) => {
            is(input, input.name(), TensorElementType::Float32, &[1, 3, -1, -1])
                && is(output, output.name(), TensorElementType::Float32, &[1, 3, -1, -1])
        }
        (Layout::NhwcF32(_), [input, vector], [output]) => {
            let length = file.styles.try_into().unwrap_or(-1);
            is(input, input.name(), TensorElementType::Float32, &[1, -1, -1, 3])
                && is(vector, vector.name(), TensorElementType::Float32, &[1, 1, 1, length])
                && is(output, output.name(), TensorElementType::Float32, &[1, -1, -1, 3])
        }
        _ => false,
    };
    if !fits {
        return Err(Error::failed(format!(
            "'{}' is not a style network of the expected layout: it takes {} and gives {}, but {}; see impasto styles add --help",
            file.path.display(),
            describe(inputs),
            describe(outputs),
            expectation(file),
        )));
    }
    let [input, others @ ..] = inputs else { return Err(Error::internal("a network without inputs")) };
    let style = others.first().map_or(STYLE, Outlet::name).to_owned();
    let grain = matches!(file.layout, Layout::NhwcU8) && others.len() > 1;
    Ok(Names { input: input.name().to_owned(), style, output: outputs[0].name().to_owned(), grain })
}

fn expectation(file: &NetworkFile) -> String {
    match file.layout {
        Layout::NhwcU8 => format!(
            "it must take image uint8 [1,H,W,3], style float32 [{}] and optionally grain float32 [1,H/4,W/4,4], and give stylized uint8 [1,H,W,3], for any H and W",
            file.styles
        ),
        Layout::NchwF32(_) => "it must take one float32 [1,3,H,W] and give the same, for any H and W".to_owned(),
        Layout::NhwcF32(_) => format!(
            "it must take float32 [1,H,W,3] and a style vector float32 [1,1,1,{}] and give float32 [1,H,W,3], for any H and W",
            file.styles
        ),
    }
}

/// Whether an input or output has this name, type and shape; -1 in `wanted` requires a free size. A size that the graph
/// leaves free matches any; the first inference shows whether it really fits.
pub(super) fn is(end: &Outlet, name: &str, element: TensorElementType, wanted: &[i64]) -> bool {
    let ValueType::Tensor { ty, shape, .. } = end.dtype() else { return false };
    let sizes = shape.len() == wanted.len()
        && shape.iter().zip(wanted).all(|(&has, &wants)| if wants < 0 { has < 0 } else { has < 0 || has == wants });
    end.name() == name && *ty == element && (sizes || shape.is_empty())
}

/// Whether the inputs after the first two are none, or grain of any size.
pub(super) fn is_grain(others: &[Outlet]) -> bool {
    match others {
        [] => true,
        [grain] => is(grain, GRAIN, TensorElementType::Float32, &[1, -1, -1, CHANNELS as i64]),
        _ => false,
    }
}

pub(super) fn describe(ends: &[Outlet]) -> String {
    let mut words = String::new();
    for (place, end) in ends.iter().enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        let kind = match end.dtype() {
            ValueType::Tensor { ty, shape, .. } => {
                let sizes: Vec<String> =
                    shape.iter().map(|&side| if side < 0 { "?".into() } else { side.to_string() }).collect();
                format!("{ty} [{}]", sizes.join(","))
            }
            other => format!("{other:?}"),
        };
        // Writing to a string cannot fail.
        let _ = write!(words, "{comma}{} {kind}", end.name());
    }
    if words.is_empty() { "nothing".to_owned() } else { words }
}
