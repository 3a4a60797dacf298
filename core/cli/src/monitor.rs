//! The pages for operators and scrapers, over HTTP: `/metrics` and `/kang/snapshot`.
//!
//! They only tell; nothing can be changed through them. Whoever can reach the port can see the arguments of running
//! requests, so the tools listen on this machine only unless they are told otherwise.

use axum::Router;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use libfast::Metrics;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// What the pages show. Cheap to clone.
#[derive(Clone)]
pub struct Pages {
    snapshot: Arc<dyn Fn() -> String + Send + Sync>,
    metrics: Metrics,
}

/// Connections at once. One more waits until another ends.
const MOST_CONNECTIONS: usize = 64;
/// Longest that a connection is kept, however busy.
const LONGEST_CONNECTION: Duration = Duration::from_secs(300);
/// Longest that the head of a request may take to come, also on a connection that had one before.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// Most bytes of the head of a request.
const HEAD_BYTES: usize = 16 * 1024;
/// Pause of the acceptor when the process has no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

const JSON: &str = "application/json";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Pages {
    /// Pages with the metrics of the process, and the document that `snapshot` makes each time it is asked for.
    pub fn new(snapshot: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self { snapshot: Arc::new(snapshot), metrics: Metrics::global().clone() }
    }
}

/// Serves the pages until it is dropped.
pub async fn serve(listener: TcpListener, pages: Pages) {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/kang/snapshot", get(snapshot))
        .fallback(nothing)
        .with_state(pages);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).max_buf_size(HEAD_BYTES);
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let place = room.clone().acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let service = TowerToHyperService::new(router.clone());
                let connection = http.serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move {
                    // What goes wrong on it concerns whoever is at its other end.
                    let _ = tokio::time::timeout(LONGEST_CONNECTION, connection).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn metrics(State(pages): State<Pages>, head: HeaderMap) -> Response {
    let mut accepted = head.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    if accepted.any(|value| value.contains("application/openmetrics-text")) {
        page(OPEN_METRICS, move || pages.metrics.open_metrics_text()).await
    } else {
        page(PROMETHEUS, move || pages.metrics.text()).await
    }
}

async fn snapshot(State(pages): State<Pages>) -> Response {
    page(JSON, move || (pages.snapshot)()).await
}

/// Makes a page where it holds up no calls.
async fn page(kind: &'static str, make: impl FnOnce() -> String + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(make).await {
        Ok(text) => ([(CONTENT_TYPE, kind)], text).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the page could not be made\n").into_response(),
    }
}

async fn nothing(uri: Uri) -> Response {
    let path = crate::output::printable(uri.path()).into_owned();
    (StatusCode::NOT_FOUND, format!("{path} does not exist; there are /metrics and /kang/snapshot\n"))
        .into_response()
}
