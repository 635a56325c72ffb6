// What is done with pixels beside the networks, in the numbers of src/kernel: color.rs, blend.rs.

const LUMA = [77, 150, 29];

// Without the opacity.
export function rgb(rgba) {
  const out = new Uint8Array(rgba.length / 4 * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    out[to] = rgba[from];
    out[to + 1] = rgba[from + 1];
    out[to + 2] = rgba[from + 2];
  }
  return out;
}

// Writes `rgb` into `rgba`, opaque.
export function put(rgb, rgba) {
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
    rgba[to] = rgb[from];
    rgba[to + 1] = rgb[from + 1];
    rgba[to + 2] = rgb[from + 2];
    rgba[to + 3] = 255;
  }
}

// Moves `picture` towards `other` by the fraction `share`.
export function toward(other, picture, share) {
  const part = Math.round(share * 256);
  for (let at = 0; at < picture.length; at++) picture[at] = (picture[at] * (256 - part) + other[at] * part + 128) >> 8;
}

// Gives `painted` the chroma of `original`.
export function keepChroma(original, painted) {
  const level = value => Math.max(0, Math.min(255, value));
  for (let at = 0; at < painted.length; at += 3) {
    let difference = 128;
    for (let channel = 0; channel < 3; channel++) difference += LUMA[channel] * (painted[at + channel] - original[at + channel]);
    const shift = difference >> 8;
    for (let channel = 0; channel < 3; channel++) painted[at + channel] = level(original[at + channel] + shift);
  }
}
