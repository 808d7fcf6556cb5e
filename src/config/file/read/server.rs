//! `[server]`: where and to whom the feeds are served.

use super::super::fields::Fields;
use super::transport::{TRANSPORT_KEYS, read_transport};
use crate::config::ServerConfig;
use crate::i18n::{gettext, gettext_f};

const SERVER_KEYS: &[&str] =
    &["listen", "token", "allowed_origins", "allowed_hosts", "tls_cert", "tls_key", "insecure_http"];

pub(super) fn read_server(top: &Fields<'_>) -> ServerConfig {
    let Some(item) = top.table.get("server") else {
        return ServerConfig::default();
    };
    let Some(table) = item.as_table_like() else {
        top.refuse("server", gettext("write it as [server], with its keys below"));
        return ServerConfig::default();
    };
    let fields = Fields { table, line: top.line_of("server"), notes: top.notes };
    fields.refuse_others(&[SERVER_KEYS, TRANSPORT_KEYS].concat());
    let default = ServerConfig::default();
    let server = ServerConfig {
        listen: fields.checked("listen", check_listen).and_then(|text| text.parse().ok()).unwrap_or(default.listen),
        token: fields.secret("token"),
        allowed_origins: fields.texts("allowed_origins", check_origin).unwrap_or_default(),
        allowed_hosts: fields.texts("allowed_hosts", check_host).unwrap_or_default(),
        tls_cert: fields.path("tls_cert"),
        tls_key: fields.path("tls_key"),
        insecure_http: fields.flag("insecure_http").unwrap_or(default.insecure_http),
        transport: read_transport(&fields, false),
    };
    for (key, other) in [("tls_cert", "tls_key"), ("tls_key", "tls_cert")] {
        if fields.has(key) && !fields.has(other) {
            fields.refuse(key, gettext_f("it needs `{key}` beside it", &[("key", other)]));
        }
    }
    server
}

pub(super) fn check_listen(text: &str) -> Result<(), String> {
    let address = text.parse::<std::net::SocketAddr>();
    address
        .map(drop)
        .map_err(|_| gettext("it must be an IP address and a port, such as 127.0.0.1:8443, 0.0.0.0:8443 or [::]:8443"))
}

/// RFC 6454, section 6.1: scheme, host and perhaps a port, nothing after them.
fn check_origin(text: &str) -> Result<(), String> {
    let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    match url {
        Some(url) if url.origin().ascii_serialization() == text => Ok(()),
        _ => Err(gettext("an origin is https://HOST or https://HOST:PORT, in lower case and without a path")),
    }
}

fn check_host(text: &str) -> Result<(), String> {
    let plain = !text.is_empty() && !text.contains(['/', '@', '?', '#', ' ', '*']);
    let known_form = url::Host::parse(text).is_ok();
    if plain && known_form { Ok(()) } else { Err(gettext("a host is a name or an IP address, without port and path")) }
}
