//! TLS in front of a server that speaks none, which can hold back what that says.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, WriteHalf, copy, split},
    net::{TcpListener, TcpStream},
    runtime::Handle,
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// What becomes of the server's words.
#[derive(Clone, Copy, Debug)]
pub enum Answers {
    Late(Duration),
    Never,
    Twice,
}

/// The front, for the host `localhost`. It ends with this value.
pub struct TlsFront {
    pub port: u16,
    answers: Arc<Mutex<Answers>>,
    ca: PathBuf,
    task: JoinHandle<()>,
}

impl TlsFront {
    /// In front of this server; its certificate goes to this folder.
    pub fn start(runtime: &Handle, behind: SocketAddr, folder: &Path, answers: Answers) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let ca = folder.join("front.pem");
        std::fs::write(&ca, made.cert.pem()).unwrap();
        let chain = vec![CertificateDer::from(made.cert)];
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers = Arc::new(Mutex::new(answers));
        let how = answers.clone();
        let task = runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, how) = (acceptor.clone(), how.clone());
                tokio::spawn(async move {
                    // Who does not trust it hangs up.
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let (mut from, to) = split(stream);
                    let (said, mut server) = TcpStream::connect(behind).await.unwrap().into_split();
                    let heard = async { copy(&mut from, &mut server).await.map(drop) };
                    let _ = tokio::join!(heard, hand_on(said, to, &how));
                });
            }
        });
        Self { port, answers, ca, task }
    }

    /// From now on.
    pub fn set(&self, answers: Answers) {
        *self.answers.lock().unwrap() = answers;
    }

    /// The certificate that vouches for it.
    pub fn ca(&self) -> &str {
        self.ca.to_str().unwrap()
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn hand_on(
    mut said: tokio::net::tcp::OwnedReadHalf,
    mut to: WriteHalf<TlsStream<TcpStream>>,
    how: &Mutex<Answers>,
) -> std::io::Result<()> {
    let mut bytes = vec![0; 65_536];
    loop {
        let length = said.read(&mut bytes).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        let how = *how.lock().unwrap();
        match how {
            Answers::Late(by) => tokio::time::sleep(by).await,
            Answers::Never => std::future::pending().await,
            Answers::Twice => to.write_all(&bytes[..length]).await?,
        }
        to.write_all(&bytes[..length]).await?;
        to.flush().await?;
    }
}
