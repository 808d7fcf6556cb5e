//! The STUN and TURN servers that somebody named: whether they answer, how fast, whether they
//! let the user in, and which ways to a viewer the program gathers with them.

mod candidates;
mod exchange;
mod fault;

use candidates::Candidates;
use exchange::Answer;
use fault::IceFault;

use super::{Finding, Section};
use crate::{
    config::{IceServer, IceServerKind, IceServers, Password},
    i18n::{gettext, gettext_f},
};

/// Asks every server, all at once. Where none is named, nobody is asked.
pub(super) async fn check(servers: IceServers) -> Vec<Finding> {
    if servers.servers.is_empty() {
        let sentence = gettext("None is named, so none is asked; viewers reach this machine directly.");
        return vec![Section::Ice.not_here(gettext("STUN and TURN servers"), sentence)];
    }
    match servers.password() {
        Ok(password) => {
            let asked = servers.servers.iter().map(|server| ask(server, &password));
            futures::future::join_all(asked).await
        }
        Err(error) => {
            let next = gettext("Correct it, then run this again; no server was asked.");
            vec![Section::Ice.problem(gettext("Password of the TURN servers"), error.to_string(), next)]
        }
    }
}

async fn ask(server: &IceServer, password: &Password) -> Finding {
    let subject = server.to_string();
    match exchange::ask(server, password).await {
        Ok(answer) => answered(server, &answer, candidates::gather(server, password).await.as_ref()),
        Err(fault) => {
            let (sentence, next) = fault.sentences(server);
            Section::Ice.problem(subject, sentence, next)
        }
    }
}

/// The server is well; whether the program's own search for ways profits is the second half.
fn answered(server: &IceServer, answer: &Answer, found: Option<&Candidates>) -> Finding {
    let subject = server.to_string();
    let milliseconds = format!("{:.1}", answer.round_trip.as_secs_f64() * 1000.0);
    let answers = match server.kind {
        IceServerKind::Stun => gettext_f("It answers within {time} ms.", &[("time", &milliseconds)]),
        IceServerKind::Turn => {
            gettext_f("It answers within {time} ms and lets the user in.", &[("time", &milliseconds)])
        }
        IceServerKind::Turns => gettext_f(
            "It takes a connection within {time} ms; its TLS and its user were not tried.",
            &[("time", &milliseconds)],
        ),
    };
    let Some(found) = found else {
        let sentence = format!("{answers} {}", gettext("The search for ways with it did not end."));
        return Section::Ice.problem(
            subject,
            sentence,
            gettext("Run this again; if it stays, report it with the program's log."),
        );
    };
    let sentence = format!("{answers} {}", found.words());
    if server.kind == IceServerKind::Turn && found.relay == 0 {
        let next = gettext("Let UDP from this machine's own addresses through to the server, and see its log.");
        return Section::Ice.problem(subject, sentence, next);
    }
    Section::Ice.ok(subject, sentence)
}
