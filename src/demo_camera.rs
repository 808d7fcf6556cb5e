//! A camera for trying things out: `heliograph demo-camera`.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::ExitCode,
};

use crate::{
    cli::DemoCameraOptions,
    config::{Credentials, Password},
    media::source::{DemoCamera, DemoCertificate, DemoSettings},
};

/// Runs until the process is ended.
pub(crate) fn run(options: &DemoCameraOptions) -> ExitCode {
    let settings = match settings(options) {
        Ok(settings) => settings,
        Err(error) => {
            tracing::error!("{error}");
            return ExitCode::FAILURE;
        }
    };
    match DemoCamera::start(settings) {
        Ok(camera) => {
            println!("{}", camera.url());
            loop {
                std::thread::park();
            }
        }
        Err(error) => {
            let place = options.listen;
            tracing::error!(detail = %error, "The demo camera cannot listen at {place}. Choose another port with --listen.");
            ExitCode::FAILURE
        }
    }
}

fn settings(options: &DemoCameraOptions) -> Result<DemoSettings, String> {
    let (width, height) = options.size;
    Ok(DemoSettings {
        listen: options.listen,
        login: demo_login(options)?,
        transport: options.transport,
        certificate: options.tls.as_deref().map(certificate).transpose()?,
        width,
        height,
        framerate: options.framerate,
        gop_s: options.gop,
        sound: options.audio,
        flash: options.flash_and_beep,
    })
}

/// The certificate in the file, or a new one, which is put there: only its owner may read the key.
fn certificate(path: &Path) -> Result<DemoCertificate, String> {
    let place = path.display();
    match std::fs::read_to_string(path) {
        Ok(pem) => Ok(DemoCertificate::from_pem(pem)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let made = DemoCertificate::make().map_err(|error| error.to_string())?;
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
            file.and_then(|mut file| file.write_all(made.pem().as_bytes()))
                .map_err(|error| format!("The certificate cannot be kept in {place}: {error}. Name another file."))?;
            Ok(made)
        }
        Err(error) => Err(format!("The certificate in {place} cannot be read: {error}. Name another file.")),
    }
}

/// Whom the demo camera lets in: the user of the command line, with the password of the environment.
fn demo_login(options: &DemoCameraOptions) -> Result<Option<Credentials>, String> {
    let (Some(user), Some(variable)) = (&options.user, &options.password_env) else { return Ok(None) };
    let password = std::env::var(variable)
        .map_err(|_| format!("The environment variable {variable} holds no password. Set it and start again."))?;
    Ok(Some(Credentials { user: user.clone(), password: Password::new(password) }))
}
