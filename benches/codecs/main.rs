//! What each encoder and decoder of this machine costs, and how long it keeps a frame.
//!
//! Method and how to read the tables: `benches/README.md`. Nothing is asserted: this
//! measures the machine, not the program.

#[path = "../../tests/it/support/hard_content.rs"]
#[allow(unreachable_pub, reason = "the tests' own file")]
mod hard_content;
#[path = "../shared/machine.rs"]
mod machine;
mod reels;
mod rig;
mod table;

use std::{error::Error, process::ExitCode, time::Duration};

use clap::Parser;
use heliograph::media::{self, Decoder, Encoder, InputCodec, Memory};

use rig::Reel;
use table::Table;

/// What encoders are asked for, in kbit/s.
const BITRATE_KBPS: u32 = 2000;

/// Measures what encoders and decoders cost.
#[derive(Parser)]
#[command(name = "./dev bench codecs")]
struct Options {
    /// Seconds to measure each element, after two in which it settles.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// Only the element of this name, such as x264enc.
    #[arg(long, value_name = "ELEMENT")]
    only: Option<String>,
    /// Cargo says so to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    fn wants(&self, element: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == element)
    }

    fn length(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    if let Err(error) = media::init() {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    println!("{}", machine::description());
    println!(
        "{}×{} at {} fps, {BITRATE_KBPS} kbit/s, {} s each",
        reels::WIDTH,
        reels::HEIGHT,
        rig::FRAMERATE,
        options.seconds
    );
    println!("load average before: {}", machine::load());
    let raw = reels::raw();
    encoders(&options, &raw);
    decoders(&options, &raw);
    println!("\nload average after: {}", machine::load());
    ExitCode::SUCCESS
}

fn encoders(options: &Options, raw: &Reel) {
    let installed = Encoder::installed();
    let wanted: Vec<_> = installed.iter().filter(|encoder| options.wants(encoder.element())).collect();
    let mut table = (!wanted.is_empty()).then(Table::of_encoders);
    let mut not_run = Vec::new();
    for encoder in wanted {
        match encode(encoder, raw, options.length()) {
            Ok(figures) => table.iter_mut().for_each(|table| table.line(encoder.element(), &figures)),
            Err(error) => not_run.push(format!("{}: {error}", encoder.element())),
        }
    }
    let absent = Encoder::rows().iter().filter(|row| options.wants(row.element) && !row.is_installed());
    not_run.extend(absent.map(|row| format!("{}: not installed, or no such device", row.element)));
    say_not_run(&not_run);
}

fn encode(encoder: &Encoder, raw: &Reel, length: Duration) -> Result<rig::Figures, Box<dyn Error>> {
    if !encoder.takes(Memory::System) {
        return Err("takes pictures from the card's memory only".into());
    }
    rig::measure(raw, &reels::encoder_chain(encoder)?, length)
}

fn decoders(options: &Options, raw: &Reel) {
    let wanted = InputCodec::ALL.iter().map(|codec| (*codec, Decoder::installed(*codec)));
    let wanted: Vec<_> = wanted
        .map(|(codec, decoders)| {
            (codec, decoders.into_iter().filter(|decoder| options.wants(decoder.element())).collect::<Vec<_>>())
        })
        .filter(|(_, decoders)| !decoders.is_empty())
        .collect();
    if wanted.is_empty() {
        return;
    }
    let mut table = Table::of_decoders();
    let mut not_run = Vec::new();
    for (codec, decoders) in &wanted {
        let reel = reels::encoded(raw, *codec);
        for decoder in decoders {
            let name = format!("{} ({codec})", decoder.element());
            let measured = match &reel {
                Ok(reel) => decode(decoder, reel, options.length()),
                Err(error) => Err(error.to_string().into()),
            };
            match measured {
                Ok(figures) => table.line(&name, &figures),
                Err(error) => not_run.push(format!("{name}: {error}")),
            }
        }
    }
    if !wanted.iter().flat_map(|(_, decoders)| decoders).any(|decoder| decoder.device().is_hardware()) {
        not_run.push("decoders on hardware: none is installed, or no such device".into());
    }
    say_not_run(&not_run);
}

fn decode(decoder: &Decoder, reel: &Reel, length: Duration) -> Result<rig::Figures, Box<dyn Error>> {
    let mut chain = Vec::new();
    if let Some(parser) = decoder.codec().parser() {
        chain.push(gst::ElementFactory::make(parser).build()?);
    }
    chain.push(decoder.build(decoder.threading_for(reels::WIDTH.into(), reels::HEIGHT.into()))?);
    rig::measure(reel, &chain, length)
}

fn say_not_run(reasons: &[String]) {
    if !reasons.is_empty() {
        println!();
    }
    for reason in reasons {
        println!("not run: {reason}");
    }
}
