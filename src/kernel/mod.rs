//! Pure pixel functions on slices. All pictures are packed RGB8 unless a function says otherwise.

pub mod arrange;
pub mod blend;
pub mod change;
pub mod color;
pub mod edges;
pub mod history;
pub mod label;
pub mod packed;
pub mod planar;
pub mod recolor;
pub mod resize;
pub mod turn;
