//! A frame counter and a clock in the picture itself, for programs to read back.
//!
//! Two rows of 40 square cells at the top of the picture; a cell's side is the
//! picture's width / 40, and white is 1:
//!
//! ```text
//!          0…3          4…35                           36…39
//! row 0    1 0 1 0      frame counter, MSB first       check
//! row 1    0 1 0 1      Unix milliseconds mod 2³²      check
//! ```
//!
//! The check is the XOR of the eight nibbles. Cells are large and pure black
//! or white, so they survive scaling and hard compression.

/// Cells in a row.
const CELLS: usize = 40;
/// Luma of video-range white and black.
const WHITE: u8 = 235;
const BLACK: u8 = 16;
/// Chroma without colour.
const GREY: u8 = 128;

/// What is written into a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FrameMark {
    /// Frames since the camera started.
    pub counter: u32,
    /// Wall clock when the frame was made: Unix milliseconds modulo 2³².
    pub clock: u32,
}

impl FrameMark {
    /// Writes the mark into a luma plane of `width` pixels with `stride` bytes a line.
    pub fn paint(self, luma: &mut [u8], width: usize, stride: usize) {
        let side = width / CELLS;
        let rows =
            [row_bits([true, false, true, false], self.counter), row_bits([false, true, false, true], self.clock)];
        for (row, bits) in rows.iter().enumerate() {
            for line in luma.chunks_mut(stride).skip(row * side).take(side) {
                for (cell, &bit) in line[..side * CELLS].chunks_mut(side).zip(bits) {
                    cell.fill(if bit { WHITE } else { BLACK });
                }
            }
        }
    }

    /// Takes the colour out of the mark's place in a chroma plane of `width` pixels with `stride` bytes a line.
    pub fn paint_grey(chroma: &mut [u8], width: usize, stride: usize) {
        let side = width / CELLS;
        for line in chroma.chunks_mut(stride).take(2 * side) {
            line[..side * CELLS].fill(GREY);
        }
    }

    /// Reads a mark from a luma plane; `None` where there is none, or a damaged one.
    pub fn read(luma: &[u8], width: usize, stride: usize) -> Option<Self> {
        let side = width / CELLS;
        let row = |row: usize, sync: [bool; 4]| {
            let line = luma.get((row * side + side / 2) * stride..)?.get(..width)?;
            let mut bits = [false; CELLS];
            for (cell, bit) in bits.iter_mut().enumerate() {
                *bit = line[cell * side + side / 2] > 128;
            }
            let value = bits[4..36].iter().fold(0_u32, |value, &bit| value << 1 | u32::from(bit));
            (bits == row_bits(sync, value)).then_some(value)
        };
        Some(Self { counter: row(0, [true, false, true, false])?, clock: row(1, [false, true, false, true])? })
    }
}

fn row_bits(sync: [bool; 4], value: u32) -> [bool; CELLS] {
    let check = (0..8).fold(0, |check, nibble| check ^ (value >> (nibble * 4) & 0xf));
    let mut bits = [false; CELLS];
    bits[..4].copy_from_slice(&sync);
    for (index, bit) in bits[4..36].iter_mut().enumerate() {
        *bit = value >> (31 - index) & 1 == 1;
    }
    for (index, bit) in bits[36..].iter_mut().enumerate() {
        *bit = check >> (3 - index) & 1 == 1;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 320;
    const STRIDE: usize = 352;

    fn marked(mark: FrameMark) -> Vec<u8> {
        let mut luma = vec![90; STRIDE * 180];
        mark.paint(&mut luma, WIDTH, STRIDE);
        luma
    }

    #[test]
    fn a_mark_is_read_back() {
        for (counter, clock) in [(0, 0), (1, 2), (u32::MAX, 0x1234_5678), (0x8000_0001, u32::MAX)] {
            let mark = FrameMark { counter, clock };
            assert_eq!(FrameMark::read(&marked(mark), WIDTH, STRIDE), Some(mark));
        }
    }

    #[test]
    fn a_damaged_or_absent_mark_is_not_read() {
        let mut luma = marked(FrameMark { counter: 77, clock: 5 });
        let side = WIDTH / CELLS;
        for line in luma.chunks_mut(STRIDE).take(side) {
            line[35 * side..36 * side].fill(BLACK);
        }
        assert_eq!(FrameMark::read(&luma, WIDTH, STRIDE), None);
        assert_eq!(FrameMark::read(&vec![90; STRIDE * 180], WIDTH, STRIDE), None);
        assert_eq!(FrameMark::read(&[], WIDTH, STRIDE), None);
    }
}
