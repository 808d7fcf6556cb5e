//! A camera for those who have none: a real RTSP server inside the program.
//!
//! It shows a moving picture with a clock for people and a [frame
//! mark](super::frame_mark) for programs, as H.264 with a key frame a second,
//! so that the whole path of a real camera is walked, RTSP included.

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

use super::{Transport, frame_mark::FrameMark};
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
    /// The only way in which it sends; `None` leaves the choice to the client.
    pub transport: Option<Transport>,
    /// Width of the picture in pixels.
    pub width: i32,
    /// Height of the picture in pixels.
    pub height: i32,
    /// Frames per second.
    pub framerate: i32,
}

impl Default for DemoSettings {
    fn default() -> Self {
        let listen = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        Self { listen, login: None, transport: None, width: 1280, height: 720, framerate: 30 }
    }
}

/// A running demo camera. Dropping it ends it and its clients' connections.
#[derive(Debug)]
pub struct DemoCamera {
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
        let thread = std::thread::Builder::new()
            .name("demo-camera".into())
            .spawn({
                let main_loop = main_loop.clone();
                move || serve(&settings, &context, &main_loop, &started)
            })
            .expect("a thread for the demo camera should start");
        let port = result.recv().expect("the demo camera should report its start")?;
        let address = SocketAddr::from((ip, port));
        Ok(Self { address, main_loop, thread: Some(thread) })
    }

    /// The camera's RTSP address.
    pub fn url(&self) -> String {
        format!("rtsp://{}/demo", self.address)
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
            if let Some(login) = &settings.login {
                ask_for_login(&server, &factory, login);
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

/// Lets in only who knows user and password, by Digest (RFC 2617), as cameras do.
fn ask_for_login(server: &gst_rtsp_server::RTSPServer, factory: &DemoFactory, login: &Credentials) {
    let role = "viewer";
    factory.add_role_from_structure(
        &gst::Structure::builder(role)
            .field(gst_rtsp_server::RTSP_PERM_MEDIA_FACTORY_ACCESS, true)
            .field(gst_rtsp_server::RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, true)
            .build(),
    );
    let token =
        gst_rtsp_server::RTSPToken::builder().field(gst_rtsp_server::RTSP_TOKEN_MEDIA_FACTORY_ROLE, role).build();
    let auth = gst_rtsp_server::RTSPAuth::new();
    auth.set_supported_methods(gst_rtsp::RTSPAuthMethod::Digest);
    auth.add_digest(&login.user, login.password.expose(), &token);
    server.set_auth(Some(&auth));
}

/// The picture, from test source to RTP.
fn build_picture(settings: &DemoSettings) -> Result<gst::Bin, MediaError> {
    let bin = gst::Bin::new();
    let pattern = make("videotestsrc")?;
    pattern.set_property("is-live", true);
    pattern.set_property_from_str("pattern", "smpte75");
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
    encoder.set_property("key-int-max", u32::try_from(settings.framerate).unwrap_or(30));
    encoder.set_property("bitrate", 3000_u32);
    let payloader = make("rtph264pay")?;
    payloader.set_property("name", "pay0");
    payloader.set_property("pt", 96_u32);
    payloader.set_property("config-interval", -1);
    payloader.set_property_from_str("aggregate-mode", "zero-latency");
    add_and_link(&bin, &[&pattern, &size, &clock, &encoder, &payloader])?;
    mark_frames(&encoder.static_pad("sink").expect("encoders should have a sink pad"));
    Ok(bin)
}

/// Paints counter and clock into every frame that passes.
fn mark_frames(pad: &gst::Pad) {
    let frames = AtomicU32::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let Some(video) = pad.current_caps().and_then(|caps| gst_video::VideoInfo::from_caps(&caps).ok()) else {
            return gst::PadProbeReturn::Ok;
        };
        let mark = FrameMark { counter: frames.fetch_add(1, Ordering::Relaxed), clock: unix_milliseconds() };
        if let Some(buffer) = info.buffer_mut()
            && let Ok(mut frame) = gst_video::VideoFrameRef::from_buffer_ref_writable(buffer.make_mut(), &video)
        {
            paint(mark, &mut frame, &video);
        }
        gst::PadProbeReturn::Ok
    });
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
    use std::sync::OnceLock;

    use gst::{glib, prelude::*};
    use gst_rtsp_server::subclass::prelude::*;

    use super::{DemoSettings, build_picture};

    #[derive(Default)]
    pub struct DemoFactory {
        pub(super) settings: OnceLock<DemoSettings>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for DemoFactory {
        const NAME: &'static str = "HlgDemoFactory";
        type Type = super::DemoFactory;
        type ParentType = gst_rtsp_server::RTSPMediaFactory;
    }

    impl ObjectImpl for DemoFactory {}

    impl RTSPMediaFactoryImpl for DemoFactory {
        fn create_element(&self, _url: &gst_rtsp::RTSPUrl) -> Option<gst::Element> {
            let settings = self.settings.get_or_init(DemoSettings::default);
            match build_picture(settings) {
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

impl DemoFactory {
    fn new(settings: DemoSettings) -> Self {
        let factory: Self = glib::Object::new();
        if let Some(transport) = settings.transport {
            factory.set_protocols(transport.lower());
        }
        let _ = factory.imp().settings.set(settings);
        // One picture for all clients, as a camera has.
        factory.set_shared(true);
        factory
    }
}
