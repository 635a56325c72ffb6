//! A style network as an ONNX Runtime session, its input and output bound: a frame crosses to the device once and back
//! once, into memory that is kept while the size stays.

use std::fmt::{Debug, Write};
use std::path::Path;

use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{IoBinding, Session};
use ort::value::{Outlet, PrimitiveTensorElementType, Tensor, TensorElementType, ValueType};

use super::provider::{Device, Provider};
use super::runtime::Runtime;
use super::{Layout, Network, NetworkFile, provider};
use crate::error::{Error, Result};
use crate::frame::Image;
use crate::kernel::packed;
use crate::kernel::planar::{pack, padded, unpack};

/// A session for one network file.
pub struct OnnxNetwork {
    /// The network's name, for messages.
    name: String,
    styles: usize,
    session: Session,
    binding: IoBinding,
    names: Names,
    layout: Layout,
    /// Where the mirrors of a CUDA graph's ends lie.
    mirror: Option<Allocator>,
    buffers: Option<Buffers>,
}

/// What own networks call their weights.
pub(super) const STYLE: &str = "style";

/// What the graph calls its ends.
struct Names {
    input: String,
    /// The weights or the style vector, where it takes them.
    style: String,
    output: String,
}

/// One end of the graph: memory that the processor fills or reads and, for a CUDA graph, its mirror on the card. A
/// captured graph replays addresses, so those must stay; otherwise ONNX Runtime finds memory on the card by itself.
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
    /// uint8 `[1,H,W,3]`, float32 `[S]`, uint8 `[1,H,W,3]`.
    Bytes { image: End<u8>, style: End<f32>, stylized: End<u8> },
    /// float32 `[1,3,H,W]`, sides padded.
    Planes { input: End<f32>, output: End<f32> },
    /// float32 `[1,H,W,3]`, sides padded; float32 `[1,1,1,V]`; float32 `[1,H,W,3]`.
    Pixels { input: End<f32>, vector: End<f32>, output: End<f32> },
}

/// Builds a session from `path` for `provider`; shared by everything that runs a graph. `network` says what a style network
/// is like; none is another kind of graph.
pub(super) fn session(
    runtime: &Runtime,
    path: &Path,
    network: Option<&NetworkFile>,
    provider: &Provider,
    threads: usize,
) -> Result<Session> {
    // ONNX Runtime's own message about a missing file has neither its name nor the cure.
    std::fs::File::open(path).map_err(|error| Error::reading(path, &error))?;
    let build = || -> ort::Result<Session> {
        let mut builder = Session::builder(&runtime.environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(threads)?
            .with_inter_threads(1)?;
        // Threads that spin while they wait for work take the cores from everything else that runs: the camera, the window,
        // the encoder, other programs. On two cores of a virtual machine they even halved the network's own speed.
        builder = builder.with_config_entry("session.intra_op.allow_spinning", "0")?;
        if network.is_none() {
            // Planning all values of a run as one block took 600 MiB more for VGG-19's gradient at 512x512, and no less time.
            builder = builder.with_memory_pattern(false)?;
        }
        if let Some(NetworkFile { layout: Layout::NhwcF32(_), .. }) = network {
            // Their weights have 8 bits and their values none: made floats once and not at every run, they run twice as fast.
            builder = builder.with_config_entry("session.disable_quant_qdq", "1")?;
        }
        if provider.device != Device::Cpu {
            builder = builder.with_execution_providers(provider::dispatch(provider, network))?;
        }
        builder.commit_from_file(path)
    };
    build().map_err(|error| {
        let error = error.to_string();
        let (path, device) = (path.display(), provider.device);
        Error::failed(match device {
            Device::Cpu => {
                let reason = first_line(&error);
                let prefix = format!("Load model from {path} failed:");
                let reason = reason.strip_prefix(&prefix).unwrap_or(reason).trim_start();
                format!("'{path}' is not a network that ONNX Runtime can load ({reason})")
            }
            _ => format!(
                "'{path}' does not run on {device}: {}; try --device cpu, or see impasto doctor",
                first_line(&error)
            ),
        })
    })
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_end_matches('.')
}

/// Memory on the card, where a CUDA graph will replay its addresses.
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
    /// Opens `file` on `provider` with `threads` cores, and checks its inputs and outputs against its layout.
    pub fn open(runtime: &Runtime, file: &NetworkFile, provider: &Provider, threads: usize) -> Result<Self> {
        let session = session(runtime, &file.path, Some(file), provider, threads)?;
        let names = check_ends(&session, file)?;
        let binding = session.create_binding().map_err(|error| failed(&file.name, &error))?;
        let mirror = mirror(&session, provider).map_err(|error| failed(&file.name, &error))?;
        let (name, styles, layout) = (file.name.clone(), file.styles, file.layout);
        Ok(Self { name, styles, session, binding, names, layout, mirror, buffers: None })
    }

    /// Allocates and binds tensors for a size, unless they are there.
    fn prepare(&mut self, width: u32, height: u32) -> Result<()> {
        match &self.buffers {
            Some(buffers) if (buffers.width, buffers.height) == (width, height) => return Ok(()),
            Some(buffers) if self.mirror.is_some() => {
                return Err(Error::failed(format!(
                    "a CUDA graph is for one frame size, and {width}x{height} comes after {}x{}; leave --cuda-graph out",
                    buffers.width, buffers.height
                )));
            }
            _ => {}
        }
        // Free the old size first: both together would double the peak.
        self.binding.clear();
        self.buffers = None;
        let tensors = self.allocate(width, height).map_err(|error| failed(&self.name, &error))?;
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
                Tensors::Bytes { image: End::new(mirror, &shape)?, style: End::new(mirror, &[self.styles])?, stylized }
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

    /// Sends what the host memory holds. Binding an input copies it to the device (on the processor it only notes the
    /// address), so it is bound again for each frame.
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

    /// What the graph wrote.
    fn receive(&mut self) -> ort::Result<&[T]> {
        if let Some(mirror) = &self.mirror {
            mirror.copy_into(&mut self.host)?;
        }
        Ok(self.host.extract_tensor().1)
    }
}

impl Network for OnnxNetwork {
    fn style_count(&self) -> usize {
        self.styles
    }

    fn run(&mut self, image: Image<'_>, weights: &[f32], out: &mut [u8]) -> Result<()> {
        self.prepare(image.width, image.height)?;
        let Self { name, session, binding, names, layout, buffers, .. } = self;
        let Some(Buffers { tensors, .. }) = buffers else {
            return Err(Error::failed("the network has no buffers; this is a bug in impasto, please report it"));
        };
        let paint = || -> ort::Result<bool> {
            match (tensors, layout) {
                (Tensors::Bytes { image: input, style, stylized }, _) => {
                    input.host.extract_tensor_mut().1.copy_from_slice(image.pixels);
                    input.send(binding, &names.input)?;
                    style.host.extract_tensor_mut().1.copy_from_slice(weights);
                    style.send(binding, &names.style)?;
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
                    unreachable!("allocate() makes the layout's own tensors")
                }
            }
        };
        match paint() {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::failed(format!(
                "network '{name}' gave values that are not numbers; its file is damaged or badly trained, use another style"
            ))),
            Err(error) => Err(failed(name, &error)),
        }
    }
}

fn run_bound(session: &mut Session, binding: &mut IoBinding) -> ort::Result<()> {
    session.run_binding(binding)?;
    binding.synchronize_outputs()
}

/// A failure of ONNX Runtime while `name` runs.
pub(super) fn failed(name: &str, error: &ort::Error) -> Error {
    let words = error.to_string();
    Error::failed(format!("network '{name}' failed: {}", first_line(&words)))
}

/// The names of the graph's ends, if they are what the layout promises.
fn check_ends(session: &Session, file: &NetworkFile) -> Result<Names> {
    let (inputs, outputs) = (session.inputs(), session.outputs());
    let fits = match (file.layout, inputs, outputs) {
        (Layout::NhwcU8, [image, style], [stylized]) => {
            is(image, "image", TensorElementType::Uint8, &[1, -1, -1, 3])
                && is(style, STYLE, TensorElementType::Float32, &[file.styles.try_into().unwrap_or(-1)])
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
            "'{}' is not a style network of the expected kind: it takes {} and gives {}, but {}; see impasto styles add --help",
            file.path.display(),
            describe(inputs),
            describe(outputs),
            expectation(file),
        )));
    }
    let [input, others @ ..] = inputs else { return Err(Error::failed("a network without inputs")) };
    let style = others.first().map_or(STYLE, Outlet::name).to_owned();
    Ok(Names { input: input.name().to_owned(), style, output: outputs[0].name().to_owned() })
}

fn expectation(file: &NetworkFile) -> String {
    match file.layout {
        Layout::NhwcU8 => format!(
            "image uint8 [1,H,W,3] and style float32 [{}] to stylized uint8 [1,H,W,3], any H and W, are needed",
            file.styles
        ),
        Layout::NchwF32(_) => "one float32 [1,3,H,W] to the same, any H and W, is needed".to_owned(),
        Layout::NhwcF32(_) => format!(
            "float32 [1,H,W,3] and a style vector float32 [1,1,1,{}] to float32 [1,H,W,3], any H and W, are needed",
            file.styles
        ),
    }
}

/// Whether an end has this name, type and shape; -1 stands for a variable size. A size that the graph leaves open fits
/// any; the first run shows whether it works.
pub(super) fn is(end: &Outlet, name: &str, element: TensorElementType, wanted: &[i64]) -> bool {
    let ValueType::Tensor { ty, shape, .. } = end.dtype() else { return false };
    let sizes = shape.len() == wanted.len()
        && shape.iter().zip(wanted).all(|(&has, &wants)| if wants < 0 { has < 0 } else { has < 0 || has == wants });
    end.name() == name && *ty == element && (sizes || shape.is_empty())
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
