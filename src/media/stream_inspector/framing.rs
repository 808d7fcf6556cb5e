//! Where NAL units begin and end.

use super::bits;

/// How NAL units stand in an access unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Framing {
    /// Behind start codes (ITU-T H.264 and H.265, annex B): `byte-stream`.
    #[default]
    StartCodes,
    /// Behind their length, a number of so many bytes (ISO/IEC 14496-15): `avc`, `hvc1` and the like.
    Lengths(usize),
}

impl Framing {
    /// The NAL units of an access unit, bare. What breaks off is left out.
    pub(super) fn units(self, data: &[u8]) -> Box<dyn Iterator<Item = &[u8]> + '_> {
        match self {
            Self::StartCodes => Box::new(bits::units(data)),
            Self::Lengths(size) => {
                let mut bytes = Bytes(data);
                Box::new(std::iter::from_fn(move || bytes.unit(size)))
            }
        }
    }
}

/// What stands beside a stream without start codes: GStreamer's `codec_data`.
pub(super) struct Record<'a> {
    pub(super) framing: Framing,
    /// Parameter sets, bare.
    pub(super) sets: Vec<&'a [u8]>,
}

impl<'a> Record<'a> {
    /// Reads an `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15, section 5.3.3.1).
    pub(super) fn of_h264(record: &'a [u8]) -> Option<Self> {
        let mut bytes = Bytes(record);
        bytes.take(4)?;
        let framing = lengths(bytes.number(1)?);
        let mut sets = Vec::new();
        // Sequence parameter sets, whose count shares its byte, and picture parameter sets.
        for mask in [0x1f, 0xff] {
            for _ in 0..bytes.number(1)? & mask {
                sets.push(bytes.unit(2)?);
            }
        }
        Some(Self { framing, sets })
    }

    /// Reads an `HEVCDecoderConfigurationRecord` (ISO/IEC 14496-15, section 8.3.3.1).
    pub(super) fn of_h265(record: &'a [u8]) -> Option<Self> {
        let mut bytes = Bytes(record);
        bytes.take(21)?;
        let framing = lengths(bytes.number(1)?);
        let mut sets = Vec::new();
        for _ in 0..bytes.number(1)? {
            let _kind = bytes.number(1)?;
            for _ in 0..bytes.number(2)? {
                sets.push(bytes.unit(2)?);
            }
        }
        Some(Self { framing, sets })
    }
}

/// The last two bits of this byte are one less than the size of a length.
fn lengths(byte: usize) -> Framing {
    Framing::Lengths((byte & 3) + 1)
}

/// Takes whole bytes from the front; every method answers `None` once there are too few left.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, size: usize) -> Option<usize> {
        Some(self.take(size)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// A unit behind its length.
    fn unit(&mut self, size: usize) -> Option<&'a [u8]> {
        let length = self.number(size)?;
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_found_behind_their_lengths() {
        let data = [0, 0, 0, 2, 0x67, 5, 0, 0, 0, 0, 0, 0, 0, 1, 0x65, 0, 0, 0, 9, 1];
        let units: Vec<_> = Framing::Lengths(4).units(&data).collect();
        assert_eq!(units, [&[0x67, 5][..], &[], &[0x65]], "and what breaks off is left out");
        assert_eq!(Framing::Lengths(1).units(&[1, 7, 1]).collect::<Vec<_>>(), [&[7]]);
    }

    #[test]
    fn parameter_sets_stand_in_the_record() {
        let record = Record::of_h264(&[1, 66, 0, 30, 0xfd, 0xe1, 0, 2, 0x67, 66, 1, 0, 1, 0x68]).unwrap();
        assert_eq!((record.framing, record.sets), (Framing::Lengths(2), vec![&[0x67, 66][..], &[0x68]]));
        let head = [[0; 21].as_slice(), &[0xff, 2, 0xa1, 0, 1, 0, 2, 0x42, 1, 0x22, 0, 1, 0, 1, 0x44]].concat();
        let record = Record::of_h265(&head).unwrap();
        assert_eq!((record.framing, record.sets), (Framing::Lengths(4), vec![&[0x42, 1][..], &[0x44]]));
        for length in 0..14 {
            assert!(Record::of_h264(&[1, 66, 0, 30, 0xfd, 0xe1, 0, 2, 0x67, 66, 1, 0, 1, 0x68][..length]).is_none());
        }
    }
}
