use super::*;
use crate::media::test_stream::{TestStream, decoded, rtp_times};

fn cache_of(samples: &[gst::Sample], limits: CacheLimits) -> GopCache {
    let cache = GopCache::new(limits);
    for sample in samples {
        cache.set_caps(sample.caps().unwrap());
        cache.push(&sample.buffer_owned().unwrap());
    }
    cache
}

fn is_key(unit: &gst::Buffer) -> bool {
    !unit.flags().contains(gst::BufferFlags::DELTA_UNIT)
}

fn milliseconds(number: u64) -> gst::ClockTime {
    gst::ClockTime::from_mseconds(number)
}

/// A unit of ten bytes.
fn unit(at_ms: u64, is_key: bool) -> gst::Buffer {
    let mut unit = gst::Buffer::from_slice([0; 10]);
    let fields = unit.get_mut().unwrap();
    fields.set_pts(milliseconds(at_ms));
    fields.set_dts(milliseconds(at_ms.saturating_sub(20)));
    if !is_key {
        fields.set_flags(gst::BufferFlags::DELTA_UNIT);
    }
    unit
}

/// Key frames are ten pictures apart, so the third of the last GOP is the newest here.
const INTO_THE_THIRD_GOP: u32 = 23;

#[test]
fn a_replay_ends_with_the_live_picture() {
    for stream in [TestStream::x264(INTO_THE_THIRD_GOP), TestStream::x265(INTO_THE_THIRD_GOP)] {
        let samples = stream.samples();
        let caps = samples[0].caps_owned().unwrap();
        let live: Vec<_> = samples.iter().map(|sample| sample.buffer_owned().unwrap()).collect();
        let replay = cache_of(&samples, CacheLimits::default()).replay(gst::ClockTime::from_seconds(3600));
        assert_eq!(replay.iter().map(is_key).collect::<Vec<_>>(), [true, false, false]);
        let (live, replayed) = (decoded(&caps, &live), decoded(&caps, &replay));
        assert_eq!((live.len(), replayed.len()), (INTO_THE_THIRD_GOP as usize, 3));
        assert!(live[22] == replayed[2], "the last pictures should be the same");
        assert!(live[21] != live[22], "and tell one moment from another");
    }
}

/// Browsers take packets of one RTP time for one picture.
#[test]
fn every_picture_of_a_replay_gets_an_rtp_time_of_its_own() {
    let samples = TestStream::x264(30).with(&[("key-int-max", "100"), ("speed-preset", "ultrafast")]).samples();
    let replay = cache_of(&samples, CacheLimits::default()).replay(gst::ClockTime::from_seconds(3600));
    let mut times = rtp_times(&samples[0].caps_owned().unwrap(), &replay);
    times.dedup();
    let steps: Vec<_> = times.windows(2).map(|two| two[1].wrapping_sub(two[0])).collect();
    assert_eq!((times.len(), steps), (30, vec![90; 29]));
}

/// The precondition: a viewer's decoder begins with the replay and nothing else.
#[test]
fn key_frames_bring_their_parameter_sets() {
    let samples = TestStream::x264(INTO_THE_THIRD_GOP).samples();
    let kinds = |unit: &gst::Buffer| {
        let data = unit.map_readable().unwrap();
        data.windows(4).filter(|bytes| bytes[..3] == [0, 0, 1]).map(|bytes| bytes[3] & 0x1f).collect::<Vec<_>>()
    };
    let keys: Vec<_> = samples.iter().map(|sample| sample.buffer_owned().unwrap()).filter(is_key).collect();
    assert_eq!(keys.len(), 3);
    for key in keys {
        assert!(kinds(&key).contains(&7) && kinds(&key).contains(&8), "{:?}", kinds(&key));
    }
}

#[test]
fn recovery_points_are_no_beginning() {
    let settings = &[("key-int-max", "10"), ("speed-preset", "ultrafast"), ("intra-refresh", "true")];
    let samples = TestStream::x264(INTO_THE_THIRD_GOP).with(settings).samples();
    let flagged = samples.iter().filter(|sample| is_key(&sample.buffer_owned().unwrap())).count();
    assert_eq!(flagged, 3, "the parser takes them for key frames");
    let replay = cache_of(&samples, CacheLimits::default()).replay(gst::ClockTime::from_seconds(3600));
    assert_eq!(replay.len(), samples.len(), "what begins with the only key frame is whole");
}

#[test]
fn streams_without_start_codes_are_left_alone() {
    let samples = TestStream { form: "avc", ..TestStream::x264(20) }.samples();
    assert_eq!(cache_of(&samples, CacheLimits::default()).state(), CacheState::Empty);
}

#[test]
fn times_are_moved_up_to_the_newest() {
    gst::init().unwrap();
    let cache = GopCache::default();
    for number in 0..50 {
        cache.push(&unit(5000 + number * 40, number == 0));
    }
    let replay = cache.replay(milliseconds(60_000));
    let times: Vec<_> = replay.iter().map(|unit| unit.pts().unwrap()).collect();
    assert_eq!((times[0], times[49]), (milliseconds(6911), milliseconds(6960)));
    assert!(times.windows(2).all(|two| two[1] - two[0] == gst::ClockTime::MSECOND));
    assert!(replay.iter().all(|unit| unit.pts().unwrap() - unit.dts().unwrap() == milliseconds(20)));
    assert!(replay.iter().skip(1).all(|unit| !is_key(unit)) && is_key(&replay[0]));
}

#[test]
fn nothing_is_replayed_for_the_future() {
    gst::init().unwrap();
    let cache = GopCache::default();
    cache.push(&unit(5000, true));
    cache.push(&unit(5040, false));
    let times: Vec<_> = cache.replay(milliseconds(5010)).iter().map(|unit| unit.pts().unwrap()).collect();
    assert_eq!(times, [milliseconds(5009), milliseconds(5010)]);
}

#[test]
fn a_stream_that_has_just_begun_has_no_time_before_zero() {
    gst::init().unwrap();
    let cache = GopCache::default();
    for number in 0..10 {
        cache.push(&unit(number, number == 0));
    }
    let replay = cache.replay(milliseconds(1000));
    let times: Vec<_> = replay.iter().map(|unit| unit.pts().unwrap()).collect();
    assert!(times.windows(2).all(|two| two[0] < two[1]), "{times:?}");
    assert_eq!(times[9], milliseconds(9));
}

#[test]
fn a_gop_that_is_too_long_is_given_up() {
    gst::init().unwrap();
    let cache = GopCache::new(CacheLimits { time: milliseconds(100), bytes: 1000 });
    assert_eq!(cache.state(), CacheState::Empty);
    cache.push(&unit(0, false));
    assert_eq!(cache.state(), CacheState::Empty, "without a key frame there is no beginning");
    cache.push(&unit(40, true));
    cache.push(&unit(120, false));
    assert_eq!(cache.state(), CacheState::Filled { units: 2, bytes: 20 });
    for at in [180, 200] {
        cache.push(&unit(at, false));
        assert_eq!(cache.state(), CacheState::TooLong);
        assert!(cache.replay(milliseconds(200)).is_empty());
    }
    cache.push(&unit(240, true));
    assert_eq!(cache.state(), CacheState::Filled { units: 1, bytes: 10 });
}

#[test]
fn a_gop_that_is_too_big_is_given_up() {
    let samples = TestStream::x264(10).samples();
    let bytes = |count: usize| samples[..count].iter().map(|sample| sample.buffer().unwrap().size()).sum::<usize>();
    let limits = CacheLimits { bytes: bytes(6), ..CacheLimits::default() };
    assert_eq!(cache_of(&samples[..6], limits).state(), CacheState::Filled { units: 6, bytes: bytes(6) });
    assert_eq!(cache_of(&samples[..7], limits).state(), CacheState::TooBig);
    assert_eq!(cache_of(&samples, limits).state(), CacheState::TooBig);
}

#[test]
fn a_pad_is_watched_while_the_cache_is_held() {
    gst::init().unwrap();
    let pad = gst::Pad::new(gst::PadDirection::Src);
    pad.set_active(true).unwrap();
    let caps = |width: i32| gst::Caps::builder("video/x-vp8").field("width", width).build();
    let begin = |width: i32, base: u64| {
        let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
        segment.set_base(milliseconds(base));
        let _ = pad.push_event(gst::event::StreamStart::new("test"));
        let _ = pad.push_event(gst::event::Caps::new(&caps(width)));
        let _ = pad.push_event(gst::event::Segment::new(&segment));
    };
    // Without a peer a pad refuses what is pushed, but its probes see it.
    begin(640, 0);
    let cache = GopCache::watch(&pad, CacheLimits::default());
    assert_eq!(cache.caps(), Some(caps(640)));
    let _ = pad.push(unit(100, true));
    let _ = pad.push(unit(140, false));
    assert_eq!(cache.state(), CacheState::Filled { units: 2, bytes: 20 });

    begin(640, 0);
    assert_eq!(cache.state(), CacheState::Filled { units: 2, bytes: 20 }, "nothing is new");
    begin(320, 0);
    assert_eq!((cache.state(), cache.caps()), (CacheState::Empty, Some(caps(320))));

    begin(320, 1000);
    let _ = pad.push(unit(100, true));
    let moved = cache.replay(milliseconds(1090));
    assert_eq!(moved[0].pts(), Some(milliseconds(90)), "now is a running time");
    let probe = Arc::downgrade(&cache);
    drop(cache);
    assert!(probe.upgrade().is_none(), "the pad should not hold the cache");
    let _ = pad.push(unit(140, false));
}
