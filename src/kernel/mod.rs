//! Pure pixel functions on slices. All pictures are packed RGB8 unless a function says otherwise.

pub mod arrange;
pub mod blend;
pub mod change;
pub mod color;
pub mod enlarge;
pub mod grain;
pub mod history;
pub mod label;
pub mod luma;
pub mod packed;
pub mod planar;
pub mod recolor;
pub mod resize;
pub mod roughen;
pub mod texture;
pub mod turn;
