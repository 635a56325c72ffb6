//! The painted backdrop of the synthetic camera: a landscape with texture at every scale, so that each style has something to work on.
//!
//! Lengths are in heights of the picture: `u` to the right, `v` downwards. Only additions, multiplications, divisions and
//! comparisons of `f32` are used, so that every machine draws the same bytes.

/// A colour as red, green and blue, 0 to 255.
pub type Color = [f32; 3];

/// Width for which things are placed, in heights; wider and narrower backdrops spread them.
const USUAL_WIDTH: f32 = 2.2;

/// The backdrop, wider than the picture so that the camera can pan.
#[derive(Debug)]
pub struct Backdrop {
    /// Columns.
    pub width: u32,
    /// RGB8, packed `[height][width][3]`.
    pub pixels: Vec<u8>,
    /// Whether a pixel belongs to the shore and what stands on it, before which only the walker passes: `[height][width]`.
    pub near: Vec<bool>,
}

impl Backdrop {
    /// Draws it in this size.
    pub fn new(width: u32, height: u32) -> Self {
        let (mut pixels, mut near) = (Vec::new(), Vec::new());
        let tall = height.max(1) as f32;
        let stretch = USUAL_WIDTH / (width.max(1) as f32 / tall);
        let columns: Vec<Column> = (0..width).map(|x| Column::at((x as f32 + 0.5) / tall)).collect();
        for y in 0..height {
            let v = (y as f32 + 0.5) / tall;
            for column in &columns {
                let (color, is_near) = match foreground(column, v, stretch) {
                    Some(color) => (color, true),
                    None => (background(column, v), false),
                };
                pixels.extend(color.map(|channel| channel.clamp(0.0, 255.0) as u8));
                near.push(is_near);
            }
        }
        Self { width, pixels, near }
    }
}

/// The lake's far and near shore.
pub const LAKE: (f32, f32) = (0.56, 0.70);

/// The outlines at one place.
struct Column {
    u: f32,
    /// Where mountains, hills and the near shore begin.
    mountains: f32,
    hills: f32,
    shore: f32,
}

impl Column {
    fn at(u: f32) -> Self {
        let mountains = 0.50 - 0.34 * ridge(u * 0.9 + 0.3);
        let hills = 0.555 - 0.07 * fbm(u * 1.9, 7.0, 3, 3) - 0.012 * noise(u * 70.0, 0.0, 4);
        Self { u, mountains, hills, shore: LAKE.1 - 0.035 * fbm(u * 3.0, 3.0, 3, 12) }
    }
}

fn background(&Column { u, mountains, hills, .. }: &Column, v: f32) -> Color {
    if v > LAKE.0 {
        let ripple = fbm(u * 9.0, v * 150.0, 3, 5);
        let depth = (v - LAKE.0) / (LAKE.1 - LAKE.0);
        let water = mix([150.0, 178.0, 190.0], [38.0, 88.0, 120.0], depth);
        shade(mix(water, [232.0, 226.0, 205.0], step(0.62, 0.80, ripple) * 0.8), 0.75 + 0.5 * ripple)
    } else if v > hills {
        let trees = fbm(u * 60.0, v * 75.0, 3, 6);
        shade(mix([34.0, 70.0, 48.0], [120.0, 140.0, 70.0], fbm(u * 6.0, v * 9.0, 3, 8)), 0.35 + 1.2 * trees)
    } else if v > mountains {
        let rock = fbm(u * 14.0 + v * 9.0, v * 11.0 - u * 5.0, 5, 9);
        let snow = step(0.54, 0.63, rock + 0.9 * (0.42 - v));
        shade(mix([86.0, 92.0, 122.0], [238.0, 240.0, 246.0], snow), 0.55 + 0.9 * rock)
    } else {
        sky(u, v)
    }
}

fn sky(u: f32, v: f32) -> Color {
    let blue = mix([46.0, 104.0, 182.0], [238.0, 208.0, 170.0], v / 0.5);
    let bent = fbm(u * 3.0, v * 3.0, 3, 10);
    let cloud = fbm(u * 2.4 + bent * 0.6, v * 5.0 + bent * 0.5, 5, 11);
    let lit = cloud - fbm(u * 2.4 + bent * 0.6 + 0.05, v * 5.0 + bent * 0.5 + 0.14, 5, 11);
    let body = mix([158.0, 160.0, 178.0], [255.0, 248.0, 236.0], step(-0.10, 0.10, lit));
    mix(blue, body, step(0.46, 0.62, cloud))
}

/// The near shore and what stands on it; `None` where one sees past it.
fn foreground(&Column { u, shore, .. }: &Column, v: f32, stretch: f32) -> Option<Color> {
    // Places are stretched to the width; the things themselves are not.
    let from = |place: f32| u - place / stretch;
    house(from(1.42), v)
        .or_else(|| tree(from(0.34), v, 0.30, 20))
        .or_else(|| tree(from(2.02), v, 0.20, 30))
        .or_else(|| tree(from(1.02), v, 0.11, 40))
        .or_else(|| (v > shore).then(|| meadow(u, v)))
}

fn meadow(u: f32, v: f32) -> Color {
    let path = 0.9 + 0.7 * (v - 0.7) * (2.0 * noise(v * 5.0, 0.0, 13) - 1.0) + (v - 0.7) * 0.6;
    let off = ((u - path) / (0.02 + 0.22 * (v - 0.68))).abs();
    let blades = fbm(u * 110.0, v * 34.0, 3, 14);
    let patches = fbm(u * 5.0, v * 11.0, 3, 15);
    let grass = shade(mix([52.0, 100.0, 34.0], [172.0, 176.0, 66.0], step(0.3, 0.7, patches)), 0.35 + 1.25 * blades);
    let gravel = shade([206.0, 178.0, 134.0], 0.6 + 0.8 * fbm(u * 90.0, v * 120.0, 2, 16));
    let ground = mix(gravel, grass, step(0.8, 1.05, off + 0.3 * (blades - 0.5)));
    // Flowers: at most one in each cell of a grid.
    let cells = 34.0;
    let (column, row) = ((u * cells).floor(), (v * cells).floor());
    let (across, down) = (0.2 + 0.6 * hash(column, row, 17), 0.2 + 0.6 * hash(column, row, 18));
    let (dx, dy) = (u * cells - column - across, v * cells - row - down);
    let kind = hash(column, row, 19);
    if kind < 0.25 && off > 1.3 && dx * dx + dy * dy < 0.022 {
        let colors = [[224.0, 52.0, 44.0], [250.0, 214.0, 62.0], [246.0, 240.0, 250.0]];
        return colors[(kind * 12.0) as usize % 3];
    }
    ground
}

fn house(u: f32, v: f32) -> Option<Color> {
    let (top, eaves, floor, half) = (0.40, 0.53, 0.745, 0.17);
    // The chimney, then the roof, then the walls.
    if (0.07..0.11).contains(&u) && (0.37..0.50).contains(&v) && (v - top) < (eaves - top) * u / half {
        return Some(bricks(u, v, [150.0, 84.0, 66.0]));
    }
    let slope = (v - top) / (eaves - top);
    if (0.0..=1.0).contains(&slope) && u.abs() < slope * (half + 0.03) {
        let row = (v * 62.0).floor();
        let tile = fraction(u * 34.0 + 0.5 * (row % 2.0));
        let edge = if tile < 0.12 || fraction(v * 62.0) > 0.82 { 0.55 } else { 1.0 };
        let hue = hash((u * 34.0 + 0.5 * (row % 2.0)).floor(), row, 50);
        return Some(shade(mix([142.0, 56.0, 40.0], [196.0, 96.0, 60.0], hue), edge));
    }
    if u.abs() > half || !(eaves..floor).contains(&v) {
        return None;
    }
    for (left, above, wide, tall) in [(-0.135, 0.575, 0.075, 0.075), (0.06, 0.575, 0.075, 0.075)] {
        let (x, y) = ((u - left) / wide, (v - above) / tall);
        if (0.0..1.0).contains(&x) && (0.0..1.0).contains(&y) {
            let frame = x < 0.1 || x > 0.9 || y < 0.1 || y > 0.9 || (x - 0.5).abs() < 0.05 || (y - 0.5).abs() < 0.05;
            let glass =
                mix([40.0, 52.0, 74.0], [168.0, 190.0, 214.0], step(0.3, 0.8, noise(x * 3.0 + y * 2.0, y * 3.0, 51)));
            return Some(if frame { [240.0, 236.0, 224.0] } else { glass });
        }
    }
    if (-0.03..0.03).contains(&u) && v > 0.615 {
        let plank = if fraction((u + 0.03) * 66.0) < 0.14 { 0.6 } else { 1.0 };
        return Some(shade([112.0, 66.0, 38.0], plank * (0.8 + 0.4 * noise(u * 160.0, v * 20.0, 52))));
    }
    Some(bricks(u, v, [222.0, 194.0, 150.0]))
}

fn bricks(u: f32, v: f32, color: Color) -> Color {
    let row = (v * 72.0).floor();
    let along = u * 36.0 + 0.5 * (row % 2.0);
    let mortar = fraction(v * 72.0) < 0.16 || fraction(along) < 0.1;
    shade(color, if mortar { 0.72 } else { 0.86 + 0.26 * hash(along.floor(), row, 53) })
}

/// A tree with a crown of this radius, standing at `u` = 0.
fn tree(u: f32, v: f32, radius: f32, seed: u32) -> Option<Color> {
    let foot = 0.70 + radius * 0.35;
    let middle = foot - radius * 1.65;
    if u.abs() > 1.4 * radius || v > foot || v < middle - 1.4 * radius {
        return None;
    }
    // The crown: clumps of leaves around the middle, each with an uneven edge.
    let ragged = 0.72 + 0.56 * fbm(u * 16.0, v * 16.0, 3, seed);
    let clumps = [(0.0, 0.0, 0.72), (-0.55, 0.22, 0.5), (0.55, 0.18, 0.52), (-0.25, -0.5, 0.5), (0.32, -0.42, 0.46)];
    let inside = clumps.iter().any(|&(x, y, size)| {
        let (dx, dy) = (u - x * radius, v - middle - y * radius);
        dx * dx + dy * dy < (size * radius * ragged) * (size * radius * ragged)
    });
    if inside {
        let leaves = fbm(u * 75.0, v * 75.0, 3, seed + 1);
        let light = 0.5 - (u * 0.5 + (v - middle)) / radius * 0.45 + 0.5 * (fbm(u * 14.0, v * 14.0, 2, seed + 2) - 0.5);
        return Some(shade(mix([24.0, 58.0, 26.0], [150.0, 172.0, 60.0], light.clamp(0.0, 1.0)), 0.35 + 1.3 * leaves));
    }
    let trunk = radius * (0.09 + 0.05 * step(foot - 0.1, foot, v));
    let bark = 0.5 + 0.9 * fbm(u * 90.0, v * 14.0, 3, seed + 3);
    (u.abs() < trunk && v > middle && v < foot).then(|| shade([104.0, 76.0, 54.0], bark))
}

/// A mountain's outline, from 0 to 1.
fn ridge(u: f32) -> f32 {
    let (mut height, mut size, mut scale) = (0.0, 0.55, 1.6);
    for octave in 0..5 {
        let fold = 1.0 - (2.0 * noise(u * scale, 0.5, 60 + octave) - 1.0).abs();
        height += size * fold;
        (size, scale) = (size * 0.45, scale * 2.1);
    }
    height
}

/// Noise of several octaves, around 0.5.
fn fbm(x: f32, y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut size, mut scale, mut total) = (0.0, 1.0, 1.0, 0.0);
    for octave in 0..octaves {
        sum += size * noise(x * scale, y * scale, seed * 8 + octave);
        total += size;
        (size, scale) = (size * 0.5, scale * 2.03);
    }
    sum / total
}

/// Smooth noise from 0 to 1, over about one unit.
fn noise(x: f32, y: f32, seed: u32) -> f32 {
    let (column, row) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (across, down) = (ease(x - column), ease(y - row));
    let at = |right: f32, below: f32| hash(column + right, row + below, seed);
    let above = at(0.0, 0.0) + across * (at(1.0, 0.0) - at(0.0, 0.0));
    let below = at(0.0, 1.0) + across * (at(1.0, 1.0) - at(0.0, 1.0));
    above + down * (below - above)
}

/// A number from 0 to 1 for a point of a grid.
fn hash(x: f32, y: f32, seed: u32) -> f32 {
    let (x, y) = ((x as i32).cast_unsigned(), (y as i32).cast_unsigned());
    let mut bits = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77) ^ seed.wrapping_mul(0xc2b2_ae3d);
    bits = (bits ^ (bits >> 15)).wrapping_mul(0x2c1b_3c6d);
    bits = (bits ^ (bits >> 12)).wrapping_mul(0x297a_2d39);
    ((bits ^ (bits >> 15)) >> 8) as f32 / (1 << 24) as f32
}

fn fraction(value: f32) -> f32 {
    value - value.floor()
}

/// From 0 at `low` to 1 at `high`, smoothly.
pub fn step(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

fn mix(from: Color, to: Color, share: f32) -> Color {
    let share = share.clamp(0.0, 1.0);
    [0, 1, 2].map(|channel| from[channel] + (to[channel] - from[channel]) * share)
}

fn shade(color: Color, light: f32) -> Color {
    color.map(|channel| channel * light)
}
