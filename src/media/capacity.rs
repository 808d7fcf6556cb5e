//! Which device a feed's encoder runs on, when there are more feeds than hardware.
//!
//! Hardware takes a few encoders each and then refuses. A new feed goes to the device
//! with the most room; when all are full, to the processor, as long as a fifth of that
//! stays idle; and then it is refused with a sentence, because one feed more would make
//! all of them stutter. When hardware frees up, feeds move back to it: see
//! [`Capacity::moves`].
//!
//! This is bookkeeping and nothing else: it starts and measures nothing. Whoever does,
//! tells it ([`Capacity::measured`], [`Capacity::refused`]).

use std::{collections::BTreeMap, fmt};

use super::Device;
use crate::i18n::{gettext, gettext_f, ngettext_f};

/// How much of the processor stays idle, for the network, the window and bursts.
const KEPT_IDLE: f64 = 0.2;

/// A device that is never said to be full until it refuses.
const UNKNOWN_LIMIT: u32 = u32::MAX;

/// What a feed needs of an encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// Hardware on which an encoder for it is known to work, the preferred first.
    pub devices: Vec<Device>,
    /// Pixels encoded in a second: width × height × frames per second.
    pub pixel_rate: f64,
    /// What a software encoder costs, in cores, as far as it is known for this codec:
    /// processor time (s) for a pixel. `None` where no software encoder works.
    pub cores_per_pixel: Option<f64>,
}

impl Demand {
    /// Cores that a software encoder would keep busy.
    fn cores(&self) -> Option<f64> {
        Some(self.pixel_rate * self.cores_per_pixel?)
    }
}

/// Where a feed's encoder runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// On this device.
    Hardware(Device),
    /// On the processor.
    Processor,
}

/// There is no room for another encoder. `Display` is a sentence with the next step.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Devices that would do, all full.
    pub full_devices: u32,
    /// Cores that it would need and cores that are left; `None` without a software encoder.
    pub cores: Option<(f64, f64)>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence())
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    fn sentence(&self) -> String {
        let reason = match self.cores {
            Some((needed, left)) => gettext_f(
                "the processor has {left} cores to spare where {needed} are needed",
                &[("left", &format!("{left:.1}")), ("needed", &format!("{needed:.1}"))],
            ),
            None => gettext("no software encoder works for this codec"),
        };
        let hint = match self.cores {
            Some(_) => gettext("Stop a feed, or give this one a smaller picture or a lower frame rate."),
            None => gettext("Stop a feed, or choose another codec."),
        };
        let values = [("reason", reason.as_str()), ("hint", &hint)];
        match self.full_devices {
            0 => gettext_f("There is no room for another encoder: {reason}. {hint}", &values),
            full => ngettext_f(
                "There is no room for another encoder: the hardware is full, and {reason}. {hint}",
                "There is no room for another encoder: all {n} hardware devices are full, and {reason}. {hint}",
                full,
                &values,
            ),
        }
    }
}

/// Who runs where. `F` names a feed's encoder.
#[derive(Debug)]
pub struct Capacity<F> {
    /// Encoders that a device takes, by [`Device::key`]: configured, or learned from a refusal.
    limits: BTreeMap<String, u32>,
    cores: f64,
    /// Cores that everything else on this machine keeps busy.
    others: f64,
    leases: BTreeMap<F, Lease>,
}

/// A place that is taken until it is released.
#[derive(Clone, Debug)]
struct Lease {
    demand: Demand,
    placement: Placement,
    /// Cores that it keeps busy on the processor: estimated, then measured.
    cores: f64,
}

impl<F: Ord + Clone> Capacity<F> {
    /// For a machine with this many cores. `limits` are encoders that a device takes, by
    /// [`Device::key`]; a device without one takes encoders until it refuses one.
    pub fn new(cores: u32, limits: BTreeMap<String, u32>) -> Self {
        Self { limits, cores: f64::from(cores), others: 0.0, leases: BTreeMap::new() }
    }

    /// Limits devices to so many encoders, by [`Device::key`], whatever was learned before.
    pub fn set_limits(&mut self, limits: &BTreeMap<String, u32>) {
        self.limits.extend(limits.iter().map(|(device, limit)| (device.clone(), *limit)));
    }

    /// Finds a place for a feed's encoder and takes it. A feed that has one already
    /// gives it up first, so that a new demand is never in its own way.
    ///
    /// # Errors
    /// There is no room; the feed has no place then.
    pub fn place(&mut self, feed: &F, demand: Demand) -> Result<Placement, Refusal> {
        self.release(feed);
        let placement = match self.free_device(&demand) {
            Some(device) => Placement::Hardware(device),
            None => self.on_processor(&demand)?,
        };
        self.lease(feed, demand, placement.clone());
        Ok(placement)
    }

    /// A feed's encoder is gone.
    pub fn release(&mut self, feed: &F) {
        self.leases.remove(feed);
    }

    /// Where a feed's encoder runs.
    pub fn placement(&self, feed: &F) -> Option<&Placement> {
        self.leases.get(feed).map(|lease| &lease.placement)
    }

    /// The device refused this feed's encoder: so it takes as many as run on it now, and
    /// no more while this program runs. Finds the next best place.
    ///
    /// # Errors
    /// There is no other room; the feed has no place then.
    pub fn refused(&mut self, feed: &F) -> Result<Placement, Refusal> {
        let Some(Lease { demand, placement, .. }) = self.leases.remove(feed) else {
            return Err(Refusal { full_devices: 0, cores: None });
        };
        match placement {
            Placement::Hardware(device) => {
                let limit = self.load(&device);
                self.limits.insert(device.key(), limit);
                self.place(feed, demand)
            }
            // An encoder on the processor that gives up will do so again.
            Placement::Processor => Err(self.refusal(&demand)),
        }
    }

    /// What this feed's software encoder was seen to cost, in cores.
    pub fn measured(&mut self, feed: &F, cores: f64) {
        if let Some(lease) = self.leases.get_mut(feed)
            && lease.placement == Placement::Processor
        {
            lease.cores = cores.max(0.0);
        }
    }

    /// What everything but the feeds' encoders was seen to cost, in cores: decoding,
    /// the window, other programs.
    pub fn measured_others(&mut self, cores: f64) {
        self.others = cores.max(0.0);
    }

    /// Feeds that should move from the processor to a device that has room, each at its
    /// next key frame; the places are theirs from now on. The costliest go first.
    pub fn moves(&mut self) -> Vec<(F, Device)> {
        let mut waiting: Vec<_> = self
            .leases
            .iter()
            .filter(|(_, lease)| lease.placement == Placement::Processor)
            .map(|(feed, lease)| (feed.clone(), lease.demand.clone(), lease.cores))
            .collect();
        waiting.sort_by(|one, other| other.2.total_cmp(&one.2));
        let mut moves = Vec::new();
        for (feed, demand, _) in waiting {
            if let Some(device) = self.free_device(&demand) {
                self.lease(&feed, demand, Placement::Hardware(device.clone()));
                moves.push((feed, device));
            }
        }
        moves
    }

    fn lease(&mut self, feed: &F, demand: Demand, placement: Placement) {
        let cores = if placement == Placement::Processor { demand.cores().unwrap_or_default() } else { 0.0 };
        self.leases.insert(feed.clone(), Lease { demand, placement, cores });
    }

    /// The least loaded device that has room; of equals, the preferred.
    fn free_device(&self, demand: &Demand) -> Option<Device> {
        let free = demand.devices.iter().filter(|device| self.load(device) < self.limit(device));
        free.min_by(|one, other| self.use_of(one).total_cmp(&self.use_of(other))).cloned()
    }

    /// How full a device is, for comparison. Where its limit is not known, a device
    /// counts as one that takes many.
    fn use_of(&self, device: &Device) -> f64 {
        match self.limit(device) {
            UNKNOWN_LIMIT => f64::from(self.load(device)) / 16.0,
            limit => f64::from(self.load(device)) / f64::from(limit),
        }
    }

    fn limit(&self, device: &Device) -> u32 {
        self.limits.get(&device.key()).copied().unwrap_or(UNKNOWN_LIMIT)
    }

    /// Encoders on a device.
    fn load(&self, device: &Device) -> u32 {
        let here = |lease: &&Lease| matches!(&lease.placement, Placement::Hardware(taken) if taken == device);
        self.leases.values().filter(here).count() as u32
    }

    fn on_processor(&self, demand: &Demand) -> Result<Placement, Refusal> {
        match demand.cores() {
            Some(needed) if needed <= self.spare_cores() => Ok(Placement::Processor),
            _ => Err(self.refusal(demand)),
        }
    }

    fn refusal(&self, demand: &Demand) -> Refusal {
        let cores = demand.cores().map(|needed| (needed, self.spare_cores()));
        Refusal { full_devices: demand.devices.len() as u32, cores }
    }

    /// Cores that another encoder may use.
    fn spare_cores(&self) -> f64 {
        let busy: f64 = self.leases.values().map(|lease| lease.cores).sum();
        (self.cores * (1.0 - KEPT_IDLE) - self.others - busy).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HD: f64 = 1280.0 * 720.0 * 30.0;

    fn gpu(gpu: u32) -> Device {
        Device::Nvidia { gpu }
    }

    /// 720p30 on these cards; one core in software.
    fn demand(gpus: &[u32]) -> Demand {
        let devices = gpus.iter().copied().map(gpu).collect();
        Demand { devices, pixel_rate: HD, cores_per_pixel: Some(1.0 / HD) }
    }

    fn limits(of_gpus: &[(u32, u32)]) -> BTreeMap<String, u32> {
        of_gpus.iter().map(|&(number, limit)| (gpu(number).key(), limit)).collect()
    }

    #[test]
    fn feeds_go_to_the_least_loaded_device_then_to_the_processor_then_nowhere() {
        let mut capacity = Capacity::new(4, limits(&[(0, 2), (1, 2)]));
        let placed: Vec<_> = (0..7).map(|feed| capacity.place(&feed, demand(&[0, 1])).unwrap()).collect();
        let on = |number| Placement::Hardware(gpu(number));
        assert_eq!(placed[..4], [on(0), on(1), on(0), on(1)]);
        // Three of four cores: 3.2 may be busy.
        assert_eq!(placed[4..], [Placement::Processor, Placement::Processor, Placement::Processor]);
        let refusal = capacity.place(&7, demand(&[0, 1])).unwrap_err();
        assert_eq!(refusal.full_devices, 2);
        let told = refusal.to_string();
        assert!(
            told.contains("all 2 hardware devices are full") && told.contains("0.2 cores") && told.contains("1.0"),
            "{told}"
        );
        assert_eq!(capacity.placement(&7), None);
    }

    #[test]
    fn what_is_measured_counts_and_not_what_was_estimated() {
        let mut capacity = Capacity::new(2, BTreeMap::new());
        capacity.place(&"bow", demand(&[])).unwrap();
        assert!(capacity.place(&"stern", demand(&[])).is_err());
        capacity.measured(&"bow", 0.4);
        assert_eq!(capacity.place(&"stern", demand(&[])), Ok(Placement::Processor));
        capacity.release(&"stern");
        capacity.measured_others(0.5);
        assert!(capacity.place(&"stern", demand(&[])).is_err(), "the window needs its share");
    }

    #[test]
    fn feeds_move_back_when_hardware_frees_up_the_costliest_first() {
        let mut capacity = Capacity::new(8, limits(&[(0, 1)]));
        for feed in ["bow", "stern", "mast"] {
            capacity.place(&feed, demand(&[0])).unwrap();
        }
        assert_eq!(capacity.moves(), []);
        capacity.measured(&"mast", 2.0);
        capacity.release(&"bow");
        assert_eq!(capacity.moves(), [("mast", gpu(0))]);
        assert_eq!(capacity.placement(&"mast"), Some(&Placement::Hardware(gpu(0))));
        assert_eq!(capacity.moves(), [], "a place is given once");
    }

    #[test]
    fn a_refusal_teaches_the_limit() {
        let mut capacity = Capacity::new(8, BTreeMap::new());
        for feed in 0..4 {
            assert_eq!(capacity.place(&feed, demand(&[0])), Ok(Placement::Hardware(gpu(0))));
        }
        assert_eq!(capacity.refused(&3), Ok(Placement::Processor));
        assert_eq!(capacity.place(&4, demand(&[0])), Ok(Placement::Processor));
        capacity.release(&0);
        assert_eq!(capacity.moves().len(), 1, "three run on it, as before");
    }

    #[test]
    fn a_feed_is_never_in_its_own_way() {
        let mut capacity = Capacity::new(8, limits(&[(0, 1)]));
        for _ in 0..2 {
            assert_eq!(capacity.place(&"bow", demand(&[0])), Ok(Placement::Hardware(gpu(0))));
        }
    }

    #[test]
    fn without_a_software_encoder_the_sentence_says_so() {
        let mut capacity = Capacity::new(8, limits(&[(0, 0)]));
        let demand = Demand { cores_per_pixel: None, ..demand(&[0]) };
        let told = capacity.place(&"bow", demand).unwrap_err().to_string();
        assert!(told.contains("no software encoder works"), "{told}");
        assert!(told.contains("the hardware is full"), "{told}");
        let unknown = capacity.refused(&"bow").unwrap_err();
        assert_eq!(unknown.full_devices, 0);
    }
}
