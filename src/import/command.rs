//! The command: `heliograph import pipeline TEXT`.

use std::{
    io::{self, Read},
    path::PathBuf,
    process::ExitCode,
};

use super::{Import, Leftover, MAX_BYTES, import};
use crate::{
    cli::ImportPipelineOptions,
    config::{Config, ConfigFile, ElementChoice, ElementRole, FeedConfig, file},
    connector::FORMS,
    i18n::{gettext, gettext_f},
    media::element_settings,
};

/// Reads a pipeline and adds its feed to the settings file, or prints it.
pub(crate) fn run(path: Option<PathBuf>, options: &ImportPipelineOptions) -> ExitCode {
    match try_run(path, options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(2)
        }
    }
}

fn try_run(path: Option<PathBuf>, options: &ImportPipelineOptions) -> Result<(), String> {
    let text = if options.text == "-" { read_input()? } else { options.text.clone() };
    let mut import = import(&text).map_err(|error| error.to_string())?;
    leave_what_the_encoder_refuses(&mut import);
    if let Some(name) = &options.name {
        FeedConfig::check_name(name).map_err(|error| format!("--name: {error}"))?;
        import.feed.name.clone_from(name);
    }
    if options.dry_run {
        let text = feed_text(&mut import.feed)?;
        print!("{text}");
    } else {
        let path = match path {
            Some(path) => path,
            None => ConfigFile::default_path().map_err(|error| error.to_string())?,
        };
        add(ConfigFile::new(path, FORMS), &mut import.feed)?;
    }
    tell(&import);
    Ok(())
}

fn read_input() -> Result<String, String> {
    let mut text = String::new();
    let limit = MAX_BYTES as u64 + 1;
    io::stdin().lock().take(limit).read_to_string(&mut text).map_err(|error| {
        gettext_f("The pipeline cannot be read from standard input: {reason}.", &[("reason", &error.to_string())])
    })?;
    Ok(text)
}

/// Where the encoder is installed here, it says itself which properties and values it takes.
fn leave_what_the_encoder_refuses(import: &mut Import) {
    let ElementChoice::Named(name) = &import.feed.encoder else { return };
    let Ok(encoder) = gst::ElementFactory::make(name).build() else { return };
    let mut settings = import.feed.settings_of(ElementRole::Encoder);
    settings.retain(|property, value| match element_settings::check(ElementRole::Encoder, &encoder, property, value) {
        Ok(_) => true,
        Err(why) => {
            let word = format!("{name} {}", super::words::shown_property(property, value));
            import.leftovers.push(Leftover { word, why: format!("{why}.") });
            false
        }
    });
    import.feed.set_settings_of(ElementRole::Encoder, settings);
}

/// The feed as the settings file would have it.
fn feed_text(feed: &mut FeedConfig) -> Result<String, String> {
    let mut config = Config::default();
    feed.id = config.free_id(&feed.name);
    config.feeds.push(feed.clone());
    let text = file::to_text(&config).map_err(|fault| fault.to_string())?;
    Ok(text.find("[[feeds]]").map_or(text.clone(), |start| text[start..].to_owned()))
}

fn add(mut file: ConfigFile, feed: &mut FeedConfig) -> Result<(), String> {
    let mut loaded = file.load().map_err(|error| error.to_string())?;
    // Saving takes passwords out of addresses, and this command keeps none.
    if !loaded.passwords.is_empty() {
        return Err(gettext_f(
            "The feed was not added: an address in {path} holds a password, which saving would take out of it. Name it with password_env or password_file, then import again.",
            &[("path", &file.path().display().to_string())],
        ));
    }
    feed.id = loaded.config.free_id(&feed.name);
    loaded.config.feeds.push(feed.clone());
    file.save(&loaded.config).map_err(|error| error.to_string())?;
    let path = file.path().display().to_string();
    println!("{}", gettext_f("“{name}” was added to {path}.", &[("name", &feed.name), ("path", &path)]));
    Ok(())
}

/// On standard error: what `--dry-run` prints can be put into a file.
fn tell(import: &Import) {
    if import.held_password {
        eprintln!(
            "{}",
            gettext(
                "The pipeline held a password, which others on this machine may have seen. It was not carried over: enter it in the window, or name it with password_env or password_file.",
            )
        );
    }
    if !import.leftovers.is_empty() {
        eprintln!("{}", gettext("Not carried over:"));
    }
    for leftover in &import.leftovers {
        eprintln!("  {leftover}");
    }
}
