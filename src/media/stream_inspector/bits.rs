//! Reading the bits of a NAL unit (ITU-T H.264, sections 7.2 and 7.4.1; H.265 is the same).

/// Takes the emulation prevention bytes out of a NAL unit: the third byte of `00 00 03`.
/// At most `limit` bytes come out, which bounds the work on a unit that a camera made up.
pub(super) fn unescape(unit: &[u8], limit: usize) -> Vec<u8> {
    let mut payload = Vec::with_capacity(unit.len().min(limit));
    let mut zeros = 0;
    for &byte in unit {
        if payload.len() == limit {
            break;
        }
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        payload.push(byte);
    }
    payload
}

/// Reads bits from the front; every method answers `None` once there are none left.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// The next bit, counted from the first.
    next: usize,
}

impl<'a> Bits<'a> {
    /// Over bytes without emulation prevention.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, next: 0 }
    }

    /// One bit: `u(1)`.
    pub(super) fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.next / 8)?;
        let bit = byte >> (7 - self.next % 8) & 1;
        self.next += 1;
        Some(bit == 1)
    }

    /// A number of at most 32 bits: `u(n)`.
    pub(super) fn number(&mut self, bits: u32) -> Option<u32> {
        (0..bits).try_fold(0, |number, _| Some(number << 1 | u32::from(self.flag()?)))
    }

    /// Leaves bits out.
    pub(super) fn skip(&mut self, bits: usize) -> Option<()> {
        self.next += bits;
        (self.next <= self.bytes.len() * 8).then_some(())
    }

    /// A number in Exp-Golomb code: `ue(v)` (section 9.1).
    pub(super) fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.number(zeros)?)
    }

    /// The same with a sign: `se(v)`.
    pub(super) fn signed_golomb(&mut self) -> Option<i64> {
        let code = i64::from(self.golomb()?);
        Some(if code % 2 == 0 { -code / 2 } else { code / 2 + 1 })
    }

    /// Leaves numbers in Exp-Golomb code out.
    pub(super) fn skip_golomb(&mut self, count: u32) -> Option<()> {
        (0..count).try_for_each(|_| self.golomb().map(drop))
    }
}

/// The NAL units of an access unit in Annex B form, without their start codes.
pub(super) fn units(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(data);
    std::iter::from_fn(move || {
        let unit = rest.take()?;
        rest = after_start_code(unit);
        // Searched for the next start code once: what is left tells where this unit ends.
        let end = rest.map_or(unit.len(), |next| unit.len() - next.len() - 3);
        Some(&unit[..end])
    })
}

/// What follows the next `00 00 01`.
fn after_start_code(data: &[u8]) -> Option<&[u8]> {
    let at = data.windows(3).position(|bytes| bytes == [0, 0, 1])?;
    Some(&data[at + 3..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_from_the_front() {
        // 1 | 010 | 011 | 00100 | 00101 | 1111…: ue 0, 1, 2, 3, then se of 4.
        let mut bits = Bits::new(&[0b1010_0110, 0b0100_0010, 0b1111_1111]);
        let codes: Vec<_> = (0..4).map(|_| bits.golomb()).collect();
        assert_eq!(codes, [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!(bits.signed_golomb(), Some(-2));
        assert_eq!(bits.number(7), Some(127));
        assert_eq!((bits.flag(), bits.number(1), bits.golomb()), (None, None, None));
    }

    #[test]
    fn a_code_without_an_end_is_no_number() {
        assert_eq!(Bits::new(&[0; 8]).golomb(), None);
        assert_eq!(Bits::new(&[0, 0, 0, 1, 0, 0, 0, 0]).golomb(), Some(u32::MAX >> 1), "the largest of 31 zeros");
    }

    #[test]
    fn emulation_prevention_is_taken_out() {
        assert_eq!(unescape(&[1, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3], 64), [1, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(unescape(&[9; 100], 4), [9; 4]);
    }

    #[test]
    fn units_are_found_between_start_codes() {
        let data = [0, 0, 0, 1, 0x67, 5, 0, 0, 1, 0x68, 6, 0, 0, 0, 1, 0x65, 7];
        // A zero before a start code of four bytes is padding of the unit before.
        assert_eq!(units(&data).collect::<Vec<_>>(), [&[0x67, 5][..], &[0x68, 6, 0], &[0x65, 7]]);
        assert_eq!(units(&[1, 2, 3]).count(), 0);
    }
}
