//! Handlers that fail, panic, answer twice, never, or too late: what a caller gets, frame by frame, and what they leave.

mod support;

use libfast_model::{Error, ErrorKind, RemoteError, ServerOptions};
use libfast_protocol::{Body, Frame, Status};
use libfast_rpc::{Request, Server};
use std::collections::BTreeMap;
use std::net::Shutdown;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Bare, LONG, blocking, until};

type Kept = Arc<Mutex<Vec<Request>>>;

/// A server of handlers that go wrong, and the requests that some of them keep.
struct Wrong {
    server: Server,
    address: String,
    kept: Kept,
    /// Second answers that were refused with `State`.
    refused: Arc<AtomicUsize>,
}

/// Of one round.
const REFUSED: usize = 7;

/// What one of its methods answers: values, and the name of the error after them.
struct Outcome {
    method: &'static str,
    values: usize,
    error: Option<&'static str>,
}

const OUTCOMES: &[Outcome] = &[
    Outcome { method: "fail", values: 0, error: Some("Own") },
    Outcome { method: "fail_late", values: 2, error: Some("Own") },
    Outcome { method: "fail_as_library", values: 0, error: Some("FastError") },
    Outcome { method: "panic_at_once", values: 0, error: Some("HandlerDropped") },
    Outcome { method: "panic_later", values: 1, error: Some("HandlerDropped") },
    Outcome { method: "end_twice", values: 1, error: None },
    Outcome { method: "end_and_fail", values: 0, error: None },
    Outcome { method: "fail_and_return", values: 0, error: Some("Own") },
    Outcome { method: "malformed", values: 0, error: Some("FastError") },
    Outcome { method: "drop", values: 0, error: Some("HandlerDropped") },
    Outcome { method: "drop_elsewhere", values: 0, error: Some("HandlerDropped") },
    Outcome { method: "answer_elsewhere", values: 1, error: None },
    Outcome { method: "race", values: 0, error: Some("Own") },
];

fn own() -> RemoteError {
    RemoteError::new("Own", "as asked")
}

fn kind(result: libfast_model::Result<()>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn count_refused<const N: usize>(refused: &AtomicUsize, late: [libfast_model::Result<()>; N]) {
    let states = late.into_iter().filter_map(kind).filter(|kind| *kind == ErrorKind::State).count();
    refused.fetch_add(states, Ordering::Relaxed);
}

impl Wrong {
    async fn start() -> Self {
        let mut options = ServerOptions::default();
        options.listen = "127.0.0.1:0".into();
        let server = Server::new(options).unwrap();
        let kept = Kept::default();
        let refused = Arc::<AtomicUsize>::default();
        add_returning(&server, &refused);
        add_raw(&server, &refused, &kept);
        let address = server.start().await.unwrap().to_string();
        Self { server, address, kept, refused }
    }

    /// Sends requests and reads all that comes back until the server closes the connection, by request.
    async fn answers(&self, requests: Vec<(u32, &'static str, String)>) -> BTreeMap<u32, Vec<Frame>> {
        let mut client = Bare::connect(&self.address);
        blocking(move || {
            for (id, method, args) in requests {
                client.send(id, method, &args);
            }
            client.stream.shutdown(Shutdown::Write).unwrap();
            let mut answers = BTreeMap::<u32, Vec<Frame>>::new();
            while let Some(frame) = client.next() {
                answers.entry(frame.msgid).or_default().push(frame);
            }
            answers
        })
        .await
    }

    async fn is_idle(&self) {
        until("no request runs", || self.server.in_flight() == 0).await;
        tokio::time::timeout(LONG, self.server.connections_closed()).await.expect("no connection is left");
    }

    /// Every method once, with arguments large enough to be missed if a request is kept.
    async fn round(&self, args: &str) {
        let requests = OUTCOMES.iter().zip(1..).map(|(outcome, id)| (id, outcome.method, args.to_owned()));
        let answers = self.answers(requests.collect()).await;
        assert_eq!(answers.len(), OUTCOMES.len());
        for (outcome, id) in OUTCOMES.iter().zip(1..) {
            outcome.check(&answers[&id]);
        }
        until("all second answers are refused", || self.refused.load(Ordering::Relaxed) == REFUSED).await;
        self.refused.store(0, Ordering::Relaxed);
    }
}

/// Handlers that answer by what they return.
fn add_returning(server: &Server, refused: &Arc<AtomicUsize>) {
    server.method("fail", |_| async { Err::<(), _>(own().into()) }).unwrap();
    let fail_late = |request: Request| async move {
        request.send(&1).await?;
        request.send(&2).await?;
        Err::<(), Error>(own().into())
    };
    server.method("fail_late", fail_late).unwrap();
    let library = |_| async { Err::<(), _>(Error::new(ErrorKind::Invalid, "not like this")) };
    server.method("fail_as_library", library).unwrap();
    let at_once = |_| -> std::future::Ready<libfast_model::Result<()>> { panic!("at once, as tested") };
    server.method("panic_at_once", at_once).unwrap();
    let later = |request: Request| async move {
        request.send(&1).await?;
        tokio::task::yield_now().await;
        panic!("later, as tested") as libfast_model::Result<()>
    };
    server.method("panic_later", later).unwrap();
    let counter = refused.clone();
    let end_twice = move |request: Request| {
        let refused = counter.clone();
        async move {
            request.end_with(&1)?;
            let late = [request.end_with(&2), request.end(), request.fail(&own()), request.send(&3).await];
            count_refused(&refused, late);
            Ok(4)
        }
    };
    server.method("end_twice", end_twice).unwrap();
    let end_and_fail = |request: Request| async move {
        request.end()?;
        Err::<(), Error>(own().into())
    };
    server.method("end_and_fail", end_and_fail).unwrap();
    let fail_and_return = |request: Request| async move {
        request.fail(&own())?;
        Ok(1)
    };
    server.method("fail_and_return", fail_and_return).unwrap();
    let malformed = |_| async { Err::<(), Error>(own().with_info("no object").into()) };
    server.method("malformed", malformed).unwrap();
}

/// Handlers that see to the answer themselves, later and on other threads.
fn add_raw(server: &Server, refused: &Arc<AtomicUsize>, kept: &Kept) {
    server.handle("drop", Arc::new(drop)).unwrap();
    let elsewhere = |request: Request| drop(std::thread::spawn(move || drop(request)));
    server.handle("drop_elsewhere", Arc::new(elsewhere)).unwrap();
    let answer = |request: Request| drop(std::thread::spawn(move || request.end_with(&1).unwrap()));
    server.handle("answer_elsewhere", Arc::new(answer)).unwrap();
    // Threads that want to answer the same request: one of them may.
    let refused = refused.clone();
    let race = move |request: Request| {
        for _ in 0..4 {
            let (request, refused) = (request.clone(), refused.clone());
            std::thread::spawn(move || count_refused(&refused, [request.fail(&own())]));
        }
    };
    server.handle("race", Arc::new(race)).unwrap();
    let kept = kept.clone();
    server.handle("keep", Arc::new(move |request| kept.lock().unwrap().push(request))).unwrap();
}

impl Outcome {
    fn check(&self, frames: &[Frame]) {
        let method = self.method;
        let data = frames.iter().filter(|frame| frame.status == Status::Data).count();
        let last = frames.last().unwrap();
        let name = match &last.body {
            Body::Error(error) => Some(error.name.as_str()),
            Body::Values(_) => None,
        };
        // The last value may come with the end.
        let values = frames.iter().map(|frame| match &frame.body {
            Body::Values(values) => values.len(),
            Body::Error(_) => 0,
        });
        assert_eq!((values.sum(), name), (self.values, self.error), "{method}: {frames:?}");
        assert_eq!(frames.len(), data + 1, "{method}: one last frame: {frames:?}");
        assert_eq!(last.status, if name.is_some() { Status::Error } else { Status::End }, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_gets_one_last_frame() {
    let wrong = Wrong::start().await;
    wrong.round("[]").await;
    wrong.is_idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_them_leave_nothing_behind() {
    let wrong = Wrong::start().await;
    let args = format!("[\"{}\"]", "x".repeat(150_000));
    let many = async |rounds| {
        for _ in 0..rounds {
            wrong.round(&args).await;
        }
    };
    many(30).await;
    wrong.is_idle().await;
    let before = data_bytes();
    many(200).await;
    wrong.is_idle().await;
    let grown = data_bytes().saturating_sub(before);
    // The arguments alone of those of one method are 30 MB.
    assert!(grown < 15_000_000, "{} requests left {grown} bytes", 200 * OUTCOMES.len());
}

/// A request that is kept for ever is nobody's any more when the server stops, and its connection is not kept open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_never_answered_ends_with_its_server() {
    let wrong = Wrong::start().await;
    let mut client = Bare::connect(&wrong.address);
    for id in 1..=100 {
        client.send(id, "keep", "[]");
    }
    until("all are kept", || wrong.kept.lock().unwrap().len() == 100).await;
    assert_eq!(wrong.server.in_flight(), 100);
    wrong.server.stop(Duration::from_millis(1)).await;
    assert!(blocking(move || client.next().is_none()).await, "no frame came");
    wrong.is_idle().await;
    too_late(&wrong.kept);
}

/// And one whose caller is gone is let go by the server, though the handler still has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_after_the_caller_is_gone_is_refused() {
    let wrong = Wrong::start().await;
    for _ in 0..200 {
        let mut client = Bare::connect(&wrong.address);
        for id in 1..=5 {
            client.send(id, "keep", "[]");
        }
        until("they are kept", || wrong.kept.lock().unwrap().len() == 5).await;
        // Closing with zero linger sends a reset: gone for good, not only for sending.
        socket2::SockRef::from(&client.stream).set_linger(Some(Duration::ZERO)).unwrap();
        drop(client);
        wrong.is_idle().await;
        too_late(&wrong.kept);
    }
}

/// Answers what is kept, which nobody waits for, and drops it.
fn too_late(kept: &Kept) {
    for request in kept.lock().unwrap().drain(..) {
        assert!(request.is_cancelled());
        assert_eq!(kind(request.try_send(&1).map(drop)), Some(ErrorKind::Closed));
        assert_eq!(kind(request.end_with(&1)), Some(ErrorKind::Closed));
        // The first end counts, though nobody hears of it.
        assert_eq!(kind(request.fail(&own())), Some(ErrorKind::State));
        assert_eq!(kind(request.end()), Some(ErrorKind::State));
    }
}

/// The memory of this process that is not shared.
fn data_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let field = |i| statm.split(' ').nth(i).unwrap().parse::<usize>().unwrap();
    (field(1) - field(2)) * 4096
}
