//! The camera's pictures on their way out, each at its time, and what goes wrong with them.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::{Instant, sleep_until};

use super::{
    Shared,
    clip::{Clip, Coding, FRAMERATE, TICKS, Unit, pictures},
    random::Random,
    rtp::{Packet, fragments, goodbye, payloads, sender_report},
    sdp::{AUDIO, VIDEO},
    vice::Vice,
};

/// The picture at which it goes wrong, where it does so in mid-stream: after two seconds.
const WRONG_FROM: u32 = 2 * FRAMERATE;

/// One piece of what is sent.
pub enum Parcel {
    Picture(Vec<u8>),
    /// RTCP of the picture.
    Control(Vec<u8>),
    Sound(Vec<u8>),
}

/// Sends the pictures of one session.
pub struct Player {
    shared: Arc<Shared>,
    /// How many sessions there were before.
    earlier: usize,
    began: Instant,
    /// The next picture, from 0.
    next: u32,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    random: Random,
    /// A packet that comes after the one it should come before.
    held: Option<Packet>,
}

impl Player {
    pub fn new(shared: Arc<Shared>, earlier: usize) -> Self {
        let (began, random) = (Instant::now(), Random::new(7));
        let ssrc = 0x00ca_0000 + earlier as u32;
        Self { shared, earlier, began, next: 0, sequence: 65_000, timestamp: 5000, ssrc, random, held: None }
    }

    /// The next picture's parcels, at its time; `None` hangs up. Nothing is lost where this is given up.
    pub async fn next(&mut self) -> Option<Vec<Parcel>> {
        sleep_until(self.began + self.due()).await;
        let (vice, number) = (self.shared.vice, self.next);
        let is_wrong = number >= WRONG_FROM;
        let ends = match vice {
            Vice::HangsUp => is_wrong,
            Vice::CodecChange => is_wrong && self.earlier == 0,
            _ => false,
        };
        if number == WRONG_FROM && vice.goes_wrong_in_mid_stream() {
            self.shared.note_moment();
        }
        if ends {
            return None;
        }
        let is_over = vice == Vice::PlaysNothing
            || is_wrong && matches!(vice, Vice::Bye)
            || number > WRONG_FROM && vice == Vice::StallMidFrame;
        self.next += 1;
        if is_over {
            let says_goodbye = vice == Vice::Bye && number == WRONG_FROM;
            return Some(says_goodbye.then(|| Parcel::Control(goodbye(self.ssrc))).into_iter().collect());
        }
        Some(self.parcels(number))
    }

    /// When the next picture is to leave.
    fn due(&self) -> Duration {
        let regular = pictures(self.next);
        match self.shared.vice {
            Vice::ClockFast => regular.mul_f64(1.0 / 1.05),
            Vice::ClockSlow => regular.mul_f64(1.0 / 0.95),
            _ => regular,
        }
    }

    fn parcels(&mut self, number: u32) -> Vec<Parcel> {
        let clip = clip_of(self.shared.vice, self.earlier, number >= WRONG_FROM);
        let length = clip.units.len() as u32;
        let index = (number + first_of(self.shared.vice)) % length;
        let unit = &clip.units[index as usize];
        if number == WRONG_FROM {
            self.jump();
        }
        // With B-frames, what is sent first may be shown later.
        let ticks = (number + unit.shown).wrapping_sub(index).wrapping_mul(TICKS);
        let shown = self.timestamp.wrapping_add(ticks);
        self.shared.note_sent(unit.shown);
        let mut leaving = Vec::new();
        if number.is_multiple_of(FRAMERATE) {
            let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            leaving.push(Parcel::Control(sender_report(self.ssrc, shown, clock)));
        }
        let packets = self.packets(number, clip.coding, unit, shown);
        leaving.extend(packets.iter().map(|packet| Parcel::Picture(packet.bytes())));
        if self.shared.vice == Vice::BrokenAac {
            leaving.push(Parcel::Sound(self.sound(shown)));
        }
        leaving
    }

    /// Counters that go elsewhere in mid-stream.
    fn jump(&mut self) {
        match self.shared.vice {
            Vice::TimestampReset => self.timestamp = self.timestamp.wrapping_add(0x7654_3210),
            Vice::SequenceJump => self.sequence = self.sequence.wrapping_add(10_000),
            Vice::SsrcReset => {
                self.ssrc += 0x100;
                self.sequence = 9;
                self.timestamp = self.timestamp.wrapping_add(0x1234_5678);
            }
            _ => {}
        }
    }

    fn packets(&mut self, number: u32, coding: Coding, unit: &Unit, timestamp: u32) -> Vec<Packet> {
        let payloads = self.spoilt_payloads(number, coding, unit);
        let last = payloads.len().saturating_sub(1);
        let vice = self.shared.vice;
        let payload_type = if vice == Vice::PayloadTypeSwitch && number >= WRONG_FROM { 98 } else { VIDEO };
        let mut packets = Vec::new();
        for (index, payload) in payloads.into_iter().enumerate() {
            let (sequence, ssrc) = (self.sequence, self.ssrc);
            self.sequence = self.sequence.wrapping_add(1);
            packets.push(Packet { payload_type, marker: index == last, sequence, timestamp, ssrc, payload });
        }
        match vice {
            Vice::LossyNetwork => packets.into_iter().flat_map(|packet| self.lose(packet)).collect(),
            Vice::StallMidFrame if number == WRONG_FROM => packets.into_iter().take(1).map(unfinished).collect(),
            _ => packets,
        }
    }

    fn spoilt_payloads(&mut self, number: u32, coding: Coding, unit: &Unit) -> Vec<Vec<u8>> {
        let whole = payloads(coding, unit);
        // Never a key frame: what follows would have nothing to stand on.
        let is_third = number % 3 == 1;
        match self.shared.vice {
            Vice::OnlyGarbage => vec![self.random.bytes(600), self.random.bytes(300)],
            Vice::SomeGarbage if number % FRAMERATE == 10 => vec![self.random.bytes(600)],
            Vice::TruncatedNals if is_third => {
                whole.iter().map(|payload| payload[..payload.len().div_ceil(2)].to_vec()).collect()
            }
            Vice::EndlessFragments if is_third => unit
                .nals
                .iter()
                .flat_map(|nal| {
                    let mut parts = fragments(coding, nal);
                    parts.pop();
                    parts
                })
                .collect(),
            // A size of 0xffff, then of 0, then one that is true of nothing.
            Vice::WrongAggregates if is_third => {
                let wrong = [&[24, 0xff, 0xff, 0x67, 0x42][..], &[24, 0, 0, 0, 0], &[24, 0, 40, 0x41, 1, 2]];
                wrong.iter().map(|payload| payload.to_vec()).chain(whole).collect()
            }
            Vice::ParameterSetsOnlyDescribed => {
                let pictures = unit.nals.iter().filter(|nal| !coding.is_parameter_set(nal)).cloned().collect();
                payloads(coding, &Unit { nals: pictures, shown: unit.shown })
            }
            _ => whole,
        }
    }

    /// A bad network's way with a packet.
    fn lose(&mut self, packet: Packet) -> Vec<Packet> {
        if self.random.percent(2) {
            return Vec::new();
        }
        if self.held.is_none() && self.random.percent(5) {
            self.held = Some(packet);
            return Vec::new();
        }
        let again = self.random.percent(5).then(|| packet.clone());
        std::iter::once(packet).chain(self.held.take()).chain(again).collect()
    }

    fn sound(&mut self, timestamp: u32) -> Vec<u8> {
        let payload = self.random.bytes(200);
        let sequence = self.next as u16;
        Packet { payload_type: AUDIO, marker: true, sequence, timestamp, ssrc: 0x00ca_5555, payload }.bytes()
    }
}

/// A packet after which more should come.
fn unfinished(mut packet: Packet) -> Packet {
    packet.marker = false;
    packet.payload.truncate(packet.payload.len().div_ceil(2));
    packet
}

/// What a camera shows in its so-many-th session, before and after it goes wrong.
pub fn clip_of(vice: Vice, earlier: usize, is_wrong: bool) -> &'static Clip {
    match vice {
        Vice::H265 => Clip::h265(),
        Vice::CodecChange if earlier > 0 => Clip::h265(),
        Vice::PayloadTypeSwitch | Vice::SilentCodecSwitch if is_wrong => Clip::h265(),
        Vice::SizeChange if is_wrong => Clip::large(),
        Vice::High422 => Clip::high_422(),
        Vice::BFrames => Clip::b_frames(),
        Vice::LongGop => Clip::long_gop(),
        _ => Clip::plain(),
    }
}

/// The picture of the clip that a session begins with.
fn first_of(vice: Vice) -> u32 {
    if vice == Vice::LongGop { Clip::long_gop().units.len() as u32 - 11 * FRAMERATE } else { 0 }
}
