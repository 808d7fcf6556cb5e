//! The list of profiles: `heliograph profiles`.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use serde::Serialize;

use crate::{cli::ProfilesOptions, config::Profile};

/// Prints every profile, for people or for programs.
pub(crate) fn run(options: &ProfilesOptions) -> ExitCode {
    let mut output = io::stdout().lock();
    let written = if options.json { write_json(&mut output) } else { write_lines(&mut output) };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has seen enough: `heliograph profiles | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("The profiles cannot be written: {error}.");
            ExitCode::FAILURE
        }
    }
}

/// A profile and its words.
#[derive(Serialize)]
struct Described<'a> {
    #[serde(flatten)]
    profile: &'a Profile,
    title: String,
    about: String,
}

fn write_json(output: &mut impl Write) -> io::Result<()> {
    let describe = |profile| Described { profile, title: profile.title(), about: profile.about() };
    let profiles: Vec<_> = Profile::all().iter().map(describe).collect();
    serde_json::to_writer_pretty(&mut *output, &profiles)?;
    writeln!(output)
}

fn write_lines(output: &mut impl Write) -> io::Result<()> {
    let width = Profile::all().iter().map(|profile| profile.name.len()).max().unwrap_or_default();
    for profile in Profile::all() {
        writeln!(output, "{:width$}  {}. {}", profile.name, profile.title(), profile.about())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{ElementChoice, ElementRole},
        media::element_settings,
    };

    #[test]
    fn programs_and_people_are_told_of_every_profile() {
        let (mut json, mut lines) = (Vec::new(), Vec::new());
        write_json(&mut json).unwrap();
        write_lines(&mut lines).unwrap();
        let json: Vec<serde_json::Value> = serde_json::from_slice(&json).unwrap();
        let lines = String::from_utf8(lines).unwrap();
        assert_eq!((json.len(), lines.lines().count()), (Profile::all().len(), Profile::all().len()));
        for (value, profile) in json.iter().zip(Profile::all()) {
            assert_eq!(value["name"], profile.name.as_str());
            assert!(lines.contains(&format!("{} ", profile.name)));
        }
        assert_eq!(json[0]["encoder_settings"]["key-int-max"], "60");
    }

    /// Encoders that are not installed here cannot be asked.
    #[test]
    fn encoders_take_what_the_profiles_say() {
        gst::init().unwrap();
        let mut asked = 0;
        for profile in Profile::all() {
            let Some(ElementChoice::Named(name)) = &profile.encoder else { continue };
            let Ok(encoder) = gst::ElementFactory::make(name).build() else { continue };
            let applied = element_settings::apply(ElementRole::Encoder, &[encoder], &profile.encoder_settings);
            assert_eq!(applied, Ok(()), "{}", profile.name);
            asked += 1;
        }
        assert!(asked >= 3, "x264enc, vp8enc and vp9enc should be here, but {asked} encoders were asked");
    }
}
