//! What endpoints of WHIP answer that they should not, or when they should not.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::{StreamExt, future, stream};
use tokio::{
    net::TcpListener,
    runtime::{Handle, Runtime},
    time::sleep,
};

use crate::{
    connectors::{PATIENCE, TOKEN, serve},
    support::{free_port, wait_for},
};

/// A viewer's, from which the line of its pictures was cut.
const WITHOUT_MEDIA: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE video0\r\n";
const SDP: &str = "application/sdp";

/// What an endpoint was asked: method, path, and whether a token came along.
type Asked = Arc<Mutex<Vec<(Method, String, bool)>>>;

/// An endpoint on loopback that answers as its path says, and sends on to another place.
fn endpoint(runtime: &Handle, elsewhere: String) -> (SocketAddr, Asked) {
    let asked = Asked::default();
    let routes = Router::new().fallback(answer).with_state((asked.clone(), elsewhere));
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move { axum::serve(listener, routes).await.unwrap() });
    (address, asked)
}

async fn answer(State((asked, elsewhere)): State<(Asked, String)>, request: Request) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let has_token = request.headers().contains_key(header::AUTHORIZATION);
    asked.lock().unwrap().push((method.clone(), path.clone(), has_token));
    if method == Method::DELETE {
        return StatusCode::OK.into_response();
    }
    if method != Method::POST {
        return StatusCode::NO_CONTENT.into_response();
    }
    let location = format!("/session{path}");
    let created = |kind: &str, body: Body| {
        let headers = [(header::LOCATION, location.clone()), (header::CONTENT_TYPE, kind.to_owned())];
        (StatusCode::CREATED, headers, body).into_response()
    };
    let sent_on = |status: StatusCode, place: &str| (status, [(header::LOCATION, place.to_owned())]).into_response();
    let endless = stream::repeat(Ok::<_, Infallible>(Bytes::from_static(b"v=0\r\n")));
    match path.as_str() {
        "/page" => created("text/html", "<p>Welcome".into()),
        "/garbage" => created(SDP, "v=0\r\nnonsense\r\n".into()),
        "/no-media" => created(SDP, WITHOUT_MEDIA.into()),
        "/no-picture" => created(SDP, format!("{WITHOUT_MEDIA}m=video 0 UDP/TLS/RTP/SAVPF 96\r\n").into()),
        "/no-keys" => created(SDP, format!("{WITHOUT_MEDIA}m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:video0\r\n").into()),
        "/endless" => created(SDP, Body::from_stream(endless)),
        "/busy" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "/found" => sent_on(StatusCode::FOUND, "/whip"),
        "/circle" => sent_on(StatusCode::TEMPORARY_REDIRECT, "/circle"),
        "/elsewhere" => sent_on(StatusCode::TEMPORARY_REDIRECT, &elsewhere),
        "/never" => future::pending().await,
        "/late" => {
            sleep(Duration::from_secs(11)).await;
            created(SDP, WITHOUT_MEDIA.into())
        }
        "/half" => created(SDP, Body::from_stream(endless.take(1).chain(stream::pending()))),
        _ => StatusCode::UNAUTHORIZED.into_response(),
    }
}

/// A connector to each of these paths, whose id is the path's name.
fn connectors(address: SocketAddr, paths: &[&str]) -> String {
    let one = |path: &&str| {
        format!(
            "[[connectors]]\nid = \"{path}\"\nkind = \"whip\"\naddress = \"http://{address}/{path}\"\n\
             token_env = \"SHORE_TOKEN\"\n"
        )
    };
    paths.iter().map(one).collect()
}

#[test]
fn what_is_no_answer_is_said_in_words_and_ended_where_it_was_made() {
    let runtime = Runtime::new().unwrap();
    let (other, asked_there) = endpoint(runtime.handle(), String::new());
    let (address, asked) = endpoint(runtime.handle(), format!("http://{other}/stranger"));
    let no_answer = format!("{address} sends no answer that can be used.");
    let cases = [
        ("page", no_answer.clone()),
        ("garbage", no_answer.clone()),
        ("no-media", no_answer.clone()),
        ("endless", no_answer.clone()),
        ("no-keys", no_answer),
        ("no-picture", format!("{address} does not take the offer. Try another codec.")),
        ("busy", format!("{address} has no room for the feed now.")),
        ("found", format!("{address} redirects in a way that is not followed.")),
        ("circle", format!("{address} redirects in a way that is not followed.")),
        ("elsewhere", format!("{other} does not let us in. The address redirects there, and the token does not")),
    ];
    let (_folder, program) = serve(&connectors(address, &cases.each_ref().map(|(path, _)| *path)));
    for (id, sentence) in &cases {
        let told = program.wait_line(&format!("connector={id} state=\"backoff\""), PATIENCE);
        assert!(told.contains(sentence.as_str()), "{told}");
    }

    let posts: Vec<_> = asked.lock().unwrap().iter().filter(|asked| asked.0 == Method::POST).cloned().collect();
    assert!(posts.iter().all(|(_, _, has_token)| *has_token));
    let there = asked_there.lock().unwrap().clone();
    assert!(there.contains(&(Method::POST, "/stranger".to_owned(), false)), "{there:?}");
    assert!(!there.iter().any(|(_, _, has_token)| *has_token), "the token went to another server");
    for made in ["page", "garbage", "no-media", "endless", "no-picture", "no-keys"] {
        let end = (Method::DELETE, format!("/session/{made}"), true);
        wait_for(&format!("the end of {made}"), PATIENCE, || asked.lock().unwrap().contains(&end).then_some(()));
    }
    assert!(!program.lines().iter().any(|line| line.contains(TOKEN)), "the token stands in the log");
}

#[test]
fn an_answer_that_comes_late_or_never_is_not_waited_for() {
    let runtime = Runtime::new().unwrap();
    let closed = free_port();
    let (address, _) = endpoint(runtime.handle(), format!("http://127.0.0.1:{closed}/"));
    let silent = ["late", "never", "half"];
    let (_folder, program) = serve(&(connectors(address, &silent) + &connectors(address, &["elsewhere"])));
    let told = program.wait_line("connector=elsewhere state=\"backoff\"", PATIENCE);
    assert!(told.contains("There is no way to"), "{told}");
    for id in silent {
        let told = program.wait_line(&format!("connector={id} state=\"backoff\""), PATIENCE);
        assert!(told.contains(&format!("{address} was reached, and does not answer.")), "{told}");
        assert!(!program.lines().iter().any(|line| line.contains(&format!("connector={id} state=\"ready\""))));
    }
}
