//! Styles by name: which network, which weights.

pub mod expression;
