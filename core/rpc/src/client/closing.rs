//! The end of a client.

use super::Client;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

/// How long [`Client::close`] waits at least for the registry to acknowledge that the consumer is gone.
const LEAST_LEAVING: Duration = Duration::from_millis(100);

impl Client {
    /// Refuses new calls, waits at most `drain` for those under way, fails what is under way then with `Closed`, and
    /// takes the consumer off the registry: in the background, if that does not answer within the rest of `drain` and 100 ms.
    pub async fn close(&self, drain: Duration) {
        let (shared, begun) = (&self.0.shared, Instant::now());
        shared.closed.store(true, Ordering::Release);
        let idle = std::future::poll_fn(|cx| {
            shared.idle.register(cx);
            if shared.in_flight.load(Ordering::Acquire) == 0 { Poll::Ready(()) } else { Poll::Pending }
        });
        let _ = tokio::time::timeout(drain, idle).await;
        shared.detach();
        for connection in shared.connections.open() {
            connection.detach(shared.was_closed());
        }
        let consumer = self.0.consumer.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(consumer) = consumer {
            let rest = drain.saturating_sub(begun.elapsed()).max(LEAST_LEAVING);
            let _ = tokio::time::timeout(rest, consumer.withdraw()).await;
        }
        self.0.follower.abort();
        shared.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libfast_registry::{Announcement, AnnouncementState, Record};
    use tokio::sync::watch;

    /// Who hurries is not held up by it.
    #[tokio::test]
    async fn a_registry_that_does_not_answer_is_not_waited_for() {
        let client = Client::new("127.0.0.1:1").unwrap();
        let (_state, state) = watch::channel(AnnouncementState::Registered);
        let never = || Box::pin(std::future::pending()) as libfast_registry::Withdraw;
        let consumer = Announcement::new(state, Record::of_this_process(""), |_| unreachable!(), never);
        *client.0.consumer.lock().unwrap() = Some(consumer);
        tokio::time::timeout(Duration::from_secs(20), client.close(Duration::ZERO)).await.expect("it ends");
    }
}
