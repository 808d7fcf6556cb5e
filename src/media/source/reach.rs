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
    media::{FaultKind, MediaFault},
};

const PATIENCE: Duration = Duration::from_secs(3);

/// What stands between us and the camera, if it can be found out.
pub async fn diagnose(address: &SourceAddress) -> Option<MediaFault> {
    let (host, port) = (address.host().to_owned(), address.port());
    let Ok(Ok(mut found)) = timeout(PATIENCE, lookup_host((host.trim_matches(['[', ']']), port))).await else {
        return Some(MediaFault::new(
            FaultKind::HostNotFound,
            format!("There is no host “{host}”."),
            "Check the spelling of the address, or use the camera's IP address.",
        ));
    };
    let target = found.next()?;
    match timeout(PATIENCE, TcpStream::connect(target)).await {
        Ok(Ok(stream)) => not_rtsp(stream, address).await,
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Some(MediaFault::new(
            FaultKind::Refused,
            format!("Nothing listens at port {port} of {host}."),
            "Check the port, and that the camera's RTSP service is switched on.",
        )),
        Ok(Err(_)) | Err(_) => Some(MediaFault::new(
            FaultKind::Unreachable,
            format!("{host} does not answer at port {port}."),
            "Check the camera's power and network, and that a firewall lets RTSP through.",
        )),
    }
}

/// Asks for the server's options; anything but RTSP in the reply is not a camera.
async fn not_rtsp(mut stream: TcpStream, address: &SourceAddress) -> Option<MediaFault> {
    let request = format!("OPTIONS {} RTSP/1.0\r\nCSeq: 1\r\n\r\n", address.as_str());
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut reply = [0_u8; 5];
    match timeout(PATIENCE, stream.read_exact(&mut reply)).await {
        Ok(Ok(_)) if &reply == b"RTSP/" => None,
        Ok(Ok(_) | Err(_)) => Some(MediaFault::new(
            FaultKind::NotRtsp,
            format!("What answers at {}:{} does not speak RTSP.", address.host(), address.port()),
            "Check the port: cameras usually serve RTSP at 554 or 8554.",
        )),
        Err(_) => Some(MediaFault::new(
            FaultKind::Unreachable,
            format!("{} accepts connections but does not answer RTSP requests.", address.host()),
            "Check the port, or restart the camera.",
        )),
    }
}
