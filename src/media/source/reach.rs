//! Why a camera cannot be reached: asked only after an attempt failed without
//! saying, so that a camera that works never sees a second connection.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, lookup_host},
    time::timeout,
};

use crate::{
    config::SourceAddress,
    i18n::{gettext, gettext_f},
    media::{FaultKind, MediaFault},
};

/// How long each step may take. Short: the attempt before has waited already,
/// and the feed's next one waits for the answer.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What every RTSP server answers, whatever streams it has (RFC 2326, section 10.1).
/// It names no address: nobody knows who listens there.
const QUESTION: &[u8] = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n";

/// What stands between us and the camera, if it can be found out.
pub async fn diagnose(address: &SourceAddress) -> Option<MediaFault> {
    let (host, port) = (address.host(), address.port());
    let place = Place { host, port: &port.to_string() };
    let Ok(Ok(mut found)) = timeout(PATIENCE, lookup_host((host.trim_matches(['[', ']']), port))).await else {
        return Some(place.host_not_found());
    };
    let stream = match timeout(PATIENCE, TcpStream::connect(found.next()?)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => return Some(place.refused()),
        Ok(Err(_)) | Err(_) => return Some(place.unreachable()),
    };
    // Behind TLS there is no asking without certificates, which are not this file's business.
    if address.as_str().starts_with("rtsps:") { None } else { listen_for_rtsp(stream, &place).await }
}

/// Anything but RTSP in the reply is not a camera.
async fn listen_for_rtsp(mut stream: TcpStream, place: &Place<'_>) -> Option<MediaFault> {
    let mut reply = [0_u8; 5];
    let asked = async {
        stream.write_all(QUESTION).await?;
        stream.read_exact(&mut reply).await
    };
    match timeout(PATIENCE, asked).await {
        Ok(Ok(_)) if &reply == b"RTSP/" => None,
        Ok(Ok(_) | Err(_)) => Some(place.other_protocol()),
        Err(_) => Some(place.mute()),
    }
}

/// Where the camera should be, and what may be wrong there.
struct Place<'a> {
    host: &'a str,
    port: &'a str,
}

impl Place<'_> {
    fn names(&self) -> [(&str, &str); 2] {
        [("host", self.host), ("port", self.port)]
    }

    fn host_not_found(&self) -> MediaFault {
        MediaFault::new(
            FaultKind::HostNotFound,
            gettext_f("The host name “{host}” cannot be found.", &self.names()),
            gettext("Check its spelling and this computer's network, or use the camera's IP address."),
        )
    }

    fn refused(&self) -> MediaFault {
        MediaFault::new(
            FaultKind::Refused,
            gettext_f("Nothing listens at port {port} of {host}.", &self.names()),
            gettext("Check the port, and that the camera's RTSP service is switched on."),
        )
    }

    fn unreachable(&self) -> MediaFault {
        MediaFault::new(
            FaultKind::Unreachable,
            gettext_f("{host} does not answer at port {port}.", &self.names()),
            gettext("Check the camera's power and network, and that a firewall lets RTSP through."),
        )
    }

    fn other_protocol(&self) -> MediaFault {
        MediaFault::new(
            FaultKind::NotRtsp,
            gettext_f("What answers at port {port} of {host} does not speak RTSP.", &self.names()),
            gettext("Check the port: cameras usually serve RTSP at 554 or 8554."),
        )
    }

    fn mute(&self) -> MediaFault {
        MediaFault::new(
            FaultKind::Unreachable,
            gettext_f("What listens at port {port} of {host} takes connections and says nothing.", &self.names()),
            gettext("Check the port, or restart the camera."),
        )
    }
}
