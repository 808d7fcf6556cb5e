//! A camera for those who have none: a real RTSP server inside the program.
//!
//! It shows a moving picture with a clock for people and a [frame
//! mark](super::frame_mark) for programs, as H.264 with a key frame a second,
//! so that the whole path of a real camera is walked, RTSP included. Where it has
//! [sound](super::demo_sound), that is a beep a second.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::{SystemTime, UNIX_EPOCH},
};

use gst::{glib, prelude::*};
use gst_rtsp_server::{prelude::*, subclass::prelude::*};

use super::{
    Transport,
    demo_sound::{DemoSound, is_flash},
    frame_mark::FrameMark,
};
use crate::{
    config::Credentials,
    media::{
        MediaError,
        element::{add_and_link, caps_filter, make},
    },
};

/// What the demo camera shows, where, and to whom.
#[derive(Clone, Debug)]
pub struct DemoSettings {
    /// Where it listens; port 0 takes any free one.
    pub listen: SocketAddrV4,
    /// Who may watch; `None` is everybody.
    pub login: Option<Credentials>,
    /// The only way in which it sends; `None` leaves the choice to the client, of UDP and TCP.
    pub transport: Option<Transport>,
    /// The certificate of an `rtsps` camera; `None` speaks plain RTSP.
    pub certificate: Option<DemoCertificate>,
    /// Width of the picture in pixels.
    pub width: i32,
    /// Height of the picture in pixels.
    pub height: i32,
    /// Frames per second.
    pub framerate: i32,
    /// Seconds from one key frame to the next; it sends none because somebody asks.
    pub gop_s: u32,
    /// How it sends its sound.
    pub sound: DemoSound,
    /// Whether a dark picture flashes white at every beep, for measuring lip sync.
    pub flash: bool,
}

impl Default for DemoSettings {
    fn default() -> Self {
        let listen = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        Self {
            listen,
            login: None,
            transport: None,
            certificate: None,
            width: 1280,
            height: 720,
            framerate: 30,
            gop_s: 1,
            sound: DemoSound::default(),
            flash: false,
        }
    }
}

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub struct DemoCertificate(String);

impl DemoCertificate {
    /// A new one, for this machine.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn make() -> Result<Self, MediaError> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])
            .map_err(|error| glib::bool_error!("no certificate can be made: {error}"))?;
        Ok(Self(made.cert.pem() + &made.signing_key.serialize_pem()))
    }

    /// One that somebody made: a certificate and its key, one after the other.
    pub fn from_pem(pem: impl Into<String>) -> Self {
        Self(pem.into())
    }

    /// Certificate and key, to be kept for the next start.
    pub fn pem(&self) -> &str {
        &self.0
    }
}

/// The key in it is not shown.
impl std::fmt::Debug for DemoCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DemoCertificate(…)")
    }
}

/// A running demo camera. Dropping it ends it and its clients' connections.
#[derive(Debug)]
pub struct DemoCamera {
    scheme: &'static str,
    address: SocketAddr,
    main_loop: glib::MainLoop,
    thread: Option<JoinHandle<()>>,
}

impl DemoCamera {
    /// Starts the server.
    ///
    /// # Errors
    /// The address is taken or not of this machine.
    pub fn start(settings: DemoSettings) -> Result<Self, MediaError> {
        let context = glib::MainContext::new();
        let main_loop = glib::MainLoop::new(Some(&context), false);
        let (started, result) = mpsc::channel();
        let ip = *settings.listen.ip();
        let scheme = if settings.certificate.is_some() { "rtsps" } else { "rtsp" };
        let thread = std::thread::Builder::new()
            .name("demo-camera".into())
            .spawn({
                let main_loop = main_loop.clone();
                move || serve(&settings, &context, &main_loop, &started)
            })
            .expect("a thread for the demo camera should start");
        let port = result.recv().expect("the demo camera should report its start")?;
        let address = SocketAddr::from((ip, port));
        Ok(Self { scheme, address, main_loop, thread: Some(thread) })
    }

    /// The camera's RTSP address.
    pub fn url(&self) -> String {
        format!("{}://{}/demo", self.scheme, self.address)
    }
}

impl Drop for DemoCamera {
    fn drop(&mut self) {
        self.main_loop.quit();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Runs the server on its own thread and main context until the loop is quit.
fn serve(
    settings: &DemoSettings,
    context: &glib::MainContext,
    main_loop: &glib::MainLoop,
    started: &mpsc::Sender<Result<u16, MediaError>>,
) {
    context
        .with_thread_default(|| {
            let server = gst_rtsp_server::RTSPServer::new();
            server.set_address(&settings.listen.ip().to_string());
            server.set_service(&settings.listen.port().to_string());
            let factory = DemoFactory::new(settings.clone());
            if let Err(error) = guard(&server, &factory, settings) {
                let _ = started.send(Err(error));
                return;
            }
            let mounts = server.mount_points().expect("a new RTSP server should have mount points");
            mounts.add_factory("/demo", factory);
            match server.attach(Some(context)) {
                Ok(source) => {
                    let port = u16::try_from(server.bound_port()).unwrap_or_default();
                    let _ = started.send(Ok(port));
                    main_loop.run();
                    if let Some(source) = context.find_source_by_id(&source) {
                        source.destroy();
                    }
                    server.client_filter(Some(&mut |_, _| gst_rtsp_server::RTSPFilterResult::Remove));
                }
                Err(error) => {
                    let _ = started.send(Err(error.into()));
                }
            }
        })
        .expect("the demo camera's context should belong to its thread");
}

/// Asks for TLS and for a login, where the settings say so.
fn guard(
    server: &gst_rtsp_server::RTSPServer,
    factory: &DemoFactory,
    settings: &DemoSettings,
) -> Result<(), MediaError> {
    if settings.certificate.is_none() && settings.login.is_none() {
        return Ok(());
    }
    let auth = gst_rtsp_server::RTSPAuth::new();
    if let Some(certificate) = &settings.certificate {
        let certificate = gio::TlsCertificate::from_pem(&certificate.0)
            .map_err(|error| glib::bool_error!("the demo camera's certificate cannot be used: {error}"))?;
        auth.set_tls_certificate(Some(&certificate));
    }
    match &settings.login {
        Some(login) => ask_for_login(&auth, factory, login),
        None => let_everybody_in(&auth, factory),
    }
    server.set_auth(Some(&auth));
    Ok(())
}

/// Where there is a guard, even everybody has to be somebody.
fn let_everybody_in(auth: &gst_rtsp_server::RTSPAuth, factory: &DemoFactory) {
    auth.set_default_token(Some(&mut admit(factory)));
}

/// Lets in only who knows user and password, by Digest (RFC 2617), as cameras do.
fn ask_for_login(auth: &gst_rtsp_server::RTSPAuth, factory: &DemoFactory, login: &Credentials) {
    auth.set_supported_methods(gst_rtsp::RTSPAuthMethod::Digest);
    auth.add_digest(&login.user, login.password.expose(), &admit(factory));
}

/// A token that opens the factory.
fn admit(factory: &DemoFactory) -> gst_rtsp_server::RTSPToken {
    let role = "viewer";
    factory.add_role_from_structure(
        &gst::Structure::builder(role)
            .field(gst_rtsp_server::RTSP_PERM_MEDIA_FACTORY_ACCESS, true)
            .field(gst_rtsp_server::RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, true)
            .build(),
    );
    gst_rtsp_server::RTSPToken::builder().field(gst_rtsp_server::RTSP_TOKEN_MEDIA_FACTORY_ROLE, role).build()
}

/// Picture and sound, from test sources to RTP.
fn build(settings: &DemoSettings) -> Result<gst::Bin, MediaError> {
    let bin = gst::Bin::new();
    build_picture(&bin, settings)?;
    let sound = settings.sound.build()?;
    if let Some(payloader) = sound.last() {
        payloader.set_property("name", "pay1");
        add_and_link(&bin, &sound.iter().collect::<Vec<_>>())?;
    }
    Ok(bin)
}

fn build_picture(bin: &gst::Bin, settings: &DemoSettings) -> Result<(), MediaError> {
    let pattern = make("videotestsrc")?;
    pattern.set_property("is-live", true);
    pattern.set_property_from_str("pattern", if settings.flash { "black" } else { "smpte75" });
    pattern.set_property("horizontal-speed", 3_i32);
    let size = caps_filter(
        &gst::Caps::builder("video/x-raw")
            .field("format", "I420")
            .field("width", settings.width)
            .field("height", settings.height)
            .field("framerate", gst::Fraction::new(settings.framerate, 1))
            .build(),
    )?;
    let clock = make("clockoverlay")?;
    clock.set_property("time-format", "%H:%M:%S");
    clock.set_property_from_str("valignment", "top");
    clock.set_property_from_str("halignment", "center");
    // Below the mark, whatever the size.
    clock.set_property("ypad", settings.width / 10);
    clock.set_property("font-desc", "Sans Bold 40");
    let encoder = make("x264enc")?;
    encoder.set_property_from_str("tune", "zerolatency");
    encoder.set_property_from_str("speed-preset", "ultrafast");
    encoder.set_property("key-int-max", settings.gop_s * u32::try_from(settings.framerate).unwrap_or(30));
    encoder.set_property("bitrate", 3000_u32);
    let payloader = make("rtph264pay")?;
    payloader.set_property("name", "pay0");
    payloader.set_property("pt", 96_u32);
    payloader.set_property("config-interval", -1);
    payloader.set_property_from_str("aggregate-mode", "zero-latency");
    add_and_link(bin, &[&pattern, &size, &clock, &encoder, &payloader])?;
    let flash = settings.flash.then_some(settings.framerate);
    mark_frames(&encoder.static_pad("sink").expect("encoders should have a sink pad"), flash);
    Ok(())
}

/// Paints counter and clock into every frame that passes, on white where it is to flash at
/// this frame rate.
fn mark_frames(pad: &gst::Pad, flash: Option<i32>) {
    let frames = AtomicU32::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let Some(video) = pad.current_caps().and_then(|caps| gst_video::VideoInfo::from_caps(&caps).ok()) else {
            return gst::PadProbeReturn::Ok;
        };
        let mark = FrameMark { counter: frames.fetch_add(1, Ordering::Relaxed), clock: unix_milliseconds() };
        let is_flash = |buffer: &gst::Buffer| Some(is_flash(buffer.pts()?, flash?));
        if let Some(buffer) = info.buffer_mut()
            && let whiten = is_flash(buffer).unwrap_or(false)
            && let Ok(mut frame) = gst_video::VideoFrameRef::from_buffer_ref_writable(buffer.make_mut(), &video)
        {
            if whiten {
                fill_white(&mut frame);
            }
            paint(mark, &mut frame, &video);
        }
        gst::PadProbeReturn::Ok
    });
}

/// Paints a frame white.
pub(super) fn fill_white(frame: &mut gst_video::VideoFrameRef<&mut gst::BufferRef>) {
    for (plane, value) in [(0, 235), (1, 128), (2, 128)] {
        if let Ok(data) = frame.plane_data_mut(plane) {
            data.fill(value);
        }
    }
}

/// Paints the mark in black and white: no colour of the picture shows through.
fn paint(mark: FrameMark, frame: &mut gst_video::VideoFrameRef<&mut gst::BufferRef>, video: &gst_video::VideoInfo) {
    let (width, stride) = (video.width() as usize, |plane: usize| video.stride()[plane].unsigned_abs() as usize);
    if let Ok(luma) = frame.plane_data_mut(0) {
        mark.paint(luma, width, stride(0));
    }
    for plane in [1, 2] {
        if let Ok(chroma) = frame.plane_data_mut(plane) {
            // 4:2:0: half the width, half the lines.
            FrameMark::paint_grey(chroma, width / 2, stride(plane as usize));
        }
    }
}

fn unix_milliseconds() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u32
}

mod imp {
    use std::sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    };

    use gst::{
        glib::{self, translate::IntoGlib},
        prelude::*,
    };
    use gst_rtsp_server::{prelude::*, subclass::prelude::*};

    use super::{DemoSettings, build};

    #[derive(Default)]
    pub struct DemoFactory {
        pub(super) settings: OnceLock<DemoSettings>,
        /// How many pictures have ended.
        ended: Arc<AtomicU32>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for DemoFactory {
        const NAME: &'static str = "HlgDemoFactory";
        type Type = super::DemoFactory;
        type ParentType = gst_rtsp_server::RTSPMediaFactory;
    }

    impl ObjectImpl for DemoFactory {}

    impl RTSPMediaFactoryImpl for DemoFactory {
        /// Clients share the picture of one key. One that is just being taken down, because its last client has
        /// left, is no longer theirs: the server would answer the next client with 503.
        fn gen_key(&self, url: &gst_rtsp::RTSPUrl) -> Option<glib::GString> {
            let key = self.parent_gen_key(url)?;
            Some(format!("{key} {}", self.ended.load(Ordering::Relaxed)).into())
        }

        fn media_configure(&self, media: &gst_rtsp_server::RTSPMedia) {
            self.parent_media_configure(media);
            let ended = self.ended.clone();
            media.connect_target_state(move |_, state| {
                if state == gst::State::Null.into_glib() {
                    ended.fetch_add(1, Ordering::Relaxed);
                }
            });
        }

        fn create_element(&self, _url: &gst_rtsp::RTSPUrl) -> Option<gst::Element> {
            let settings = self.settings.get_or_init(DemoSettings::default);
            match build(settings) {
                Ok(bin) => Some(bin.upcast()),
                Err(error) => {
                    tracing::error!("The demo camera cannot show a picture: {error}");
                    None
                }
            }
        }
    }
}

glib::wrapper! {
    /// Makes the demo camera's picture when the first client asks for it.
    pub struct DemoFactory(ObjectSubclass<imp::DemoFactory>) @extends gst_rtsp_server::RTSPMediaFactory;
}

/// Groups of this site alone (RFC 2365), and packets that no router passes on.
fn groups() -> gst_rtsp_server::RTSPAddressPool {
    let pool = gst_rtsp_server::RTSPAddressPool::new();
    if let Err(error) = pool.add_range("239.255.42.1", "239.255.42.16", 5004, 5035, 1) {
        tracing::error!("The demo camera has no multicast: {error}");
    }
    pool
}

impl DemoFactory {
    fn new(settings: DemoSettings) -> Self {
        let factory: Self = glib::Object::new();
        if let Some(transport) = settings.transport {
            factory.set_protocols(transport.lower());
        }
        if settings.transport == Some(Transport::Multicast) {
            factory.set_address_pool(Some(&groups()));
        }
        let _ = factory.imp().settings.set(settings);
        // One picture for all clients, as a camera has.
        factory.set_shared(true);
        factory
    }
}
