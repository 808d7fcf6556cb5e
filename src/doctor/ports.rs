//! Whether viewers can be listened for, and who is in the way.

use std::{
    fs,
    io::{self, ErrorKind},
    net::{SocketAddr, TcpListener},
    path::Path,
};

use super::{Finding, Section};
use crate::{
    config::Config,
    i18n::{gettext, gettext_f},
    processes::{Holder, holders_of_socket, names},
};

/// Takes the port for a moment and gives it back.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let listen = config.server.listen;
    let taken = TcpListener::bind(listen).err();
    vec![line(listen, taken.as_ref(), || holders(listen.port(), Path::new("/proc/net")))]
}

fn line(listen: SocketAddr, error: Option<&io::Error>, holders: impl Fn() -> Vec<Holder>) -> Finding {
    let subject = listen.to_string();
    let Some(error) = error else { return Section::Ports.ok(subject, gettext("It is free.")) };
    let other = gettext("choose another one with `listen` in the settings file");
    let problem = |sentence: String, next: String| Section::Ports.problem(&subject, sentence, next);
    match error.kind() {
        ErrorKind::AddrInUse => held(&subject, &holders(), &other),
        ErrorKind::PermissionDenied => {
            let sentence = gettext("This user may not listen there: ports below 1024 are the system's.");
            problem(sentence, gettext_f("Use a port from 1024: {other}.", &[("other", &other)]))
        }
        ErrorKind::AddrNotAvailable => {
            let sentence = gettext("This machine does not have that address.");
            problem(sentence, gettext_f("Connect the network it belongs to, or {other}.", &[("other", &other)]))
        }
        _ => problem(
            gettext_f("It cannot be listened at: {reason}.", &[("reason", &error.to_string())]),
            gettext_f("Find out why, or {other}.", &[("other", &other)]),
        ),
    }
}

fn held(subject: &str, holders: &[Holder], other: &str) -> Finding {
    if holders.iter().any(|holder| holder.name == "heliograph") {
        return Section::Ports
            .ok(subject, gettext_f("Heliograph listens there: {names}.", &[("names", &names(holders))]));
    }
    let other = [("other", other)];
    if holders.is_empty() {
        let sentence = gettext("It is taken by a process of another user or container.");
        return Section::Ports.problem(
            subject,
            sentence,
            gettext_f("Run this as root to see which, or {other}.", &other),
        );
    }
    let sentence = gettext_f("It is taken by {names}.", &[("names", &names(holders))]);
    Section::Ports.problem(subject, sentence, gettext_f("End that program, or {other}.", &other))
}

/// Who listens at a port, whatever the address: any of them may be in the way.
fn holders(port: u16, net: &Path) -> Vec<Holder> {
    let tables = ["tcp", "tcp6"].iter().filter_map(|table| fs::read_to_string(net.join(table)).ok());
    tables.flat_map(|table| listening_at(&table, port)).flat_map(holders_of_socket).collect()
}

/// The sockets in a table like `/proc/net/tcp` that listen at this port (`proc_net_tcp` in the
/// kernel's documentation): second column address and port, fourth the state, tenth the number.
fn listening_at(table: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let ours = |line: &str| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let (_, of) = columns.get(1)?.split_once(':')?;
        let listens = u16::from_str_radix(of, 16).ok()? == port && columns.get(3) == Some(&LISTEN);
        listens.then(|| columns.get(9)?.parse().ok())?
    };
    table.lines().skip(1).filter_map(ours).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_taken_port_names_its_holder() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = listener.local_addr().unwrap();
        let found = holders(listen.port(), Path::new("/proc/net"));
        assert!(found.iter().any(|holder| holder.pid == std::process::id()), "{found:?}");
        let mut config = Config::default();
        config.server.listen = listen;
        let finding = &check(&config)[0];
        assert_eq!(finding.verdict, Verdict::Problem, "{finding:?}");
        assert!(finding.sentence.contains(&std::process::id().to_string()), "{finding:?}");
        drop(listener);
        assert_eq!(check(&config)[0].verdict, Verdict::Ok);
    }

    #[test]
    fn each_refusal_has_its_sentence() {
        let listen = Config::default().server.listen;
        let finding = |kind: ErrorKind, holders: &[Holder]| line(listen, Some(&kind.into()), || holders.to_vec());
        let kinds = [ErrorKind::AddrInUse, ErrorKind::PermissionDenied, ErrorKind::AddrNotAvailable, ErrorKind::Other];
        let sentences: Vec<_> = kinds.iter().map(|kind| finding(*kind, &[]).sentence).collect();
        let mut distinct = sentences.clone();
        distinct.dedup();
        assert_eq!(sentences, distinct);
        let ourselves = [Holder { pid: 7, name: "heliograph".into() }];
        assert_eq!(finding(ErrorKind::AddrInUse, &ourselves).verdict, Verdict::Ok);
    }

    #[test]
    fn only_sockets_that_listen_are_in_the_way() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 0100007F:20FB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100\n   1: 0100007F:20FB 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 20\n";
        assert_eq!(listening_at(table, 8443), [4711]);
        assert!(listening_at(table, 8444).is_empty());
    }
}
