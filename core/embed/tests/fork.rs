//! A fork in the middle of a call. Alone in its process: the child is a copy of it.

use bytes::Bytes;
use libfast_embed::{CallSettings, Client, Config, Event, Next, Queue, Server};
use libfast_model::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

/// Longer than anything here takes, so that a defect fails instead of hanging.
const LONG: Duration = Duration::from_secs(20);

fn args() -> Bytes {
    Bytes::from_static(b"[]")
}

/// A server that a thread answers: `one` at once, `hang` never.
fn serve() -> (Server, Arc<Queue>, String) {
    let (server, queue) = (Server::new(&Config::default()).unwrap(), Queue::new());
    server.handle("hang", &queue, 0).unwrap();
    server.handle("one", &queue, 1).unwrap();
    let address = server.start().unwrap();
    (server, queue, address)
}

/// What the child does; its exit code. 0: all as it should be.
fn in_child(call: &libfast_embed::PullCall, client: &Client, queue: &Arc<Queue>, address: &str) -> i32 {
    let forked = |kind: Option<ErrorKind>| kind == Some(ErrorKind::Forked);
    if !forked(call.next(Some(Duration::ZERO)).err().map(|e| e.kind())) {
        return 1;
    }
    call.abandon();
    if !forked(client.call("one", args(), &CallSettings::default()).err().map(|e| e.kind()))
        || !forked(queue.poll(1, Some(Duration::ZERO)).err().map(|e| e.kind()))
    {
        return 2;
    }
    let Ok(fresh) = Client::new(address, &Config::default()) else { return 3 };
    let answered = fresh.call("one", args(), &CallSettings::default()).and_then(|call| call.next(Some(LONG)));
    let good = matches!(answered, Ok(Next::Value(value)) if value == "1");
    if good { 0 } else { 4 }
}

#[test]
fn a_child_is_told_at_once_and_can_make_calls_of_its_own() {
    let (_server, queue, address) = serve();
    let client = Client::new(&address, &Config::default()).unwrap();
    let settings = CallSettings { timeout: Some(None), ..CallSettings::default() };
    let call = Arc::new(client.call("hang", args(), &settings).unwrap());
    let pulled = call.clone();
    // Holds whatever a waiting thread holds at the moment of the fork.
    let waiting = std::thread::spawn(move || pulled.next(None).map(|_| ()).unwrap_err().kind());
    let held = queue.poll(1, Some(LONG)).unwrap();
    assert!(matches!(held[..], [Event::Request { .. }]));
    // SAFETY: the child only calls the library, which is made for it, and leaves without running the parent's clean-up.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: kills the child if it hangs; ends it without running the parent's clean-up.
        unsafe {
            libc::alarm(LONG.as_secs() as u32);
            libc::_exit(in_child(&call, &client, &queue, &address))
        };
    }
    let events = queue.poll(1, Some(LONG)).unwrap();
    let [Event::Request { request, .. }] = &events[..] else { panic!("the child made no call: {events:?}") };
    assert_eq!(request.method(), "one");
    request.end(Some(b"1")).unwrap();
    let mut status = 0;
    // SAFETY: our own child, and a place for its status.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "status {status:#x}");
    // The parent goes on as if nothing had happened.
    call.abandon();
    assert_eq!(waiting.join().unwrap(), ErrorKind::Abandoned);
}
