//! The one demo camera all demo feeds share.

use std::sync::Mutex;

use crate::{
    config::SourceAddress,
    media::{
        MediaError,
        source::{DemoCamera, DemoSettings},
    },
};

/// Started when the first feed asks for it, kept until the engine ends.
#[derive(Debug, Default)]
pub(super) struct SharedDemo(Mutex<Option<DemoCamera>>);

impl SharedDemo {
    /// The demo camera's address.
    pub(super) fn address(&self) -> Result<SourceAddress, MediaError> {
        let mut camera = self.0.lock().expect("no holder of this lock should panic");
        if camera.is_none() {
            *camera = Some(DemoCamera::start(DemoSettings::default())?);
        }
        let url = camera.as_ref().expect("the demo camera should be running").url();
        let (address, _) = SourceAddress::parse(&url).expect("the demo camera's address should be valid");
        Ok(address)
    }
}
