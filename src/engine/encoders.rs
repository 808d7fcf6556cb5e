//! Which encoder each feed gets: what works on this machine, shared between the feeds.
//!
//! Automatic means the best that works and has room. A device that takes no more feeds is
//! left to those that have it; the next feed gets another device, then the processor, and
//! when that has no room either, a sentence. Feeds move back when a device frees up.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

use super::form::Form;
use crate::{
    config::{Codec, ElementChoice, EncodersConfig, FeedId, Overload},
    i18n::{gettext, gettext_f},
    media::{
        Device, Encoder, FaultKind, MediaFault,
        availability::Availability,
        capacity::{Capacity, Demand, Placement},
        choose_encoder, process_time,
    },
};

/// Who has an encoder: a feed's rendition.
pub(super) type Holder = (FeedId, Form);

/// What a feed asks for.
#[derive(Clone, Debug)]
pub(super) struct Wish<'a> {
    pub(super) holder: &'a Holder,
    pub(super) choice: &'a ElementChoice,
    /// Encoders that failed while this feed used them.
    pub(super) broken: &'a [String],
    /// Pixels a second.
    pub(super) pixel_rate: f64,
}

impl Wish<'_> {
    fn codec(&self) -> Codec {
        self.holder.1.codec
    }
}

/// What it gets.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) encoder: Encoder,
    /// What was picked and why, in a few words.
    pub(super) words: String,
}

/// The encoders of this machine and who has them.
#[derive(Debug)]
pub(super) struct Encoders {
    available: &'static Availability,
    books: Mutex<Books>,
}

#[derive(Debug)]
struct Books {
    capacity: Capacity<Holder>,
    /// What a pixel was seen to cost, in seconds of processor time, by element.
    costs: BTreeMap<String, f64>,
    /// Cores that each encoder on the processor keeps busy: estimated, then measured.
    loads: BTreeMap<Holder, f64>,
    last: (Instant, Duration),
    overload: Overload,
    /// Whose encoder is to move to this device.
    moves: BTreeMap<Holder, Device>,
}

impl Encoders {
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
        Self {
            available: Availability::of_this_machine(),
            books: Mutex::new(Books {
                capacity: Capacity::new(cores, BTreeMap::new()),
                costs: BTreeMap::new(),
                loads: BTreeMap::new(),
                last: (Instant::now(), process_time()),
                overload: Overload::default(),
                moves: BTreeMap::new(),
            }),
        }
    }

    /// What the operator knows of the machine.
    pub(super) fn configure(&self, config: &EncodersConfig) {
        let mut books = self.books();
        books.capacity.set_limits(&config.sessions);
        books.overload = config.overload;
    }

    /// Finds an encoder for a feed, and keeps its place until it is released.
    ///
    /// # Errors
    /// There is none, none is left that works, or there is no room.
    pub(super) fn choose(&self, wish: &Wish<'_>) -> Result<Chosen, MediaFault> {
        let is_whole = |encoder: &Encoder| !wish.broken.iter().any(|name| name == encoder.element());
        if let ElementChoice::Named(_) = wish.choice {
            let named = choose_encoder(wish.codec(), wish.choice)?;
            if is_whole(&named) {
                return self.take_named(wish, named);
            }
        }
        let mut candidates: Vec<Encoder> =
            Encoder::installed().into_iter().filter(|encoder| encoder.codec() == wish.codec()).collect();
        if candidates.is_empty() {
            // Says what to install.
            choose_encoder(wish.codec(), &ElementChoice::Automatic)?;
        }
        candidates.retain(is_whole);
        self.take_best(wish, &candidates)
    }

    /// What the operator named is taken wherever it runs, and counted.
    fn take_named(&self, wish: &Wish<'_>, encoder: Encoder) -> Result<Chosen, MediaFault> {
        let demand = self.demand(wish, std::slice::from_ref(&encoder));
        self.books().place(wish.holder, demand)?;
        let words = encoder.label();
        Ok(Chosen { encoder, words })
    }

    fn take_best(&self, wish: &Wish<'_>, candidates: &[Encoder]) -> Result<Chosen, MediaFault> {
        let is_known_to_work =
            |encoder: &&Encoder| self.available.verdict(*encoder).is_some_and(|verdict| verdict.works());
        let hardware: Vec<Encoder> = candidates
            .iter()
            .filter(|encoder| encoder.device().is_hardware())
            .filter(is_known_to_work)
            .cloned()
            .collect();
        let software: Vec<Encoder> =
            candidates.iter().filter(|encoder| !encoder.device().is_hardware()).cloned().collect();
        let best = self.available.choose(&software);
        let usable: Vec<Encoder> = hardware.iter().chain(best.as_ref().map(|best| best.picked)).cloned().collect();
        if usable.is_empty() {
            return Err(none_works(wish.codec(), wish.broken));
        }
        let demand = self.demand(wish, &usable);
        let placement = self.books().place(wish.holder, demand)?;
        let (encoder, words) = match placement {
            Placement::Hardware(device) => {
                let encoder = usable.iter().find(|encoder| *encoder.device() == device);
                let encoder = encoder.expect("a place should be on a device that was asked for").clone();
                let words = gettext_f("Automatic: {name}", &[("name", &encoder.label())]);
                (encoder, words)
            }
            Placement::Processor => {
                let picked = best.expect("a place on the processor should be for a software encoder").picked.clone();
                let words = if hardware.is_empty() {
                    self.available.choose(candidates).map(|automatic| automatic.words).unwrap_or_default()
                } else {
                    gettext_f("Automatic: {name}, because the hardware is full", &[("name", &picked.label())])
                };
                (picked, words)
            }
        };
        Ok(Chosen { encoder, words })
    }

    fn demand(&self, wish: &Wish<'_>, usable: &[Encoder]) -> Demand {
        let devices = usable.iter().map(Encoder::device).filter(|device| device.is_hardware()).cloned().collect();
        let software = usable.iter().find(|encoder| !encoder.device().is_hardware());
        let cores_per_pixel = software.map(|encoder| self.books().cost(encoder));
        Demand { devices, pixel_rate: wish.pixel_rate, cores_per_pixel }
    }

    /// A feed's encoder is gone. Others may get its place.
    pub(super) fn release(&self, holder: &Holder) {
        let mut books = self.books();
        books.capacity.release(holder);
        books.loads.remove(holder);
        books.moves.remove(holder);
        let moves = books.capacity.moves();
        books.moves.extend(moves);
    }

    /// A device refused this feed's encoder: so it takes no more than it has.
    pub(super) fn refused(&self, holder: &Holder) {
        let _ = self.books().capacity.refused(holder);
    }

    /// Whether a device has become free for this feed; told once.
    pub(super) fn may_move(&self, holder: &Holder) -> bool {
        self.books().moves.remove(holder).is_some()
    }

    /// What a feed's software encoder was seen to cost: cores, at this many pixels a second.
    pub(super) fn measured(&self, holder: &Holder, encoder: &str, cores: f64, pixel_rate: f64) {
        let mut books = self.books();
        books.capacity.measured(holder, cores);
        // What feeds on hardware cost beside it is part of everything else.
        if let Some(load) = books.loads.get_mut(holder) {
            *load = cores;
        }
        if pixel_rate > 0.0 && cores > 0.0 {
            books.costs.insert(encoder.to_owned(), cores / pixel_rate);
        }
        books.measure_others();
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("no holder of this lock should panic")
    }
}

impl Books {
    /// A place for the feed. The first on the processor is never refused: there is nothing to
    /// stop in its favour.
    fn place(&mut self, holder: &Holder, demand: Demand) -> Result<Placement, MediaFault> {
        self.moves.remove(holder);
        self.loads.remove(holder);
        let cores = demand.cores_per_pixel.map(|cost| cost * demand.pixel_rate);
        let placement = self.capacity.place(holder, demand.clone()).or_else(|refusal| {
            let is_first = self.loads.is_empty();
            if cores.is_none() || !is_first && self.overload == Overload::Refuse {
                return Err(no_room(&refusal.to_string()));
            }
            let light = Demand { cores_per_pixel: Some(0.0), ..demand };
            self.capacity.place(holder, light).map_err(|refusal| no_room(&refusal.to_string()))
        })?;
        if placement == Placement::Processor {
            self.loads.insert(holder.clone(), cores.unwrap_or_default());
        }
        Ok(placement)
    }

    /// Seconds of processor time for a pixel: as seen, else as the table of encoders expects.
    fn cost(&self, encoder: &Encoder) -> f64 {
        self.costs.get(encoder.element()).copied().unwrap_or_else(|| encoder.row().usual_cost())
    }

    /// What this program does beside encoding, twice a minute and more often.
    fn measure_others(&mut self) {
        let (now, used) = (Instant::now(), process_time());
        let elapsed = now.duration_since(self.last.0).as_secs_f64();
        if elapsed < 1.0 {
            return;
        }
        let busy = used.saturating_sub(self.last.1).as_secs_f64() / elapsed;
        let encoding: f64 = self.loads.values().sum();
        self.capacity.measured_others((busy - encoding).max(0.0));
        self.last = (now, used);
    }
}

fn no_room(sentence: &str) -> MediaFault {
    MediaFault::new(FaultKind::NoRoom, sentence, "")
}

fn none_works(codec: Codec, broken: &[String]) -> MediaFault {
    MediaFault::new(
        FaultKind::Other,
        gettext_f("No encoder for {codec} works on this machine.", &[("codec", &codec.to_string())]),
        gettext("Choose another codec in the feed's settings, and see what `heliograph doctor` says."),
    )
    // Translators: {encoders} is a list of names.
    .with_detail(gettext_f("These encoders failed: {encoders}.", &[("encoders", &broken.join(", "))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_that_leaves_the_choice_to_the_machine_gets_an_encoder() {
        crate::media::init().unwrap();
        let (done, chosen) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let holder = (FeedId::from_name("Bow"), Form::main(Codec::Vp8));
            let wish = Wish {
                holder: &holder,
                choice: &ElementChoice::Automatic,
                broken: &[],
                pixel_rate: 1280.0 * 720.0 * 30.0,
            };
            done.send(Encoders::new().choose(&wish)).unwrap();
        });
        let chosen = chosen.recv_timeout(Duration::from_secs(10)).expect("an answer should come");
        assert!(chosen.unwrap().words.starts_with("Automatic: "));
    }
}
