//! Messages and bytes, from what the state machines of connections count.

use super::families::Families;
use libfast_model::Metric;
use libfast_protocol::{Status, Traffic, Volume};
use prometheus_client::metrics::counter::Counter;

/// The counters of one side.
#[derive(Debug)]
pub(crate) struct TrafficMeter {
    received: [VolumeMeter; 3],
    sent: [VolumeMeter; 3],
}

#[derive(Debug)]
struct VolumeMeter {
    messages: Counter,
    bytes: Counter,
}

const STATUSES: [(Status, &str); 3] =
    [(Status::Data, "data"), (Status::End, "end"), (Status::Error, "error")];

impl TrafficMeter {
    pub fn new(families: &Families, side: &str) -> Self {
        let meters = |direction| {
            STATUSES.map(|(_, status)| VolumeMeter {
                messages: families.counter(Metric::Messages, &[side, direction, status]),
                bytes: families.counter(Metric::MessageBytes, &[side, direction, status]),
            })
        };
        Self { received: meters("received"), sent: meters("sent") }
    }

    /// Adds what came since `published`, which becomes `now`.
    pub fn publish(&self, now: &Traffic, published: &mut Traffic) {
        if now == published {
            return;
        }
        for (i, (status, _)) in STATUSES.into_iter().enumerate() {
            self.received[i].add(now.received(status), published.received(status));
            self.sent[i].add(now.sent(status), published.sent(status));
        }
        *published = *now;
    }
}

impl VolumeMeter {
    fn add(&self, now: Volume, before: Volume) {
        if now.messages != before.messages {
            self.messages.inc_by(now.messages - before.messages);
            self.bytes.inc_by(now.bytes - before.bytes);
        }
    }
}
