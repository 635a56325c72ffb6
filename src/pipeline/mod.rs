//! Threads, channels and their order: how frames get through a job.

pub mod fade;
pub mod governor;
pub mod live;
pub mod meter;
pub mod ordered;
