//! How messages stand one behind the other in a Unix socket.
//!
//! ```text
//! length   u32, big endian   bytes that follow
//! kind     u8                0: text in UTF-8; 1: bytes
//! session  u8 and so many    whose it is, or whom it is for; none: all viewers
//! message  the rest
//! ```

use super::Payload;

/// A message to a program or from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Whose it is, or whom it is for; `None` is everybody.
    pub session: Option<String>,
    /// What it says.
    pub payload: Payload,
}

/// Why bytes are no message. What follows them cannot be read, either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than the channel takes.
    #[error("the message is too long")]
    TooLong,
    /// The parts do not fill it.
    #[error("the message ends too early")]
    Short,
    /// The kind is not known.
    #[error("the kind is neither 0 nor 1")]
    Kind,
    /// The session or the text is no UTF-8.
    #[error("the text is no UTF-8")]
    Text,
}

const TEXT: u8 = 0;
const BINARY: u8 = 1;

impl Frame {
    /// Bytes of the length in front of each.
    pub const HEAD: usize = 4;
    /// Bytes before the message, at most.
    const LONGEST_START: usize = 2 + u8::MAX as usize;

    /// How many bytes follow this head.
    ///
    /// # Errors
    /// More than a message of so many bytes takes.
    pub fn length(head: [u8; Self::HEAD], max_bytes: u32) -> Result<usize, FrameError> {
        let most = u64::from(max_bytes) + Self::LONGEST_START as u64;
        let length = u32::from_be_bytes(head);
        if u64::from(length) > most { Err(FrameError::TooLong) } else { Ok(length as usize) }
    }

    /// Reads what follows the head.
    ///
    /// # Errors
    /// It is no message.
    pub fn read(body: &[u8]) -> Result<Self, FrameError> {
        let (&[kind, length], rest) = body.split_first_chunk().ok_or(FrameError::Short)?;
        let (session, message) = rest.split_at_checked(length.into()).ok_or(FrameError::Short)?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| FrameError::Text);
        let session = Some(text(session)?).filter(|session| !session.is_empty());
        let payload = match kind {
            TEXT => Payload::Text(text(message)?),
            BINARY => Payload::Binary(message.to_vec()),
            _ => return Err(FrameError::Kind),
        };
        Ok(Self { session, payload })
    }

    /// Head and all.
    pub fn write(&self) -> Vec<u8> {
        let session = self.session.as_deref().unwrap_or_default().as_bytes();
        let session = &session[..session.len().min(u8::MAX.into())];
        let kind = match &self.payload {
            Payload::Text(_) => TEXT,
            Payload::Binary(_) => BINARY,
        };
        let length = 2 + session.len() + self.payload.len();
        let mut bytes = Vec::with_capacity(Self::HEAD + length);
        bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend([kind, session.len() as u8]);
        bytes.extend(session);
        bytes.extend(self.payload.bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_what_it_writes() {
        for payload in [Payload::Text("left".into()), Payload::Binary(vec![0, 255]), Payload::Text(String::new())] {
            for session in [None, Some("abc".to_owned())] {
                let frame = Frame { session, payload: payload.clone() };
                let bytes = frame.write();
                let (head, body) = bytes.split_first_chunk().unwrap();
                assert_eq!(Frame::length(*head, 4), Ok(body.len()));
                assert_eq!(Frame::read(body), Ok(frame));
            }
        }
        let frame = Frame { session: None, payload: Payload::Text("go".into()) };
        assert_eq!(frame.write(), b"\x00\x00\x00\x04\x00\x00go");
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        assert_eq!(Frame::length(1000_u32.to_be_bytes(), 64), Err(FrameError::TooLong));
        assert_eq!(Frame::length([255; 4], u32::MAX), Ok(u32::MAX as usize));
        for (body, error) in [
            (&b""[..], FrameError::Short),
            (b"\x00", FrameError::Short),
            (b"\x00\x05abc", FrameError::Short),
            (b"\x02\x00x", FrameError::Kind),
            (b"\x00\x00\xff", FrameError::Text),
            (b"\x00\x01\xffx", FrameError::Text),
        ] {
            assert_eq!(Frame::read(body), Err(error), "for {body:?}");
        }
    }
}

#[cfg(test)]
mod fuzz {
    use super::*;

    #[test]
    fn what_a_program_writes_is_a_message_or_is_refused() {
        crate::fuzz::bytes(&["\0\0left", "\u{1}\u{3}abc\0\u{1}\u{2}", "\0\u{2}abhello"], |body| {
            let Ok(frame) = Frame::read(body) else { return false };
            let written = frame.write();
            assert_eq!(&written[Frame::HEAD..], body);
            true
        });
    }
}
