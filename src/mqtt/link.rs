//! A connection to a broker that is kept: lost, it is made again, with all that belongs to it.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::{
    sync::{mpsc::Sender, watch},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::{LinkFault, LinkFaultKind, Outbox, Outgoing};

/// The first wait for a broker that is away; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// No wait is longer: a broker that comes back is noticed soon.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How long to wait where another attempt is pointless until somebody has changed something.
const REFUSED_WAIT: Duration = Duration::from_secs(30);
/// After so long a connection counts as a good one.
const HEALTHY: Duration = Duration::from_secs(10);
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(10);
/// How long the last messages and the goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// A message that came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incoming {
    /// Where it was sent to.
    pub topic: String,
    /// What it says.
    pub payload: Vec<u8>,
    /// Where the sender wants the answer (MQTT 5).
    pub response_topic: Option<String>,
    /// What the sender wants in the answer (MQTT 5).
    pub correlation: Option<Vec<u8>>,
    /// Whether the broker kept it from before.
    pub retained: bool,
}

/// Makes connections to one broker.
pub trait Dialer: Send + Sync + 'static {
    /// Connects and subscribes; messages go to `incoming` from then on.
    fn dial(&self, incoming: Sender<Incoming>) -> BoxFuture<'_, Result<Box<dyn Session>, LinkFault>>;
}

/// One connection.
pub trait Session: Send {
    /// Sends a message.
    fn send(&mut self, message: Outgoing) -> BoxFuture<'_, Result<(), LinkFault>>;

    /// Comes back when the connection has ended, with the reason.
    fn ended(&mut self) -> BoxFuture<'_, LinkFault>;

    /// Says goodbye: the last will is not sent.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// How the connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// On the way to the broker for the first time.
    Connecting,
    /// Connected.
    Up,
    /// Waiting to try again.
    Down {
        /// Why.
        fault: LinkFault,
        /// How long this wait is in all.
        retry_in: Duration,
    },
}

/// A connection that is kept until [`Link::stop`]; dropping it ends it without a goodbye.
pub struct Link {
    outbox: Arc<Outbox>,
    state: watch::Receiver<LinkState>,
    end: watch::Sender<bool>,
    keeper: JoinHandle<()>,
}

impl Link {
    /// Connects, and again whenever that is lost. Must be called within a tokio runtime.
    pub fn keep(dialer: impl Dialer, outbox: Arc<Outbox>, incoming: Sender<Incoming>) -> Self {
        let (told, state) = watch::channel(LinkState::Connecting);
        let (end, ended) = watch::channel(false);
        let keeper = Keeper { dialer: Box::new(dialer), outbox: outbox.clone(), incoming, told, ended };
        Self { outbox, state, end, keeper: tokio::spawn(keeper.run()) }
    }

    /// How the connection is, now and from now on.
    pub fn state(&self) -> watch::Receiver<LinkState> {
        self.state.clone()
    }

    /// What is to be sent.
    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// Sends what waits, if the broker takes it within a second, and says goodbye.
    pub async fn stop(mut self) {
        let _ = self.end.send(true);
        if timeout(2 * GOODBYE, &mut self.keeper).await.is_err() {
            self.keeper.abort();
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

struct Keeper {
    dialer: Box<dyn Dialer>,
    outbox: Arc<Outbox>,
    incoming: Sender<Incoming>,
    told: watch::Sender<LinkState>,
    ended: watch::Receiver<bool>,
}

impl Keeper {
    async fn run(mut self) {
        let mut waits = Waits::default();
        loop {
            let mut ended = self.ended.clone();
            let attempt = timeout(ATTEMPT, self.dialer.dial(self.incoming.clone()));
            let fault = tokio::select! {
                () = told_to_end(&mut ended) => return,
                attempt = attempt => match attempt {
                    Ok(Ok(session)) => {
                        let start = Instant::now();
                        self.outbox.begin();
                        let _ = self.told.send(LinkState::Up);
                        let Some(fault) = self.pump(session).await else { return };
                        if start.elapsed() >= HEALTHY {
                            waits = Waits::default();
                        }
                        fault
                    }
                    Ok(Err(fault)) => fault,
                    Err(_) => LinkFault::silent(),
                },
            };
            let retry_in = waits.next(fault.kind);
            let _ = self.told.send(LinkState::Down { fault, retry_in });
            tokio::select! {
                () = told_to_end(&mut ended) => return,
                () = sleep(retry_in) => {}
            }
        }
    }

    /// Sends until the connection ends; `None` where that was asked for.
    async fn pump(&mut self, mut session: Box<dyn Session>) -> Option<LinkFault> {
        loop {
            let message = tokio::select! {
                biased;
                fault = session.ended() => return Some(fault),
                message = self.outbox.next() => message,
                () = told_to_end(&mut self.ended) => {
                    session.close().await;
                    return None;
                }
            };
            // A broker that takes nothing any more must not stop us for ever.
            match timeout(ATTEMPT, session.send(message)).await {
                Ok(Ok(())) => {}
                Ok(Err(fault)) => return Some(fault),
                Err(_) => return Some(LinkFault::silent()),
            }
        }
    }
}

async fn told_to_end(ended: &mut watch::Receiver<bool>) {
    // The sender is gone only with the link, which ends the keeper anyway.
    let _ = ended.wait_for(|ended| *ended).await;
}

/// How long to wait before each attempt.
#[derive(Default)]
struct Waits {
    failed: u32,
}

impl Waits {
    fn next(&mut self, kind: LinkFaultKind) -> Duration {
        if matches!(kind, LinkFaultKind::Refused | LinkFaultKind::TakenOver) {
            return REFUSED_WAIT;
        }
        let longest = FIRST_WAIT.saturating_mul(1 << self.failed.min(10)).min(LONGEST_WAIT);
        self.failed += 1;
        // Many that lost the same broker do not come back all at once.
        longest.mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::mpsc::channel;

    use super::*;

    /// A broker that is away until a moment, and keeps what is retained.
    #[derive(Clone)]
    struct Fake(Arc<Mutex<FakeBroker>>);

    struct FakeBroker {
        back_at: Instant,
        kind: LinkFaultKind,
        attempts: usize,
        heard: Vec<(String, String)>,
        lost: watch::Sender<u32>,
    }

    impl Fake {
        fn away_for(seconds: u64, kind: LinkFaultKind) -> Self {
            let back_at = Instant::now() + Duration::from_secs(seconds);
            let (attempts, heard, lost) = (0, Vec::new(), watch::channel(0).0);
            Self(Arc::new(Mutex::new(FakeBroker { back_at, kind, attempts, heard, lost })))
        }

        fn attempts(&self) -> usize {
            self.0.lock().unwrap().attempts
        }

        fn go_away_for(&self, seconds: u64) {
            let mut broker = self.0.lock().unwrap();
            broker.back_at = Instant::now() + Duration::from_secs(seconds);
            broker.attempts = 0;
            broker.lost.send_modify(|lost| *lost += 1);
        }

        fn take_heard(&self) -> Vec<(String, String)> {
            std::mem::take(&mut self.0.lock().unwrap().heard)
        }
    }

    fn fault(kind: LinkFaultKind) -> LinkFault {
        LinkFault::new(kind, "It is away.".into())
    }

    impl Dialer for Fake {
        fn dial(&self, _: Sender<Incoming>) -> BoxFuture<'_, Result<Box<dyn Session>, LinkFault>> {
            let mut broker = self.0.lock().unwrap();
            broker.attempts += 1;
            let result: Result<Box<dyn Session>, _> = if Instant::now() < broker.back_at {
                Err(fault(broker.kind))
            } else {
                let mut lost = broker.lost.subscribe();
                lost.mark_unchanged();
                Ok(Box::new(FakeSession(self.clone(), lost)))
            };
            Box::pin(std::future::ready(result))
        }
    }

    struct FakeSession(Fake, watch::Receiver<u32>);

    impl Session for FakeSession {
        fn send(&mut self, message: Outgoing) -> BoxFuture<'_, Result<(), LinkFault>> {
            let text = String::from_utf8(message.payload).unwrap();
            self.0.0.lock().unwrap().heard.push((message.topic, text));
            Box::pin(std::future::ready(Ok(())))
        }

        fn ended(&mut self) -> BoxFuture<'_, LinkFault> {
            Box::pin(async {
                let _ = self.1.changed().await;
                fault(LinkFaultKind::Away)
            })
        }

        fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
            Box::pin(std::future::ready(()))
        }
    }

    async fn wait_up(link: &Link, limit: u64) {
        let mut state = link.state();
        let up = state.wait_for(|state| *state == LinkState::Up);
        timeout(Duration::from_secs(limit), up).await.expect("the link should come up in time").unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn after_ten_minutes_away_everything_is_there_again_within_ten_seconds() {
        let broker = Fake::away_for(0, LinkFaultKind::Away);
        let outbox = Arc::new(Outbox::default());
        let link = Link::keep(broker.clone(), outbox.clone(), channel(1).0);
        outbox.retain("state".into(), b"live".to_vec());
        wait_up(&link, 1).await;
        sleep(Duration::from_mins(1)).await;
        assert_eq!(broker.take_heard(), [("state".into(), "live".into())]);

        broker.go_away_for(600);
        sleep(Duration::from_mins(5)).await;
        outbox.retain("state".into(), b"stopped".to_vec());
        outbox.latest("stats".into(), b"old".to_vec());
        sleep(Duration::from_mins(5)).await;
        wait_up(&link, 10).await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(broker.take_heard(), [("state".into(), "stopped".into())]);
        // Neither a storm nor a sleep: about one attempt in 5 to 10 s.
        assert!((60..=140).contains(&broker.attempts()), "{} attempts", broker.attempts());
        link.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_refuses_us_is_asked_seldom() {
        let broker = Fake::away_for(600, LinkFaultKind::Refused);
        let link = Link::keep(broker.clone(), Arc::default(), channel(1).0);
        sleep(Duration::from_secs(299)).await;
        assert_eq!(broker.attempts(), 10);
        assert!(matches!(&*link.state().borrow(), LinkState::Down { retry_in, .. } if *retry_in == REFUSED_WAIT));
        let start = Instant::now();
        link.stop().await;
        assert!(start.elapsed() < GOODBYE);
    }
}
