//! Reads HEIC and AVIF with libheif, which is opened when the first such picture comes: most machines have it, and no
//! machine needs it for anything else. It turns pictures upright by itself.

mod boxes;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::Path;
use std::ptr;
use std::sync::OnceLock;

use libloading::Library;

use crate::kernel::turn::Turn;

/// Where the library may be, by platform; the loader knows its folders.
const NAMES: &[&str] = if cfg!(target_os = "macos") {
    &["libheif.1.dylib", "/opt/homebrew/lib/libheif.1.dylib", "/usr/local/lib/libheif.1.dylib"]
} else if cfg!(windows) {
    &["heif.dll", "libheif.dll", "libheif-1.dll"]
} else {
    &["libheif.so.1"]
};

/// Values of heif.h.
const RGB: c_int = 1;
const INTERLEAVED: c_int = 10;
const LAYOUT_RGB: c_int = 10;
const LAYOUT_RGBA: c_int = 11;
const LAYOUT_RGB16_LE: c_int = 14;
const LAYOUT_RGBA16_LE: c_int = 15;
const NCLX: u32 = u32::from_be_bytes(*b"nclx");

/// `struct heif_error`, which its functions return by value.
#[repr(C)]
struct Outcome {
    code: c_int,
    _detail: c_int,
    message: *const c_char,
}

/// The beginning of `struct heif_color_profile_nclx`.
#[repr(C)]
struct CodePoints {
    _version: u8,
    primaries: c_int,
    transfer: c_int,
}

/// The beginning of `struct heif_decoding_options`, which the library makes.
#[repr(C)]
struct DecodingOptions {
    _version: u8,
    ignore_transformations: u8,
}

type Pointer = *mut c_void;

/// Declares the functions of heif.h that are used, and finds them.
macro_rules! functions {
    ($($name:ident: fn($($kind:ty),*) $(-> $answer:ty)?;)*) => {
        /// The library's functions, named as in heif.h without `heif_`.
        #[allow(non_snake_case, reason = "the names are the library's")]
        struct Functions {
            $($name: unsafe extern "C" fn($($kind),*) $(-> $answer)?,)*
            /// Since 1.12.
            is_premultiplied: Option<unsafe extern "C" fn(Pointer) -> c_int>,
        }

        impl Functions {
            fn find(library: &'static Library) -> Option<Self> {
                // SAFETY: the functions are declared as in heif.h, whose interface is kept since version 1.4.
                unsafe {
                    Some(Self {
                        $($name: *library.get(concat!("heif_", stringify!($name)).as_bytes()).ok()?,)*
                        is_premultiplied: library.get(b"heif_image_handle_is_premultiplied_alpha").ok().map(|found| *found),
                    })
                }
            }
        }
    };
}

functions! {
    get_version: fn() -> *const c_char;
    context_alloc: fn() -> Pointer;
    context_free: fn(Pointer);
    context_read_from_memory_without_copy: fn(Pointer, *const c_void, usize, *const c_void) -> Outcome;
    context_get_number_of_top_level_images: fn(Pointer) -> c_int;
    context_get_primary_image_handle: fn(Pointer, *mut Pointer) -> Outcome;
    image_handle_release: fn(Pointer);
    image_handle_get_width: fn(Pointer) -> c_int;
    image_handle_get_height: fn(Pointer) -> c_int;
    image_handle_has_alpha_channel: fn(Pointer) -> c_int;
    image_handle_get_luma_bits_per_pixel: fn(Pointer) -> c_int;
    image_handle_get_color_profile_type: fn(Pointer) -> u32;
    image_handle_get_raw_color_profile_size: fn(Pointer) -> usize;
    image_handle_get_raw_color_profile: fn(Pointer, *mut c_void) -> Outcome;
    image_handle_get_nclx_color_profile: fn(Pointer, *mut *mut CodePoints) -> Outcome;
    nclx_color_profile_free: fn(*mut CodePoints);
    image_handle_get_list_of_metadata_block_IDs: fn(Pointer, *const c_char, *mut u32, c_int) -> c_int;
    image_handle_get_metadata_size: fn(Pointer, u32) -> usize;
    image_handle_get_metadata: fn(Pointer, u32, *mut c_void) -> Outcome;
    decoding_options_alloc: fn() -> *mut DecodingOptions;
    decoding_options_free: fn(*mut DecodingOptions);
    decode_image: fn(Pointer, *mut Pointer, c_int, c_int, *const DecodingOptions) -> Outcome;
    image_release: fn(Pointer);
    image_get_width: fn(Pointer, c_int) -> c_int;
    image_get_height: fn(Pointer, c_int) -> c_int;
    image_get_bits_per_pixel_range: fn(Pointer, c_int) -> c_int;
    image_get_plane_readonly: fn(Pointer, c_int, *mut c_int) -> *const u8;
}

/// The library; `None` if it is not installed.
fn library() -> Option<&'static Functions> {
    static FOUND: OnceLock<Option<Functions>> = OnceLock::new();
    let find = || {
        // SAFETY: opens a library that does nothing of its own when it is opened.
        let library = NAMES.iter().find_map(|name| unsafe { Library::new(Path::new(name)) }.ok())?;
        // It stays open for as long as the process lives.
        Functions::find(Box::leak(Box::new(library)))
    };
    FOUND.get_or_init(find).as_ref()
}

/// The version of libheif; `None` if it is not installed.
pub fn version() -> Option<String> {
    // SAFETY: a static string that ends in zero.
    library().map(|heif| unsafe { CStr::from_ptr((heif.get_version)()) }.to_string_lossy().into_owned())
}

/// Why a picture was not read.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// libheif is not installed.
    NoLibrary,
    /// What libheif says.
    Refused(String),
}

/// Packed samples, with opacity behind the colours if there is any.
pub enum Samples {
    /// 8 bits each.
    Eight(Vec<u8>),
    /// 16 bits each, whatever the file has.
    Sixteen(Vec<u16>),
}

/// A picture's pixels.
pub struct Pixels {
    /// Width and height as decoded.
    pub size: (u32, u32),
    /// RGB, or RGBA if the picture has opacity.
    pub samples: Samples,
    /// How they are to be turned.
    pub turn: Turn,
}

/// A picture whose header is read.
pub struct Heif<'a> {
    heif: &'static Functions,
    context: Pointer,
    handle: Pointer,
    /// The context points into them.
    bytes: &'a [u8],
}

impl Drop for Heif<'_> {
    fn drop(&mut self) {
        // SAFETY: both were made by the library, and are released once; the handle may be null.
        unsafe {
            if !self.handle.is_null() {
                (self.heif.image_handle_release)(self.handle);
            }
            (self.heif.context_free)(self.context);
        }
    }
}

fn check(outcome: &Outcome) -> Result<(), Failure> {
    if outcome.code == 0 {
        return Ok(());
    }
    let words = if outcome.message.is_null() {
        "without a reason".into()
    } else {
        // SAFETY: a string that ends in zero, and lives at least as long as the context.
        unsafe { CStr::from_ptr(outcome.message) }.to_string_lossy()
    };
    Err(Failure::Refused(words.into_owned()))
}

impl<'a> Heif<'a> {
    /// Reads the header of the picture in `bytes`.
    ///
    /// # Errors
    /// libheif is missing, or the file is damaged.
    pub fn open(bytes: &'a [u8]) -> Result<Self, Failure> {
        let heif = library().ok_or(Failure::NoLibrary)?;
        // SAFETY: the context is freed by `Drop`, and the bytes outlive it.
        unsafe {
            let context = (heif.context_alloc)();
            let mut opened = Self { heif, context, handle: ptr::null_mut(), bytes };
            let (start, length) = (bytes.as_ptr().cast(), bytes.len());
            check(&(heif.context_read_from_memory_without_copy)(context, start, length, ptr::null()))?;
            check(&(heif.context_get_primary_image_handle)(context, &raw mut opened.handle))?;
            Ok(opened)
        }
    }

    /// Width and height, upright.
    pub fn size(&self) -> (u32, u32) {
        // SAFETY: the handle is valid.
        let (width, height) = unsafe {
            ((self.heif.image_handle_get_width)(self.handle), (self.heif.image_handle_get_height)(self.handle))
        };
        (width.max(0).cast_unsigned(), height.max(0).cast_unsigned())
    }

    /// Number of pictures in the file.
    pub fn pictures(&self) -> u32 {
        // SAFETY: the context is valid.
        unsafe { (self.heif.context_get_number_of_top_level_images)(self.context) }.max(1).cast_unsigned()
    }

    /// Whether it has opacity.
    pub fn has_alpha(&self) -> bool {
        // SAFETY: the handle is valid.
        unsafe { (self.heif.image_handle_has_alpha_channel)(self.handle) != 0 }
    }

    /// Whether its colours are multiplied by their opacity.
    pub fn is_premultiplied(&self) -> bool {
        // SAFETY: the handle is valid.
        self.heif.is_premultiplied.is_some_and(|ask| unsafe { ask(self.handle) != 0 })
    }

    /// Bits per channel; 8 if it does not say.
    pub fn bits(&self) -> u32 {
        // SAFETY: the handle is valid.
        unsafe { (self.heif.image_handle_get_luma_bits_per_pixel)(self.handle) }.max(8).cast_unsigned()
    }

    /// Whether it has more than 8 bits per channel.
    pub fn is_deep(&self) -> bool {
        self.bits() > 8
    }

    /// The colour profile.
    pub fn icc(&self) -> Option<Vec<u8>> {
        // SAFETY: the handle is valid, and the buffer has the size that the library asks for.
        unsafe {
            let mut icc = vec![0; (self.heif.image_handle_get_raw_color_profile_size)(self.handle)];
            if icc.is_empty() {
                return None;
            }
            let read = (self.heif.image_handle_get_raw_color_profile)(self.handle, icc.as_mut_ptr().cast());
            check(&read).is_ok().then_some(icc)
        }
    }

    /// The code points (ITU-T H.273) of its primaries and curve, where there is no profile.
    pub fn code_points(&self) -> Option<(u8, u8)> {
        // SAFETY: the handle is valid; the code points are copied before they are freed.
        unsafe {
            if (self.heif.image_handle_get_color_profile_type)(self.handle) != NCLX {
                return None;
            }
            let mut found = ptr::null_mut();
            check(&(self.heif.image_handle_get_nclx_color_profile)(self.handle, &raw mut found)).ok()?;
            let points = found.as_ref().map(|found| (found.primaries, found.transfer));
            (self.heif.nclx_color_profile_free)(found);
            let (primaries, transfer) = points?;
            Some((u8::try_from(primaries).ok()?, u8::try_from(transfer).ok()?))
        }
    }

    /// The EXIF metadata, as a TIFF structure.
    pub fn exif(&self) -> Option<Vec<u8>> {
        let block = self.metadata(c"Exif")?;
        // It begins with the distance to the structure.
        let start = u32::from_be_bytes(*block.first_chunk()?) as usize;
        block.get(start.checked_add(4)?..).map(<[u8]>::to_vec)
    }

    /// Whether it has XMP metadata.
    pub fn has_xmp(&self) -> bool {
        self.metadata(c"mime").is_some()
    }

    /// The first block of metadata of a kind, of 64 MiB at most.
    fn metadata(&self, kind: &CStr) -> Option<Vec<u8>> {
        let mut block = 0;
        // SAFETY: the handle is valid, one number fits into `block`, and the buffer has the size that the library asks for.
        unsafe {
            let list = self.heif.image_handle_get_list_of_metadata_block_IDs;
            if list(self.handle, kind.as_ptr(), &raw mut block, 1) < 1 {
                return None;
            }
            let size = (self.heif.image_handle_get_metadata_size)(self.handle, block);
            let mut bytes = vec![0; Some(size).filter(|&size| (1..64 << 20).contains(&size))?];
            check(&(self.heif.image_handle_get_metadata)(self.handle, block, bytes.as_mut_ptr().cast())).ok()?;
            Some(bytes)
        }
    }

    /// Decodes the pixels, upright where the library can turn them.
    ///
    /// # Errors
    /// The file is damaged, or libheif lacks the decoder.
    pub fn pixels(&self) -> Result<Pixels, Failure> {
        let decoded = self.decode(false);
        // Version 1.15 mirrors no more than 8 bits.
        if let (Err(_), true, Some(turn)) = (&decoded, self.is_deep(), boxes::turn(self.bytes))
            && let Ok(stored) = self.decode(true)
        {
            return Ok(Pixels { turn, ..stored });
        }
        decoded
    }

    /// Decodes the pixels, `as_stored` or turned upright.
    fn decode(&self, as_stored: bool) -> Result<Pixels, Failure> {
        let (heif, deep, alpha) = (self.heif, self.is_deep(), self.has_alpha());
        let layout = match (deep, alpha) {
            (false, false) => LAYOUT_RGB,
            (false, true) => LAYOUT_RGBA,
            (true, false) => LAYOUT_RGB16_LE,
            (true, true) => LAYOUT_RGBA16_LE,
        };
        let row = |width: usize| width * if alpha { 4 } else { 3 } * if deep { 2 } else { 1 };
        // SAFETY: the picture is released at the end; its plane has `height` rows, `stride` bytes apart, of which each holds
        // the pixels of one row in the layout that was asked for.
        unsafe {
            let mut picture = ptr::null_mut();
            let options = (heif.decoding_options_alloc)();
            if let Some(options) = options.as_mut() {
                options.ignore_transformations = u8::from(as_stored);
            }
            let decoded = (heif.decode_image)(self.handle, &raw mut picture, RGB, layout, options);
            (heif.decoding_options_free)(options);
            check(&decoded)?;
            let (width, height) =
                ((heif.image_get_width)(picture, INTERLEAVED), (heif.image_get_height)(picture, INTERLEAVED));
            let size = (width.max(0).cast_unsigned(), height.max(0).cast_unsigned());
            let mut stride = 0;
            let plane = (heif.image_get_plane_readonly)(picture, INTERLEAVED, &raw mut stride);
            let (row, stride) = (row(size.0 as usize), stride.max(0).cast_unsigned() as usize);
            if plane.is_null() || row == 0 || stride < row {
                (heif.image_release)(picture);
                return Err(Failure::Refused("it has no pixels".into()));
            }
            let rows = (0..size.1 as usize).map(|y| std::slice::from_raw_parts(plane.add(y * stride), row));
            let samples = if deep {
                let bits = (heif.image_get_bits_per_pixel_range)(picture, INTERLEAVED).clamp(9, 16);
                let most = (1u32 << bits) - 1;
                let widened = |sample: &[u8]| {
                    let value = u32::from(u16::from_le_bytes([sample[0], sample[1]])).min(most);
                    ((value * 65_535 + most / 2) / most) as u16
                };
                Samples::Sixteen(rows.flat_map(|row| row.chunks_exact(2)).map(widened).collect())
            } else {
                Samples::Eight(rows.flatten().copied().collect())
            };
            (heif.image_release)(picture);
            Ok(Pixels { size, samples, turn: Turn::default() })
        }
    }
}
