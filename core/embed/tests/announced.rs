//! Announcements of servers of other protocols, and who listens to them.

use libfast_embed::{Announced, Config, Event, Queue};
use std::time::Duration;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// A listener goes on until it hears this, be it a thread, a reader of a loop or a function that is kept.
#[test]
fn whoever_listens_to_a_withdrawn_entry_hears_that_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.set("announce", &format!("dir://{}/web", folder.path().display())).unwrap();
    config.set("advertise", "127.0.0.1:8080").unwrap();
    let announced = Announced::new(&config).unwrap();
    let queue = Queue::new();
    announced.watch(&queue, 1).unwrap();
    announced.withdraw().unwrap();
    announced.watch(&queue, 2).unwrap();
    let mut closed = Vec::new();
    while closed.len() < 2 {
        let events = queue.poll(16, Some(LONG)).unwrap();
        assert!(!events.is_empty(), "only {closed:?} heard of the end");
        closed.extend(events.into_iter().filter_map(|event| match event {
            Event::Announcement { tag, state: "closed", error: None } => Some(tag),
            _ => None,
        }));
    }
    closed.sort_unstable();
    assert_eq!(closed, [1, 2]);
}
