//! FFmpeg behind plain types: nothing outside this folder names it.

pub mod encode;
pub mod options;
