//! Styles by name: which network, which weights.

pub mod catalog;
pub mod expression;
pub mod family;
pub mod install;
pub mod manifest;
pub mod paintings;
