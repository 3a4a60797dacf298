//! Queues, blocking calls and the runtime, as a binding uses them.

use bytes::{Bytes, BytesMut};
use libfast_embed::{CallSettings, Client, Config, Event, Gathered, Next, Queue, Server, ServerRequest};
use libfast_model::{Cause, ErrorKind, RemoteError};
use std::sync::Arc;
use std::time::{Duration, Instant};

const LONG: Option<Duration> = Some(Duration::from_secs(20));
const NOW: Option<Duration> = Some(Duration::ZERO);

/// A server whose requests a thread answers: `range [n]` counts, `hang` never ends, `fail` fails.
struct Served {
    address: String,
    queue: Arc<Queue>,
    _server: Server,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Served {
    fn start(config: &Config) -> Self {
        let (server, queue) = (Server::new(config).unwrap(), Queue::new());
        for (tag, method) in ["range", "hang", "fail", "range_and_fail"].iter().enumerate() {
            server.handle(method, &queue, tag as u64).unwrap();
        }
        let address = server.start().unwrap();
        let events = queue.clone();
        let thread = std::thread::spawn(move || {
            let mut held = Vec::new();
            while let Ok(batch) = events.poll(64, None) {
                for event in batch {
                    match event {
                        // The caller may have gone away in the middle.
                        Event::Request { tag: 0, request } => {
                            let _ = count(&request) && request.end(None).is_ok();
                        }
                        Event::Request { tag: 1, request } => held.push(request),
                        Event::Request { tag, request } => {
                            if tag == 3 {
                                count(&request);
                            }
                            let error = RemoteError::new("Bad", "no").with_info("{}");
                            request.fail(&error).unwrap();
                        }
                        Event::Cancelled { id, .. } => {
                            held.retain(|request: &ServerRequest| request.id() != id)
                        }
                        _ => {}
                    }
                }
            }
        });
        Self { address, queue, _server: server, thread: Some(thread) }
    }

    fn client(&self) -> Client {
        Client::new(&self.address, &Config::default()).unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.queue.close();
        let _ = self.thread.take().unwrap().join();
    }
}

/// False: its caller is gone.
fn count(request: &ServerRequest) -> bool {
    let text = String::from_utf8_lossy(request.args()).into_owned();
    let n: u64 = text.trim_matches(['[', ']']).parse().unwrap();
    for i in 0..n {
        let Ok(more) = request.send(i.to_string().as_bytes()) else { return false };
        if !more && !request.wait_writable(Duration::from_secs(20)).unwrap() {
            return false;
        }
    }
    true
}

fn args(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn readable(queue: &Queue) -> bool {
    let fd = queue.fd().unwrap();
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid entry.
    unsafe { libc::poll(&mut poll, 1, 0) == 1 }
}

#[test]
fn a_call_is_pulled_or_collected() {
    let served = Served::start(&Config::default());
    let client = served.client();
    let call = client.call("range", args("[3]"), &CallSettings::default()).unwrap();
    for wanted in ["0", "1", "2"] {
        assert!(matches!(call.next(LONG).unwrap(), Next::Value(value) if value == wanted));
    }
    assert!(matches!(call.next(LONG).unwrap(), Next::End));
    for (count, wanted) in [("[0]", "[]"), ("[3]", "[0,1,2]")] {
        let call = client.call("range", args(count), &CallSettings::default()).unwrap();
        assert_eq!(call.collect(&mut BytesMut::new(), LONG).unwrap().unwrap(), wanted);
    }
}

#[test]
fn a_pull_that_waits_in_vain_can_be_repeated_and_abandoned() {
    let served = Served::start(&Config::default());
    let call = served.client().call("hang", args("[]"), &CallSettings::default()).unwrap();
    assert!(matches!(call.next(NOW).unwrap(), Next::Again));
    assert!(matches!(call.next(Some(Duration::from_millis(20))).unwrap(), Next::Again));
    call.abandon();
    assert_eq!(call.next(NOW).unwrap_err().kind(), ErrorKind::Abandoned);
}

/// The caller's own clock ends the wait, however the runtime is doing.
#[test]
fn a_blocking_call_times_out() {
    let served = Served::start(&Config::default());
    let mut settings = CallSettings::default();
    settings.set("timeout_ms", "50").unwrap();
    // Before the call, whose time runs from its start.
    let started = Instant::now();
    let call = served.client().call("hang", args("[]"), &settings).unwrap();
    assert_eq!(call.next(None).unwrap_err().kind(), ErrorKind::Timeout);
    assert!(started.elapsed() >= Duration::from_millis(50));
}

#[test]
fn a_queue_completes_every_call_once_and_its_descriptor_follows() {
    let served = Served::start(&Config::default());
    let (client, queue) = (served.client(), Queue::new());
    assert!(!readable(&queue));
    const CALLS: u64 = 2000;
    let calls: Vec<_> = (0..CALLS)
        .map(|tag| {
            client.start(&queue, tag, "range", args("[2]"), &CallSettings::default(), tag % 2 == 0).unwrap()
        })
        .collect();
    assert!(readable(&queue));
    let (mut done, mut data) = (vec![0; CALLS as usize], 0);
    while done.iter().sum::<u64>() < CALLS {
        for event in queue.poll(16, LONG).unwrap() {
            match event {
                Event::Data { tag, .. } => data += tag % 2,
                Event::Done { tag, values, error, .. } => {
                    assert!(error.is_none(), "{error:?}");
                    let values = values.map(|values| values.array_parts().concat());
                    assert_eq!(values, (tag % 2 == 0).then(|| b"[0,1]".into()));
                    done[tag as usize] += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(done.iter().all(|&count| count == 1));
    assert_eq!(data, CALLS, "two values for each call that was not collected");
    assert!(queue.poll(16, NOW).unwrap().is_empty() && !readable(&queue));
    drop(calls);
}

#[test]
fn no_more_values_than_granted_are_handed_out() {
    let served = Served::start(&Config::default());
    let (client, queue) = (served.client(), Queue::new());
    let settings = CallSettings { window: Some(2), ..CallSettings::default() };
    let call = client.start(&queue, 1, "range", args("[5]"), &settings, false).unwrap();
    let mut values = 0;
    while values < 2 {
        values += queue.poll(16, LONG).unwrap().len();
    }
    assert_eq!(values, 2);
    assert!(queue.poll(16, Some(Duration::from_millis(20))).unwrap().is_empty());
    call.grant(100);
    let mut rest = Vec::new();
    while !matches!(rest.last(), Some(Event::Done { error: None, .. })) {
        rest.extend(queue.poll(16, LONG).unwrap());
    }
    assert_eq!(rest.len(), 4);
}

#[test]
fn a_call_without_credits_times_out_nevertheless() {
    let served = Served::start(&Config::default());
    let (client, queue) = (served.client(), Queue::new());
    let timeout = Some(Some(Duration::from_millis(100)));
    let settings = CallSettings { window: Some(1), timeout, ..CallSettings::default() };
    let _call = client.start(&queue, 1, "range", args("[5]"), &settings, false).unwrap();
    let mut events = Vec::new();
    while events.len() < 2 {
        events.extend(queue.poll(16, LONG).unwrap());
    }
    assert!(
        matches!(&events[1], Event::Done { error: Some(e), .. } if e.kind() == ErrorKind::Timeout),
        "{events:?}"
    );
}

#[test]
fn an_abandoned_call_is_done_once() {
    let served = Served::start(&Config::default());
    let (client, queue) = (served.client(), Queue::new());
    let call = client.start(&queue, 7, "hang", args("[]"), &CallSettings::default(), true).unwrap();
    call.abandon();
    call.abandon();
    let events = queue.poll(16, LONG).unwrap();
    let [Event::Done { tag: 7, error: Some(error), .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!((error.kind(), error.cause()), (ErrorKind::Abandoned, Some(Cause::Abandoned)));
    assert!(error.merged_info().contains(r#""rpcMethod":"hang""#), "{error:?}");
    assert!(queue.poll(16, NOW).unwrap().is_empty());
}

#[test]
fn calls_that_nobody_holds_are_told_apart_from_those_whose_place_they_take() {
    let served = Served::start(&Config::default());
    let (client, queue) = (served.client(), Queue::new());
    let settings = CallSettings { window: Some(2), ..CallSettings::default() };
    let mut held = Vec::new();
    for wave in 0..4 {
        for tag in wave * 100..(wave + 1) * 100 {
            let call = match tag % 3 {
                0 => client.start(&queue, tag, "range", args("[2]"), &settings, true),
                1 => client.start(&queue, tag, "range", args("[1]"), &settings, false),
                _ => client.start(&queue, tag, "fail", args("[]"), &settings, true),
            };
            held.extend((tag % 10 == 0).then(|| call.unwrap()));
        }
        let (mut done, mut data) = (Vec::new(), Vec::new());
        while done.len() < 100 {
            for event in queue.poll(64, LONG).unwrap() {
                match event {
                    Event::Data { tag, value } => data.push((tag, value)),
                    Event::Done { tag, values, error } => done.push((tag, values, error)),
                    other => panic!("{other:?}"),
                }
            }
        }
        done.sort_by_key(|(tag, ..)| *tag);
        for (tag, (came, values, error)) in (wave * 100..).zip(done) {
            let kind = error.map(|error| error.kind());
            let values = values.map(|values| values.array_parts().concat());
            let expected = match tag % 3 {
                0 => (Some(b"[0,1]".into()), None),
                1 => (None, None),
                _ => (Some(b"[]".into()), Some(ErrorKind::Remote)),
            };
            assert_eq!((came, (values, kind)), (tag, expected));
        }
        data.sort();
        let one_value = (wave * 100..(wave + 1) * 100).filter(|tag| tag % 3 == 1);
        assert_eq!(data, one_value.map(|tag| (tag, args("0"))).collect::<Vec<_>>());
    }
    for call in held {
        let way = call.way().unwrap();
        assert_eq!((way.endpoint(), way.attempts()), (served.address.clone(), 1));
        assert!(call.abandon().is_none(), "it has ended");
    }
}

#[test]
fn a_buffered_call_has_its_first_values_the_count_of_all_and_its_error() {
    let served = Served::start(&Config::default());
    let (client, queue) = (served.client(), Queue::new());
    let settings = CallSettings::default();
    for (most, wanted) in [(2, "[0,1]"), (0, "[]"), (9, "[0,1,2]")] {
        let _call = client.start_buffered(&queue, 1, "range", args("[3]"), &settings, most).unwrap();
        let events = queue.poll(16, LONG).unwrap();
        let [Event::Done { values: Some(values), error: None, .. }] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!((values.count(), values.array_parts().concat()), (3, wanted.into()));
        let mut gathered = Gathered::new(most);
        let call = client.call("range", args("[3]"), &settings).unwrap();
        assert!(call.buffer(&mut gathered, LONG).unwrap());
        assert_eq!((gathered.count(), &gathered.take_array()[..]), (3, wanted.as_bytes()));
    }
    let _call = client.start_buffered(&queue, 1, "range_and_fail", args("[3]"), &settings, 2).unwrap();
    let events = queue.poll(16, LONG).unwrap();
    let [Event::Done { values: Some(values), error: Some(error), .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((values.count(), values.array_parts().concat()), (3, b"[0,1]".into()));
    assert_eq!(error.kind(), ErrorKind::Remote);
    let mut gathered = Gathered::new(2);
    let call = client.call("range_and_fail", args("[3]"), &settings).unwrap();
    assert_eq!(call.buffer(&mut gathered, LONG).unwrap_err().kind(), ErrorKind::Remote);
    assert_eq!((gathered.count(), &gathered.take_array()[..]), (3, &b"[0,1]"[..]));
}

#[test]
fn a_queue_is_woken_and_closed() {
    let queue = Queue::new();
    let waiting = queue.clone();
    let waiter = std::thread::spawn(move || waiting.poll(1, LONG));
    queue.wake();
    assert!(matches!(waiter.join().unwrap().unwrap()[..], [Event::Wake]));
    queue.close();
    assert_eq!(queue.poll(1, LONG).unwrap_err().kind(), ErrorKind::Closed);
}

/// Nobody will answer a request that goes to a queue that is gone, so its caller must hear of it.
#[test]
fn a_request_that_nobody_takes_fails_as_dropped() {
    let (server, queue) = (Server::new(&Config::default()).unwrap(), Queue::new());
    server.handle("lost", &queue, 0).unwrap();
    let address = server.start().unwrap();
    drop(queue);
    let client = Client::new(&address, &Config::default()).unwrap();
    let call = client.call("lost", args("[]"), &CallSettings::default()).unwrap();
    let error = call.next(LONG).unwrap_err();
    assert_eq!(error.remote().unwrap().name, "HandlerDropped");
}

#[test]
fn a_named_client_is_the_same_until_its_options_change() {
    let served = Served::start(&Config::default());
    let mut config = Config::default();
    let first = Client::named("n", &served.address, &config).unwrap();
    assert!(Arc::ptr_eq(&first, &Client::named("n", &served.address, &config).unwrap()));
    config.set("timeout_ms", "77").unwrap();
    let second = Client::named("n", &served.address, &config).unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    let call = first.call("range", args("[1]"), &CallSettings::default()).unwrap();
    assert!(call.next(LONG).is_ok(), "whoever holds the old one keeps it");
}
