//! Commands over MQTT: whether so many a second are held, and how long answers take.

#[path = "../../tests/it/support/mod.rs"]
#[allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "the tests' own files")]
mod support;

use std::{
    collections::HashMap,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;
use heliograph::{
    config::{BrokerAddress, ExternalBroker, FeedId},
    mqtt::{Dial, Dialer, Incoming, Outgoing, Topics},
};
use serde_json::{Value, json};
use tokio::{
    runtime::Runtime,
    sync::mpsc::{Receiver, channel},
    time::{MissedTickBehavior, interval, timeout},
};

use support::{free_port, program::Program};

/// Asks a Heliograph of this build over its own broker, on loopback.
#[derive(Parser)]
#[command(name = "./dev bench mqtt")]
struct Options {
    /// How many seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Commands a second
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    rate: u64,
    /// Cargo says so to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

type Fault = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let options = Options::parse();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mqtt = format!("127.0.0.1:{}", free_port());
    let program = Program::serve(&["--mqtt", &mqtt, "--feed", "Bow=test:ball"]);
    program.wait_line("Messages over MQTT", Duration::from_secs(20));
    let runtime = Runtime::new().expect("an async runtime should start");
    match runtime.block_on(measure(&options, &mqtt)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(options: &Options, mqtt: &str) -> Result<(), Fault> {
    let address: BrokerAddress = format!("mqtt://{mqtt}").parse()?;
    let topics = vec!["heliograph/+/state".to_owned(), "answers/bench".to_owned()];
    let dial = Dial { broker: ExternalBroker::at(address), password: None, client: "bench".into(), will: None, topics };
    let (sender, mut incoming) = channel(65_536);
    let mut session = dial.dial(sender).await.map_err(|fault| fault.sentence)?;
    let state = timeout(Duration::from_secs(5), incoming.recv()).await?.ok_or("no Heliograph is there")?;
    let instance: FeedId = state.topic.split('/').nth(1).ok_or("a topic without an instance")?.parse()?;
    let command = Topics::of(&instance).feed_command(&"bow".parse()?);
    let count = options.rate * options.seconds;
    let mut pace = interval(Duration::from_secs(1).div_f64(options.rate as f64));
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (start, mut asked, mut took) = (Instant::now(), HashMap::new(), Vec::new());
    let mut refused = 0;
    let mut number = 0;
    while number < count {
        tokio::select! {
            Some(message) = incoming.recv() => note(&message, &mut asked, &mut took, &mut refused),
            _ = pace.tick() => {
                asked.insert(number, Instant::now());
                session.send(request(&command, number)).await.map_err(|fault| fault.sentence)?;
                number += 1;
            }
        }
    }
    let sending = start.elapsed();
    rest(&mut incoming, &mut asked, &mut took, &mut refused).await;
    session.close().await;
    report(count, sending, asked.len(), refused, took);
    Ok(())
}

/// Every other one changes something.
fn request(topic: &str, number: u64) -> Outgoing {
    let body = match number % 2 {
        0 => json!({ "id": number, "command": "apply", "change": { "bitrate_kbps": 1000 + number % 1000 } }),
        _ => json!({ "id": number, "command": "describe" }),
    };
    Outgoing {
        topic: topic.to_owned(),
        payload: body.to_string().into_bytes(),
        response_topic: Some("answers/bench".into()),
        ..Outgoing::default()
    }
}

fn note(message: &Incoming, asked: &mut HashMap<u64, Instant>, took: &mut Vec<Duration>, refused: &mut u64) {
    let Ok(answer) = serde_json::from_slice::<Value>(&message.payload) else { return };
    if let Some(start) = answer["id"].as_u64().and_then(|id| asked.remove(&id)) {
        took.push(start.elapsed());
        *refused += u64::from(answer["ok"] != true);
    }
}

async fn rest(
    incoming: &mut Receiver<Incoming>,
    asked: &mut HashMap<u64, Instant>,
    took: &mut Vec<Duration>,
    refused: &mut u64,
) {
    while !asked.is_empty()
        && let Ok(Some(message)) = timeout(Duration::from_secs(2), incoming.recv()).await
    {
        note(&message, asked, took, refused);
    }
}

fn report(count: u64, sending: Duration, unanswered: usize, refused: u64, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |part: f64| took.get(((took.len() as f64 * part) as usize).min(took.len().saturating_sub(1)));
    let ms = |part| at(part).map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0);
    println!("commands a second        {:.0}", count as f64 / sending.as_secs_f64());
    println!("unanswered, refused      {unanswered}, {refused} of {count}");
    println!("answer, p50 p99 longest  {:.2} {:.2} {:.2} ms", ms(0.5), ms(0.99), ms(1.0));
}
