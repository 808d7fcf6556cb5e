//! What works here is found by trying, and nothing that goes wrong in a trial goes
//! wrong in the program.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use gst::{glib, prelude::*, subclass::prelude::*};
use heliograph::media::{
    self, Decoder, Device, InputCodec, MediaError,
    availability::{
        Availability, Cache, Candidate, FailureKind, Trials, Verdict, Work, encoding_trial, every_candidate,
    },
};

mod imp {
    use super::*;

    /// An encoder whose driver is not there: it does not get to PAUSED.
    #[derive(Default)]
    pub struct BrokenEncoder;

    #[glib::object_subclass]
    impl ObjectSubclass for BrokenEncoder {
        const NAME: &'static str = "HlgBrokenEncoder";
        type Type = super::BrokenEncoder;
        type ParentType = gst::Element;
    }

    impl ObjectImpl for BrokenEncoder {
        fn constructed(&self) {
            self.parent_constructed();
            for name in ["sink", "src"] {
                let template = self.obj().pad_template(name).unwrap();
                self.obj().add_pad(&gst::Pad::from_template(&template)).unwrap();
            }
        }
    }

    impl GstObjectImpl for BrokenEncoder {}

    impl ElementImpl for BrokenEncoder {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: std::sync::OnceLock<gst::subclass::ElementMetadata> = std::sync::OnceLock::new();
            Some(METADATA.get_or_init(|| {
                gst::subclass::ElementMetadata::new("Broken encoder", "Codec/Encoder/Video", "Fails", "Heliograph")
            }))
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: std::sync::OnceLock<Vec<gst::PadTemplate>> = std::sync::OnceLock::new();
            TEMPLATES.get_or_init(|| {
                let caps = gst::Caps::new_any();
                [("sink", gst::PadDirection::Sink), ("src", gst::PadDirection::Src)]
                    .map(|(name, way)| gst::PadTemplate::new(name, way, gst::PadPresence::Always, &caps).unwrap())
                    .to_vec()
            })
        }

        fn change_state(&self, change: gst::StateChange) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
            if change == gst::StateChange::ReadyToPaused {
                gst::element_imp_error!(
                    self,
                    gst::ResourceError::OpenWrite,
                    ("The card has no free session."),
                    ["trial"]
                );
                return Err(gst::StateChangeError);
            }
            self.parent_change_state(change)
        }
    }
}

glib::wrapper! {
    pub struct BrokenEncoder(ObjectSubclass<imp::BrokenEncoder>) @extends gst::Element, gst::Object;
}

/// A candidate that a test makes up.
struct Made {
    element: &'static str,
    key: String,
    device: Device,
    trials: AtomicU32,
}

impl Made {
    fn new(element: &'static str, device: Device) -> Arc<Self> {
        Arc::new(Self { element, key: element.into(), device, trials: AtomicU32::new(0) })
    }

    /// A decoder that is there, said to be hardware.
    fn as_hardware(key: &str) -> Arc<Self> {
        let device = Device::Va { node: "/dev/dri/renderD128".into() };
        Arc::new(Self { element: "jpegdec", key: key.into(), device, trials: AtomicU32::new(0) })
    }

    fn trials(&self) -> u32 {
        self.trials.load(Ordering::Relaxed)
    }
}

impl Candidate for Made {
    fn element(&self) -> &str {
        self.element
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn work(&self) -> Work {
        Work::Encoding
    }

    fn trial(&self) -> Result<gst::Pipeline, MediaError> {
        self.trials.fetch_add(1, Ordering::Relaxed);
        let element = gst::ElementFactory::make(self.element)
            .build()
            .map_err(|_| MediaError::MissingElement { factory: self.element.into() })?;
        encoding_trial(&[element])
    }

    fn key(&self) -> String {
        self.key.clone()
    }
}

/// Finds the verdict on one candidate, and how long that took.
fn verdict_on(candidate: &Arc<Made>, cache: Cache, trials: &Trials) -> (Verdict, Duration) {
    media::init().unwrap();
    let found = Availability::default();
    assert_eq!(found.verdict(candidate.as_ref()), None, "not tried yet");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let start = Instant::now();
    runtime.block_on(found.find(vec![candidate.clone()], cache, trials));
    (found.verdict(candidate.as_ref()).unwrap(), start.elapsed())
}

fn failure(verdict: Verdict) -> FailureKind {
    match verdict {
        Verdict::Failed(failure) => failure.kind,
        other => panic!("expected a failure, not {other:?}"),
    }
}

/// A program that answers a trial with these shell commands.
fn program(folder: &Path, commands: &str) -> Trials {
    let path = folder.join("driver");
    fs::write(&path, format!("#!/bin/sh\n{commands}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    Trials { program: Some(path), ..Trials::default() }
}

fn heliograph() -> Trials {
    Trials { program: Some(PathBuf::from(env!("CARGO_BIN_EXE_heliograph"))), ..Trials::default() }
}

#[test]
fn hardware_is_tried_in_a_process_of_its_own() {
    let candidate = Made::as_hardware("jpegdec:mjpeg");
    assert_eq!(verdict_on(&candidate, Cache::default(), &heliograph()).0, Verdict::Works);
    assert_eq!(candidate.trials(), 0, "it was tried in this process");
    let missing = Made::as_hardware("vajpegdec:nothing");
    assert_eq!(verdict_on(&missing, Cache::default(), &heliograph()).0, Verdict::NotInstalled);
}

#[test]
fn a_drivers_crash_is_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let trials = program(folder.path(), "echo libva info; kill -ABRT $$");
    let path = folder.path().join("elements.json");
    let (verdict, _) = verdict_on(&Made::as_hardware("any"), Cache::load(path.clone()), &trials);
    let Verdict::Failed(told) = &verdict else { panic!("{verdict:?}") };
    assert_eq!(told.to_string(), "The driver crashed while encoding three frames.");

    let works = program(folder.path(), "echo 'heliograph-verdict \"works\"'");
    let (again, _) = verdict_on(&Made::as_hardware("any"), Cache::load(path), &works);
    assert_eq!(again, verdict, "a driver that crashed is not tried again");
}

#[test]
fn a_hanging_driver_is_ended_at_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let limit = Duration::from_millis(500);
    let trials =
        Trials { limit, ..program(folder.path(), &format!("echo $$ > {}; exec sleep 60", pid_file.display())) };
    let (verdict, took) = verdict_on(&Made::as_hardware("any"), Cache::default(), &trials);
    assert_eq!(failure(verdict), FailureKind::Hung(limit));
    assert!(took < Duration::from_secs(20), "{took:?}");
    let pid = fs::read_to_string(pid_file).unwrap();
    let state = || fs::read_to_string(format!("/proc/{}/stat", pid.trim())).ok();
    crate::support::wait_for("the end of the driver's process", Duration::from_secs(5), || {
        state().is_none_or(|state| state.contains(") Z ")).then_some(())
    });
}

#[test]
fn a_program_that_cannot_be_run_is_told_and_not_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("elements.json");
    let trials = Trials { program: Some(folder.path().join("nothing")), ..Trials::default() };
    let candidate = Made::as_hardware("jpegdec:mjpeg");
    let (verdict, _) = verdict_on(&candidate, Cache::load(path.clone()), &trials);
    assert!(matches!(failure(verdict), FailureKind::NotTried(_)));
    assert_eq!(verdict_on(&candidate, Cache::load(path), &heliograph()).0, Verdict::Works);
}

#[test]
fn an_element_that_fails_says_why() {
    media::init().unwrap();
    gst::Element::register(None, "hlgbrokenenc", gst::Rank::NONE, BrokenEncoder::static_type()).unwrap();
    let broken = Made::new("hlgbrokenenc", Device::Software);
    let (verdict, _) = verdict_on(&broken, Cache::default(), &Trials::default());
    assert_eq!(failure(verdict), FailureKind::Refused("The card has no free session.".into()));
    let missing = Made::new("hlgnosuchenc", Device::Software);
    assert_eq!(verdict_on(&missing, Cache::default(), &Trials::default()).0, Verdict::NotInstalled);
}

#[test]
fn a_verdict_is_kept_until_what_it_depends_on_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("elements.json");
    let candidate = Made::new("jpegenc", Device::Software);
    let find = || {
        let (verdict, _) = verdict_on(&candidate, Cache::load(path.clone()), &Trials::default());
        assert_eq!(verdict, Verdict::Works);
        candidate.trials()
    };
    assert_eq!([find(), find()], [1, 1], "the second start tries nothing");
    let kept = fs::read_to_string(&path).unwrap();
    let version = gst::version_string().to_string();
    assert!(kept.contains(&version), "{kept}");
    fs::write(&path, kept.replace(&version, "GStreamer 1.0")).unwrap();
    assert_eq!([find(), find()], [2, 2], "another GStreamer is tried anew, once");
    fs::write(&path, &kept[..kept.len() / 2]).unwrap();
    assert_eq!([find(), find()], [3, 3], "a damaged cache is written anew");
}

#[test]
fn every_software_element_here_works_and_is_soon_found() {
    media::init().unwrap();
    let mut candidates = every_candidate();
    candidates.retain(|candidate| !candidate.device().is_hardware());
    let found = Availability::default();
    let changes = found.changes();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let start = Instant::now();
    runtime.block_on(found.find(candidates.clone(), Cache::default(), &Trials::default()));
    println!("{} software elements tried in {:.2?}", candidates.len(), start.elapsed());
    for candidate in &candidates {
        assert_eq!(found.verdict(candidate.as_ref()), Some(Verdict::Works), "{}", candidate.key());
    }
    assert_eq!(*changes.borrow() as usize, candidates.len());

    let decoders = Decoder::installed(InputCodec::H264);
    let automatic = found.choose(&decoders).unwrap();
    println!("{}", automatic.words);
    assert!(found.verdict(automatic.picked).unwrap().works());
}
