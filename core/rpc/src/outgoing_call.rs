//! A call of a client as its interceptors see it.

use crate::call::Call;
use crate::call_options::CallOptions;
use crate::client::Client;
use crate::interceptors::{Answer, Chain, Hooks, Outcome, guarded};
use crate::remote;
use crate::value::Value;
use bytes::Bytes;
use libfast_model::{Error, ErrorKind, Result};
use serde::Serialize;

/// Looks at each call before it begins, on the thread of the caller: it must not block for long. To fail the call it returns an
/// error; to answer it, see [`OutgoingCall::answer`]; in both cases the interceptors after it, and the server, do not see it.
pub type ClientInterceptor = dyn Fn(&mut OutgoingCall<'_>) -> Result<()> + Send + Sync;

/// A call before it begins. What it carries may be changed.
pub struct OutgoingCall<'c> {
    /// How the call is made: its time, whether it is idempotent, what it belongs to.
    pub options: CallOptions,
    client: &'c Client,
    method: &'c str,
    args: Bytes,
    answer: Answer,
    hooks: Hooks,
}

impl<'c> OutgoingCall<'c> {
    /// Leads a call through the interceptors of its client.
    pub(crate) fn pass(
        client: &'c Client,
        method: &'c str,
        args: Bytes,
        options: CallOptions,
        chain: &Chain<ClientInterceptor>,
    ) -> Call {
        let (answer, hooks) = (Answer::default(), Hooks::default());
        let mut this = Self { options, client, method, args, answer, hooks };
        let mut each = chain.iter();
        let passed = loop {
            match each.next() {
                Some(interceptor) if !this.answer.is_given() => {
                    if let Err(error) = guarded(method, || interceptor(&mut this)) {
                        break Err(error);
                    }
                }
                _ => break Ok(()),
            }
        };
        let Self { options, args, answer, hooks, .. } = this;
        let values = passed.and_then(|()| answer.into_array(client.options().max_depth as usize));
        let call = match values {
            Err(error) => Call::failed(client.clone(), method, remote::with_call(error, method, None)),
            Ok(Some(values)) => Call::answered(client.clone(), method, values),
            Ok(None) => client.begin(method, args, options),
        };
        call.watched_by(hooks)
    }

    /// What the client was made of: a service with its registry, or addresses.
    pub fn target(&self) -> &'c str {
        &self.client.shared().target
    }

    /// The name of the method.
    pub fn method(&self) -> &'c str {
        self.method
    }

    /// The arguments as the text of a JSON array.
    pub fn args_text(&self) -> &Bytes {
        &self.args
    }

    /// Replaces the arguments with some that serialise to a JSON array.
    pub fn set_args(&mut self, args: &impl Serialize) -> Result<()> {
        let text = serde_json::to_vec(args).map_err(|error| {
            let message = format!("the arguments of {:?} cannot be written as JSON: {error}", self.method);
            Error::new(ErrorKind::Invalid, message)
        })?;
        self.set_args_text(text.into());
        Ok(())
    }

    /// Replaces the arguments with the text of a JSON array. It is checked when the call begins.
    pub fn set_args_text(&mut self, text: Bytes) {
        self.args = text;
    }

    /// Answers the call with a value, after those that were given before; `()` is an answer without one. No attempt is made.
    pub fn answer(&mut self, value: &impl Serialize) -> Result<()> {
        self.answer.push(value)
    }

    /// As [`answer`](Self::answer), with the JSON text of the value.
    pub fn answer_text(&mut self, text: impl Into<Bytes>) -> Result<()> {
        self.answer.push_text(text.into(), self.client.options().max_depth as usize)
    }

    /// Has `hook` told of each value when the caller takes it.
    pub fn on_value(&mut self, hook: impl Fn(&Value) + Send + Sync + 'static) {
        self.hooks.values.add(hook);
    }

    /// Has `hook` told, once, of the end of the call when the caller learns of it, or when it drops the call. The last
    /// interceptor hears first.
    pub fn on_end(&mut self, hook: impl FnOnce(&Outcome<'_>) + Send + 'static) {
        self.hooks.end.add(hook);
    }
}

impl std::fmt::Debug for OutgoingCall<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OutgoingCall({:?} of {})", self.method, self.target())
    }
}
