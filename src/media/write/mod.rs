//! Writing: RGB frames to encoded files, recordings and network streams, and segments to one film.

mod codec;
mod container;
mod copied;
mod destination;
mod encoded;
mod encoder;
mod joined;
mod late_header;
mod muxer;
mod pictures;
mod plain;
mod settings;
mod storage_clock;
mod stream;

pub use codec::Codec;
pub use container::Container;
pub use copied::CopiedStreams;
pub use destination::{Destination, PROTOCOLS, growing_name};
pub use encoded::EncodedFile;
pub use encoder::Encoder;
pub use joined::{Joined, Shown};
pub use pictures::PictureFiles;
pub use plain::{Plain, PlainFrames};
pub use settings::EncodeOptions;
pub use stream::{StreamFormat, StreamWriter};
