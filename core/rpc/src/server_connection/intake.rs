//! Which requests of a connection run.

use super::{ServerConnection, State};
use crate::clock::Start;
use crate::gate::Entry;
use crate::methods::{Method, MethodKey};
use crate::refusal::Refusal;
use crate::request::Request;
use crate::running::Running;
use bytes::Bytes;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

/// A request as it came.
pub(super) struct Asked {
    pub id: u32,
    pub args: Bytes,
    pub deadline_ms: Option<u64>,
    pub start: Start,
}

impl ServerConnection {
    /// The request to hand to the handler of that method, or none if it waits or cannot be run and was answered.
    pub(super) fn take<'s>(
        self: &'s Arc<Self>,
        state: &mut State,
        method: &str,
        asked: Asked,
    ) -> Option<(Request, &'s Method)> {
        let (id, start) = (asked.id, asked.start);
        // The id is in flight, so answering cannot fail.
        let Some((key, method)) = self.server.methods.find(method) else {
            if !self.answer_reserved(state, start.wall_micros(), id, method, &asked.args) {
                let _ = state.wire.fail_unknown_method(start.wall_micros(), id);
                state.account.unregistered(&start);
            }
            return None;
        };
        let name = state.watching.name.as_deref();
        let meter = self.server.meter.as_deref();
        let (why, error) = match self.server.limits.check(&self.peer, name, &method.name, &start, meter) {
            None => match self.admit(state, (key, method), asked) {
                Ok(request) => return request.map(|request| (request, &**method)),
                Err(why) => (why, Cow::Borrowed(self.server.refusals.error(why))),
            },
            Some((why, error)) => (why, Cow::Owned(error)),
        };
        let _ = state.wire.fail(start.wall_micros(), id, &error);
        state.account.refused(method, why, &start);
        None
    }

    /// The request, made only once it is known not to be refused; none if it waits.
    fn admit(
        self: &Arc<Self>,
        state: &mut State,
        method: (MethodKey, &Arc<Method>),
        asked: Asked,
    ) -> Result<Option<Request>, Refusal> {
        let server = &self.server;
        if asked.deadline_ms == Some(0) {
            return Err(Refusal::Expired);
        }
        // With the one that came.
        if state.owed() as u64 > server.options.max_inflight_per_connection {
            return Err(Refusal::Connection);
        }
        if !state.admitted.take(server) {
            return Err(Refusal::Overloaded);
        }
        let Some(gate) = &server.gate else { return Ok(Some(self.begin(state, method, asked))) };
        let start = asked.start;
        match gate.enter(&start, self.id, || self.begin(state, method, asked)) {
            Entry::Run(request) => Ok(Some(request)),
            Entry::Waits(displaced) => {
                state.displaced.extend(displaced);
                Ok(None)
            }
            Entry::Refused => {
                state.admitted.ended(1, server);
                Err(Refusal::Queue)
            }
        }
    }

    fn begin(
        self: &Arc<Self>,
        state: &mut State,
        (key, method): (MethodKey, &Arc<Method>),
        asked: Asked,
    ) -> Request {
        let Asked { id, args, deadline_ms, start } = asked;
        let deadline = deadline_ms.and_then(|ms| start.after_ms(ms));
        let running = Arc::new(Running::new(self.clone(), id, key, args, start, deadline));
        state.wire.attach(id, running.clone());
        state.account.begin(method);
        Request::new(running)
    }

    /// A request needs its place among those that run no more, if it has one. `is_answered`: how long it ran says something about
    /// the load. Not to be called under the lock: others may run then.
    pub fn leave(&self, request: &Running, is_answered: bool) {
        if let Some(gate) = &self.server.gate
            && request.place.leave()
        {
            gate.leave(is_answered.then(|| request.took(Instant::now())));
        }
    }
}
