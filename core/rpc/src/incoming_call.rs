//! A request as the interceptors of a server see it.

use crate::interceptors::{Answer, Chain, Hooks, Outcome, guarded};
use crate::remote;
use crate::request::Request;
use crate::value::Value;
use bytes::Bytes;
use libfast_model::Result;
use serde::Serialize;

/// Looks at each request before its handler, on a thread that does I/O: it must not block. To refuse the request it returns an
/// error, which the caller gets as if the handler had returned it; to answer it, see [`IncomingCall::answer`]; in both cases
/// the interceptors after it, and the handler, do not see it.
pub type ServerInterceptor = dyn Fn(&mut IncomingCall<'_>) -> Result<()> + Send + Sync;

/// A request before it is handled.
pub struct IncomingCall<'r> {
    request: &'r Request,
    answer: Answer,
    hooks: Hooks,
}

impl<'r> IncomingCall<'r> {
    /// Leads a request through the interceptors of its server, and to its handler if they pass it on.
    pub(crate) fn pass(request: Request, chain: &Chain<ServerInterceptor>, handle: impl FnOnce(Request)) {
        let mut this = IncomingCall { request: &request, answer: Answer::default(), hooks: Hooks::default() };
        let mut refused = None;
        for interceptor in chain.iter() {
            refused = guarded(request.method(), || interceptor(&mut this)).err();
            if refused.is_some() || this.answer.is_given() {
                break;
            }
        }
        let IncomingCall { answer, hooks, .. } = this;
        request.watched_by(hooks);
        match (refused, answer.into_values()) {
            // The caller may be gone by now, and needs no answer then.
            (Some(error), _) => _ = request.fail(&remote::to_wire(&error)),
            (None, Some(values)) => request.answer(values),
            (None, None) => handle(request),
        }
    }

    /// The name of the method.
    pub fn method(&self) -> &'r str {
        self.request.method()
    }

    /// The request, for the rest of what is known of it: its arguments, who its caller is and how long that waits.
    pub fn request(&self) -> &'r Request {
        self.request
    }

    /// Answers the request with a value, after those that were given before; `()` is an answer without one.
    pub fn answer(&mut self, value: &impl Serialize) -> Result<()> {
        self.answer.push(value)
    }

    /// As [`answer`](Self::answer), with the JSON text of the value.
    pub fn answer_text(&mut self, text: impl Into<Bytes>) -> Result<()> {
        self.answer.push_text(text.into(), self.request.max_depth())
    }

    /// Has `hook` told of each value that goes to the caller.
    pub fn on_value(&mut self, hook: impl Fn(&Value) + Send + Sync + 'static) {
        self.hooks.values.add(hook);
    }

    /// Has `hook` told, once, of the end of the answer. The last interceptor hears first. If the caller was gone by then the
    /// error is `Closed`.
    pub fn on_end(&mut self, hook: impl FnOnce(&Outcome<'_>) + Send + 'static) {
        self.hooks.end.add(hook);
    }
}

impl std::fmt::Debug for IncomingCall<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IncomingCall({:?})", self.request)
    }
}
