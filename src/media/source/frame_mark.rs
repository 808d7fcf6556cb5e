//! A frame counter and a clock in the picture itself, for programs to read back.
//!
//! Two rows of 40 square cells at the top of the picture; a cell's side is the
//! picture's width / 40, and white is 1:
//!
//! ```text
//! row 0    0…3: 1 0 1 0    4…27: frame counter mod 2²⁴, MSB first    28…39: seal
//! row 1    0…3: 0 1 0 1    4…35: Unix milliseconds mod 2³²           36…39: check
//! ```
//!
//! The check is the XOR of the clock's eight nibbles. The seal is twelve bits of a product of
//! counter and clock. A decoder that misses a frame goes on with the one before, and shows a
//! picture in which the cells that changed are new and the others old. To any sum of bits, such
//! as the check, that often is a mark like others, of a frame shown before; to the seal it is not.
//!
//! Cells are large and black or white, so they survive scaling and hard compression.

/// Cells in a row.
const CELLS: usize = 40;
/// Where what follows the first four begins.
const SYNC: usize = 4;
const SEAL: usize = 28;
const CHECK: usize = 36;
/// Luma of video-range white and black.
const WHITE: u8 = 235;
const BLACK: u8 = 16;
/// Luma of the upper and left edge of black cells. Without it a cell that changes is flat before
/// and after, and so is the difference, which libaom in real time now and then takes for none:
/// one cell in a hundred thousand stays as it was (libaom 3.12, 640×360, at any bitrate).
const EDGE: u8 = 60;
/// Chroma without colour.
const GREY: u8 = 128;

/// What is written into a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FrameMark {
    /// Frames since the camera started, modulo 2²⁴.
    pub counter: u32,
    /// Wall clock when the frame was made: Unix milliseconds modulo 2³².
    pub clock: u32,
}

impl FrameMark {
    /// Writes the mark into a luma plane of `width` pixels with `stride` bytes a line.
    pub fn paint(self, luma: &mut [u8], width: usize, stride: usize) {
        let side = width / CELLS;
        let rows = self.rows();
        for (row, bits) in rows.iter().enumerate() {
            for (at, line) in luma.chunks_mut(stride).skip(row * side).take(side).enumerate() {
                for (cell, &bit) in line[..side * CELLS].chunks_mut(side).zip(bits) {
                    paint_line(cell, at, bit);
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
        let row = |row: usize| {
            let line = luma.get((row * side + side / 2) * stride..)?.get(..width)?;
            let mut bits = [false; CELLS];
            for (cell, bit) in bits.iter_mut().enumerate() {
                *bit = line[cell * side + side / 2] > 128;
            }
            Some(bits)
        };
        let rows = [row(0)?, row(1)?];
        let mark = Self { counter: value(&rows[0][SYNC..SEAL]), clock: value(&rows[1][SYNC..CHECK]) };
        (rows == mark.rows()).then_some(mark)
    }

    /// The cells, from left to right.
    fn rows(self) -> [[bool; CELLS]; 2] {
        let counter = self.counter & ((1 << (SEAL - SYNC)) - 1);
        let check = (0..8).fold(0, |check, nibble| check ^ (self.clock >> (nibble * 4) & 0xf));
        let mut rows = [[false; CELLS]; 2];
        write(0b1010, &mut rows[0][..SYNC]);
        write(counter, &mut rows[0][SYNC..SEAL]);
        write(seal(counter, self.clock), &mut rows[0][SEAL..]);
        write(0b0101, &mut rows[1][..SYNC]);
        write(self.clock, &mut rows[1][SYNC..CHECK]);
        write(check, &mut rows[1][CHECK..]);
        rows
    }
}

/// Paints a line of a cell.
fn paint_line(cell: &mut [u8], at: usize, bit: bool) {
    if bit {
        return cell.fill(WHITE);
    }
    let edge = (cell.len() / 16).max(1);
    cell.fill(if at < edge { EDGE } else { BLACK });
    cell[..edge].fill(EDGE);
}

/// The upper bits of the product with 2³² divided by the golden ratio: each hangs on all bits
/// of counter and clock.
fn seal(counter: u32, clock: u32) -> u32 {
    (counter ^ clock.rotate_left(16)).wrapping_mul(0x9e37_79b1) >> (32 - (CELLS - SEAL))
}

/// Writes the lowest bits of a number, the most significant of them first.
fn write(value: u32, cells: &mut [bool]) {
    for (index, cell) in cells.iter_mut().rev().enumerate() {
        *cell = value >> index & 1 == 1;
    }
}

fn value(cells: &[bool]) -> u32 {
    cells.iter().fold(0, |value, &bit| value << 1 | u32::from(bit))
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
        for (counter, clock) in [(0, 0), (1, 2), (0xff_ffff, 0x1234_5678), (0x80_0001, u32::MAX)] {
            let mark = FrameMark { counter, clock };
            assert_eq!(FrameMark::read(&marked(mark), WIDTH, STRIDE), Some(mark));
        }
    }

    #[test]
    fn a_damaged_or_absent_mark_is_not_read() {
        let mut luma = marked(FrameMark { counter: 77, clock: 5 });
        let side = WIDTH / CELLS;
        for line in luma.chunks_mut(STRIDE).take(side) {
            line[27 * side..28 * side].fill(BLACK);
        }
        assert_eq!(FrameMark::read(&luma, WIDTH, STRIDE), None);
        assert_eq!(FrameMark::read(&vec![90; STRIDE * 180], WIDTH, STRIDE), None);
        assert_eq!(FrameMark::read(&[], WIDTH, STRIDE), None);
    }

    /// The cells of a picture that was made from another than the one it was made for.
    #[test]
    fn a_mark_of_two_frames_is_not_read() {
        let at = |frame: u32| FrameMark { counter: frame, clock: 0x1234_5678 + frame * 1000 / 15 };
        for frame in 0..1000 {
            for missed in 1..4 {
                let mut luma = marked(at(frame));
                let (before, after) = (marked(at(frame + missed)), marked(at(frame + missed + 1)));
                for (shown, (before, after)) in luma.iter_mut().zip(before.iter().zip(&after)) {
                    if before != after {
                        *shown = *after;
                    }
                }
                assert_eq!(FrameMark::read(&luma, WIDTH, STRIDE), None, "{missed} missed after {frame}");
            }
        }
    }
}
