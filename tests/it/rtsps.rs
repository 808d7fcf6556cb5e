//! An `rtsps` camera is known by its certificate; whoever shows another learns nothing.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use heliograph::{
    config::{Credentials, Fingerprint, Password},
    engine::FeedCommand,
    media::{
        self, FaultKind,
        source::{DemoCamera, DemoCertificate, DemoSettings},
    },
};
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::support::{engine::OneFeed, free_port, no_camera::NoCamera, program::Program, wait_for};

/// A camera on this port that speaks TLS and asks for the login.
fn camera(port: u16, certificate: &DemoCertificate) -> DemoCamera {
    media::init().unwrap();
    let login = Credentials { user: "me".into(), password: Password::new(OneFeed::PASSWORD) };
    DemoCamera::start(DemoSettings {
        listen: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
        login: Some(login),
        certificate: Some(certificate.clone()),
        width: 320,
        height: 240,
        ..DemoSettings::default()
    })
    .unwrap()
}

fn fingerprint(certificate: &DemoCertificate) -> Fingerprint {
    Fingerprint::of(&CertificateDer::from_pem_slice(certificate.pem().as_bytes()).unwrap())
}

/// A certificate whose time was over long ago.
fn expired() -> DemoCertificate {
    let mut params = CertificateParams::new(["bow.local".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2001, 1, 1);
    params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    let key = KeyPair::generate().unwrap();
    DemoCertificate::from_pem(params.self_signed(&key).unwrap().pem() + &key.serialize_pem())
}

#[test]
fn the_first_certificate_is_kept_and_another_is_refused_until_it_is_forgotten() {
    let (first, second) = (DemoCertificate::make().unwrap(), expired());
    let port = free_port();
    let running = camera(port, &first);
    let mut feed = OneFeed::start(OneFeed::camera(&running.url()));
    assert_eq!(feed.wait_certificate(), Some(fingerprint(&first)));
    assert_eq!(feed.wait_live().width, 320);
    assert_eq!(feed.source().certificate, Some(fingerprint(&first)));

    drop(running);
    let running = camera(port, &first);
    feed.wait_live();

    drop(running);
    let _running = camera(port, &second);
    let fault = feed.wait("the refusal", Duration::from_secs(20), |event| match event {
        heliograph::engine::FeedEvent::State(state) => {
            state.fault().filter(|fault| fault.kind == FaultKind::Certificate).cloned()
        }
        _ => None,
    });
    for certificate in [&first, &second] {
        assert!(fault.message.contains(&fingerprint(certificate).to_string()), "{fault}");
    }

    feed.command(FeedCommand::ForgetCertificate);
    assert_eq!(feed.wait_certificate(), None);
    assert_eq!(feed.wait_certificate(), Some(fingerprint(&second)), "even an expired one, by its looks alone");
    feed.wait_live();
}

/// A server that speaks TLS, asks for a login, and writes down what it is told.
struct Listener {
    port: u16,
    heard: Arc<Mutex<String>>,
    /// How many connections came to an end.
    met: Arc<Mutex<usize>>,
    _thread: JoinHandle<()>,
}

impl Listener {
    /// Asks for a login, whatever it is told.
    fn start(certificate: &DemoCertificate) -> Self {
        Self::answering(certificate, "401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"bow\", nonce=\"1\"".into())
    }

    /// Gives this answer to everything.
    fn answering(certificate: &DemoCertificate, answer: String) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let pem = certificate.pem().as_bytes();
        let chain = vec![CertificateDer::from_pem_slice(pem).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(pem).unwrap();
        let tls = Arc::new(ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap());
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (heard, met) = (Arc::new(Mutex::new(String::new())), Arc::new(Mutex::new(0)));
        let thread = std::thread::spawn({
            let (heard, met) = (heard.clone(), met.clone());
            move || {
                for stream in listener.incoming() {
                    let connection = ServerConnection::new(tls.clone()).unwrap();
                    let _ = listen(StreamOwned::new(connection, stream.unwrap()), &heard, &answer);
                    *met.lock().unwrap() += 1;
                }
            }
        });
        Self { port, heard, met, _thread: thread }
    }

    fn url(&self) -> String {
        format!("rtsps://127.0.0.1:{}/s", self.port)
    }

    fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }
}

/// Answers until the other side has enough.
fn listen(
    mut stream: StreamOwned<ServerConnection, TcpStream>,
    heard: &Mutex<String>,
    answer: &str,
) -> std::io::Result<()> {
    stream.sock.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut buffer = [0; 4096];
    let mut sequence = 0;
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        heard.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..length]));
        sequence += 1;
        let (status, more) = answer.split_once("\r\n").unwrap();
        write!(stream, "RTSP/1.0 {status}\r\nCSeq: {sequence}\r\n{more}\r\n\r\n")?;
        stream.flush()?;
    }
}

#[test]
fn a_server_with_another_certificate_hears_no_login_and_not_a_word() {
    let certificate = DemoCertificate::make().unwrap();
    let stranger = Listener::start(&certificate);
    let mut source = OneFeed::camera(&stranger.url());
    source.certificate = Some(Fingerprint::of(b"the camera that was there before"));
    let mut feed = OneFeed::start(source);
    let fault = feed.wait_fault();
    assert_eq!(fault.kind, FaultKind::Certificate, "{fault} {}", fault.detail);
    wait_for("the end of the handshake", Duration::from_secs(10), || (*stranger.met.lock().unwrap() > 0).then_some(()));
    assert_eq!(stranger.heard(), "");

    // The same server hears a login once it is trusted: silence above was no accident.
    feed.command(FeedCommand::ForgetCertificate);
    wait_for("a login", Duration::from_secs(10), || stranger.heard().contains("Authorization: Digest").then_some(()));
    assert!(!stranger.heard().contains(OneFeed::PASSWORD));
}

#[test]
fn encryption_on_one_side_only_is_told_with_the_way_out() {
    let secure = camera(free_port(), &DemoCertificate::make().unwrap());
    let plain = DemoCamera::start(DemoSettings { width: 320, height: 240, ..DemoSettings::default() }).unwrap();
    let (web, old) = (NoCamera::web(), NoCamera::old_tls());
    let at = |port: u16| format!("rtsps://127.0.0.1:{port}/s");
    let cases = [
        (secure.url().replace("rtsps:", "rtsp:"), FaultKind::Tls, "Begin the address with rtsps://"),
        (plain.url().replace("rtsp:", "rtsps:"), FaultKind::NoTls, "Switch RTSPS on"),
        (at(web.port()), FaultKind::NotRtsp, "Check the port"),
        (at(old.port()), FaultKind::NoTls, "TLS 1.2 or newer"),
        (at(free_port()), FaultKind::Refused, "Check the port"),
    ];
    for (url, kind, hint) in cases {
        let fault = OneFeed::start(OneFeed::camera(&url)).wait_fault();
        assert_eq!(fault.kind, kind, "{url}: {fault} {}", fault.detail);
        assert!(fault.hint.contains(hint), "{url}: {fault}");
    }
}

#[test]
fn the_program_keeps_the_certificate_in_its_settings() {
    let (first, second) = (DemoCertificate::make().unwrap(), DemoCertificate::make().unwrap());
    let port = free_port();
    let running = camera(port, &first);
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("heliograph.toml");
    let feed = format!(
        "[[feeds]]\nname = \"Bow\"\naddress = \"{}\"\nuser = \"me\"\npassword_env = \"BOW\" # of mine\n",
        running.url()
    );
    std::fs::write(&settings, format!("version = 1\n\n{feed}")).unwrap();
    let start = |more: &[&str]| {
        let args = [&["--config", settings.to_str().unwrap()], more].concat();
        Program::serve_at(free_port(), &args, &[("BOW", OneFeed::PASSWORD)])
    };

    let program = start(&["--feed", &format!("aft={}", running.url().replace("://", "://me:right@"))]);
    program.wait_state("bow", "live", Duration::from_secs(20));
    program
        .wait_line(&format!("The camera is known by the certificate {}", fingerprint(&first)), Duration::from_secs(5));
    program.wait_line("kept for this run only, because the feed is not in", Duration::from_secs(20));
    drop(program);
    let kept = std::fs::read_to_string(&settings).unwrap();
    assert!(kept.contains(&format!("certificate = \"{}\"", fingerprint(&first))), "{kept}");
    assert!(kept.contains("# of mine") && !kept.contains("aft"), "{kept}");

    drop(running);
    let _running = camera(port, &second);
    let line = start(&[]).wait_line("and not the one it is known by", Duration::from_secs(20));
    assert!(line.contains(&fingerprint(&second).to_string()) && line.contains("state=\"failed\""), "{line}");
    assert_eq!(std::fs::read_to_string(&settings).unwrap(), kept);
}

#[test]
fn a_camera_that_points_to_an_address_in_clear_is_not_followed() {
    let plain = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let location = format!("302 Moved Temporarily\r\nLocation: rtsp://{}/s", plain.local_addr().unwrap());
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = plain.accept().unwrap();
        let mut heard = Vec::new();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let _ = stream.read_to_end(&mut heard);
        heard
    });
    let pointing = Listener::answering(&DemoCertificate::make().unwrap(), location);
    let fault = OneFeed::start(OneFeed::camera(&pointing.url())).wait_fault();
    assert_eq!(fault.kind, FaultKind::NoTls, "{fault} {}", fault.detail);
    assert!(fault.message.ends_with("wants to go on without encryption."), "{fault}");
    assert!(pointing.heard().contains("RTSP/1.0"));
    // rtspsrc begins TLS there, too, which is no word of ours.
    let heard = heard.join().unwrap();
    assert!(!String::from_utf8_lossy(&heard).contains("RTSP/"), "{heard:?}");
}
