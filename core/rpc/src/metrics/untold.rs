//! The calls of a connection that the metrics have not been told of yet.

use crate::methods::Method;
use std::sync::Arc;
use std::time::Duration;

/// Those of one method, as nearly all of a batch are: what is shared by all threads is written once for them.
#[derive(Default)]
pub(crate) struct Untold {
    method: Option<Arc<Method>>,
    /// How many more run than the metrics know.
    running: i64,
    /// How long those took that ended well.
    took: Vec<Duration>,
}

/// Durations kept, at most.
const MOST: usize = 64;

impl Untold {
    /// A request is handed to its handler.
    pub fn begin(&mut self, method: &Arc<Method>) {
        self.turn_to(method);
        self.running += 1;
    }

    /// A request that began has ended. An empty `error_type` is success.
    pub fn end(&mut self, method: &Arc<Method>, took: Duration, error_type: &str) {
        self.turn_to(method);
        self.running -= 1;
        let Some(meter) = &method.meter else { return };
        match error_type {
            "" => self.took.push(took),
            error_type => meter.record(took, error_type),
        }
        if self.took.len() == MOST {
            self.publish();
        }
    }

    /// Tells the metrics.
    pub fn publish(&mut self) {
        if let Some(meter) = self.method.as_ref().and_then(|method| method.meter.as_ref()) {
            meter.publish(self.running, &self.took);
        }
        self.running = 0;
        self.took.clear();
    }

    fn turn_to(&mut self, method: &Arc<Method>) {
        if !self.method.as_ref().is_some_and(|known| Arc::ptr_eq(known, method)) {
            self.publish();
            self.method = Some(method.clone());
        }
    }
}
