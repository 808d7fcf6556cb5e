//! A camera for trying things out: `heliograph demo-camera`.

use std::process::ExitCode;

use crate::{
    cli::DemoCameraOptions,
    config::{Credentials, Password},
    media::source::{DemoCamera, DemoSettings},
};

/// Runs until the process is ended.
pub(crate) fn run(options: &DemoCameraOptions) -> ExitCode {
    let login = match demo_login(options) {
        Ok(login) => login,
        Err(error) => {
            tracing::error!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let (width, height) = options.size;
    let (listen, framerate, transport) = (options.listen, options.framerate, options.transport);
    match DemoCamera::start(DemoSettings { listen, login, transport, width, height, framerate }) {
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

/// Whom the demo camera lets in: the user of the command line, with the password of the environment.
fn demo_login(options: &DemoCameraOptions) -> Result<Option<Credentials>, String> {
    let (Some(user), Some(variable)) = (&options.user, &options.password_env) else { return Ok(None) };
    let password = std::env::var(variable)
        .map_err(|_| format!("The environment variable {variable} holds no password. Set it and start again."))?;
    Ok(Some(Credentials { user: user.clone(), password: Password::new(password) }))
}
