//! Pictures that are hard to encode, but not too hard: a rate control has something to do at any
//! bitrate between a few hundred kbit/s and a few Mbit/s, without ever being at its last quantizer.

/// Pictures repeat after so many; a prime, so that nothing lines up with an encoder's own periods.
const PERIOD: usize = 61;

/// Moving rings of all sizes with noise on them, as I420.
pub struct HardContent {
    pictures: Vec<Vec<u8>>,
}

impl HardContent {
    /// Draws all pictures of a period; sides are even.
    pub fn new(width: usize, height: usize) -> Self {
        Self { pictures: (0..PERIOD).map(|number| picture(width, height, number)).collect() }
    }

    /// The picture of this number.
    pub fn picture(&self, number: usize) -> Vec<u8> {
        self.pictures[number % PERIOD].clone()
    }
}

fn picture(width: usize, height: usize, number: usize) -> Vec<u8> {
    let mut noise = Noise(0x9E37_79B9 ^ number as u32);
    let luma = width * height;
    let mut bytes = vec![128; luma + luma / 2];
    for (index, byte) in bytes[..luma].iter_mut().enumerate() {
        let (x, y) = ((index % width) as u32, (index / width) as u32);
        // Rings move outwards; further out they are finer.
        let phase = (x * x + y * y) / 160 + 7 * number as u32;
        let ring = (phase % 256).abs_diff(128) as u8;
        *byte = 48 + ring + noise.next() % 32;
    }
    bytes
}

/// Xorshift: the same noise in every run.
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as u8
    }
}
