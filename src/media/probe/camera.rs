//! Looking at a camera on the network.

use std::time::Duration;

use tokio::time::sleep;

use super::{
    ProbeLimits, RtspTarget,
    attempt::Attempt,
    greeting::{Greeting, greet},
    report::{Connection, ProbeReport, milliseconds},
};
use crate::{
    config::SourceAddress,
    media::{
        FaultKind, MediaFault,
        source::{Route, Source, Transport, diagnose},
    },
};

/// A camera whose first attempt was just broken off may refuse the next until it has cleared up.
const CLEARING_UP: Duration = Duration::from_secs(1);

/// Looks at a camera over one transport after the other, until one brings a picture.
pub(super) async fn look(target: RtspTarget, limits: ProbeLimits) -> Result<ProbeReport, MediaFault> {
    Route::check(target.transport, &target.address)?;
    let route = Route::new(target.transport, &target.address);
    let mut failed = Vec::new();
    for transport in [Some(route.first()), route.other(route.first())].into_iter().flatten() {
        let mut found = look_over(transport, &target, limits).await;
        let was_broken_off = !failed.is_empty();
        if was_broken_off && matches!(&found, Err(fault) if fault.kind == FaultKind::Rejected) {
            sleep(CLEARING_UP).await;
            found = look_over(transport, &target, limits).await;
        }
        match found {
            Ok(mut report) => {
                let words = failed.iter().map(MediaFault::to_string).collect();
                report.connection = report.connection.map(|connection| Connection { failed: words, ..connection });
                return Ok(report);
            }
            // Only these may be the transport's fault.
            Err(fault) if matches!(fault.kind, FaultKind::Silent | FaultKind::NoTransport) => failed.push(fault),
            Err(fault) => return Err(explained(fault, &target.address).await),
        }
    }
    Err(most_telling(failed))
}

/// That the camera offers only one transport says nothing of why that one brought no picture.
fn most_telling(mut failed: Vec<MediaFault>) -> MediaFault {
    let silent = failed.iter().position(|fault| fault.kind == FaultKind::Silent);
    let last = failed.len().checked_sub(1).expect("at least one transport should have been tried");
    failed.swap_remove(silent.unwrap_or(last))
}

/// A failure without a clear reason is looked into.
async fn explained(fault: MediaFault, address: &SourceAddress) -> MediaFault {
    if fault.kind != FaultKind::Other {
        return fault;
    }
    match diagnose(address).await {
        Some(reason) => reason.with_detail(fault.detail),
        None => fault,
    }
}

async fn look_over(transport: Transport, target: &RtspTarget, limits: ProbeLimits) -> Result<ProbeReport, MediaFault> {
    let mut attempt = Attempt::start(Source::Rtsp(target.source(transport))).await?;
    let silent = Route::new(target.transport, &target.address).silent_fault();
    attempt.first_picture(&silent).await?;
    // Only a camera that works is greeted, and while it sends: asked just before, some still
    // clear up after the greeting when the real connection comes.
    let (interrupted, greeting) = tokio::join!(attempt.look_on(limits.look), greet(&target.address));
    let seen = attempt.look.seen();
    let connection = Connection {
        server: None,
        login: None,
        transport,
        certificate: seen.certificate.or(target.certificate),
        failed: Vec::new(),
        connect_ms: None,
        answer_ms: None,
        description_ms: seen.described.map(milliseconds),
        first_packet_ms: seen.first_packet.map(milliseconds),
        first_picture_ms: seen.first_picture.map(milliseconds),
        packets: seen.packets(),
    };
    let connection = greeted(connection, greeting);
    Ok(ProbeReport::seen(target.address.to_string(), Some(connection), &seen, interrupted))
}

/// Adds what was found out by hand.
fn greeted(connection: Connection, greeting: Option<Greeting>) -> Connection {
    let Some(greeting) = greeting else { return connection };
    Connection {
        server: greeting.server,
        login: Some(greeting.login),
        connect_ms: Some(greeting.connect_ms),
        answer_ms: Some(greeting.answer_ms),
        ..connection
    }
}
