// The grain that strokes grow from. src/kernel/grain.rs makes the field: rows of cells, four numbers each.

export const CELL = 4;
export const CHANNELS = 4;
// Cells across and down the field, which repeats beyond them.
const SIDE = 512;

// The grain of a picture of so many cells that nothing has moved.
export function still(field, columns, rows) {
  const cells = new Float32Array(columns * rows * CHANNELS);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column += SIDE) {
      const from = (row % SIDE) * SIDE * CHANNELS;
      const count = Math.min(SIDE, columns - column) * CHANNELS;
      cells.set(field.subarray(from, from + count), (row * columns + column) * CHANNELS);
    }
  }
  return cells;
}
