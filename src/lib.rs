//! impasto.

pub mod cli;
pub mod command;
pub mod error;
pub mod frame;
pub mod kernel;
pub mod media;
pub mod network;
pub mod picture;
pub mod pipeline;
pub mod report;
pub mod sink;
pub mod source;
pub mod style;
pub mod stylize;

pub use command::run;
