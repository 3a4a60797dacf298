//! Events on their way to JavaScript, many at a time: an object, a string and a parse for each would cost more than the
//! event.

use crate::failure;
use crate::outcome::Outcome;
use libfast_embed::ServerRequest;
use libfast_model::{Error, ErrorKind, Result};
use napi::bindgen_prelude::{Array, FromNapiValue, ToNapiValue};
use napi::{Env, JsString, JsValue, Unknown, check_status, sys};
use std::ptr;

/// What is kept from one batch to the next.
///
/// An event is [`HEAD`] numbers: its kind, its tag or id, and what is said at its kind. JSON values are the elements of
/// texts, each of them the text of an array: `lib/hub.js` parses those and takes an element for each event that has a
/// value. Whatever else an event has is a payload.
#[derive(Default)]
pub struct Batch {
    text: Vec<u8>,
    /// Whom the last request came from: most come in bursts from one caller.
    peer: String,
}

/// Numbers for each event, as in `lib/hub.js`.
const HEAD: usize = 3;

// Kinds of events, as in `lib/hub.js`.
/// A value of a call.
const VALUE: u32 = 0;
/// A call is over that has its values; the third number is how many came.
const DONE: u32 = 1;
/// As `DONE`, of a call that failed; its payload is the error.
const CUT: u32 = 2;
/// A call is over whose values came before.
const ENDED: u32 = 3;
/// The same of one that failed; its payload is the error.
const FAILED: u32 = 4;
/// A request, whose value is its arguments; the third number is its method's tag.
const REQUEST: u32 = 5;
/// The requests that follow are from the caller who is the payload.
const PEER: u32 = 6;
const CANCELLED: u32 = 7;
const WRITABLE: u32 = 8;
/// Results of waits, as many as the second number says. Each has three payloads: tag, error or null, result.
const OUTCOMES: u32 = 9;
/// An entry in a registry is in another state; its payloads are the state, and the error or null.
const ANNOUNCEMENT: u32 = 10;

/// Bytes of values above which another text is begun.
const TEXT_BYTES: usize = 64 * 1024;
/// What V8 accepts, in UTF-16 units, of which there are never more than bytes. Two are the brackets of the text.
const LONGEST_VALUE: usize = (1 << 29) - 24 - 2;

impl Batch {
    /// How many events fit: there may be a `PEER` before each.
    pub fn room(heads: &[f64]) -> usize {
        heads.len() / HEAD / 2
    }

    /// Begins to write events for JavaScript.
    pub fn begin<'b, 'env>(&'b mut self, env: &'env Env, heads: &'b mut [f64]) -> Writing<'b, 'env> {
        Writing { kept: self, env, heads, events: 0, texts: Vec::new(), payloads: Vec::new() }
    }
}

/// A batch that is being written.
pub struct Writing<'b, 'env> {
    kept: &'b mut Batch,
    env: &'env Env,
    heads: &'b mut [f64],
    events: usize,
    texts: Vec<Unknown<'env>>,
    payloads: Vec<Unknown<'env>>,
}

impl<'env> Writing<'_, 'env> {
    pub fn value(&mut self, tag: u64, value: &[u8]) -> napi::Result<()> {
        if value.len() > LONGEST_VALUE {
            return self.ended(tag, Some(too_long(value)));
        }
        self.json(value)?;
        self.event(VALUE, tag, 0);
        Ok(())
    }

    pub fn done(&mut self, tag: u64, values: &[u8], count: u64, error: Option<Error>) -> napi::Result<()> {
        if values.len() > LONGEST_VALUE {
            return self.ended(tag, Some(too_long(values)));
        }
        self.json(values)?;
        match error {
            None => self.event(DONE, tag, count),
            Some(error) => {
                self.event(CUT, tag, count);
                self.payload(failure::text(&error))?;
            }
        }
        Ok(())
    }

    pub fn ended(&mut self, tag: u64, error: Option<Error>) -> napi::Result<()> {
        match error {
            None => self.event(ENDED, tag, 0),
            Some(error) => {
                self.event(FAILED, tag, 0);
                self.payload(failure::text(&error))?;
            }
        }
        Ok(())
    }

    pub fn request(&mut self, id: u64, tag: u64, request: &ServerRequest) -> napi::Result<()> {
        if request.peer() != self.kept.peer {
            self.kept.peer = request.peer().to_owned();
            self.event(PEER, 0, 0);
            self.payload(request.peer())?;
        }
        self.json(request.args())?;
        self.event(REQUEST, id, tag);
        Ok(())
    }

    pub fn cancelled(&mut self, id: u64) {
        self.event(CANCELLED, id, 0);
    }

    pub fn writable(&mut self, id: u64) {
        self.event(WRITABLE, id, 0);
    }

    pub fn announcement(&mut self, tag: u64, state: &str, error: Option<Error>) -> napi::Result<()> {
        self.event(ANNOUNCEMENT, tag, 0);
        self.payload(state)?;
        self.payload(error.as_ref().map(failure::text))
    }

    pub fn outcomes(&mut self, outcomes: Vec<(u64, Result<Outcome>)>) -> napi::Result<()> {
        self.event(OUTCOMES, outcomes.len() as u64, 0);
        for (tag, outcome) in outcomes {
            self.payload(tag as f64)?;
            self.payload(outcome.as_ref().err().map(failure::text))?;
            match outcome {
                Ok(Outcome::Nothing) | Err(_) => self.payload(())?,
                Ok(Outcome::Text(text)) => self.payload(text)?,
                Ok(Outcome::Picked(picked)) => self.payload(picked)?,
                Ok(Outcome::Announced(announced)) => self.payload(announced)?,
            }
        }
        Ok(())
    }

    /// `[more, events, texts]`, then the texts and the payloads.
    pub fn finish(mut self, more: bool) -> napi::Result<Array<'env>> {
        self.close_text()?;
        let Self { kept, env, events, texts, payloads, .. } = self;
        // What a large value needed is not kept.
        kept.text.shrink_to(TEXT_BYTES);
        let mut array = env.create_array(3)?;
        array.set(0, more)?;
        array.set(1, events as u32)?;
        array.set(2, texts.len() as u32)?;
        for (i, item) in texts.into_iter().chain(payloads).enumerate() {
            array.set(3 + i as u32, item)?;
        }
        Ok(array)
    }

    fn event(&mut self, kind: u32, number: u64, third: u64) {
        // Numbers of JavaScript: exact up to 2^53, which a count of calls does not reach.
        let head = [f64::from(kind), number as f64, third as f64];
        self.heads[self.events * HEAD..][..HEAD].copy_from_slice(&head);
        self.events += 1;
    }

    fn json(&mut self, value: &[u8]) -> napi::Result<()> {
        let length = self.kept.text.len();
        if length > 0 && length + value.len() > TEXT_BYTES {
            self.close_text()?;
        }
        let text = &mut self.kept.text;
        text.push(if text.is_empty() { b'[' } else { b',' });
        text.extend_from_slice(value);
        Ok(())
    }

    fn close_text(&mut self) -> napi::Result<()> {
        let text = &mut self.kept.text;
        if text.is_empty() {
            return Ok(());
        }
        text.push(b']');
        let string = match text.is_ascii() {
            true => ascii(self.env, text)?,
            false => self.env.create_string(String::from_utf8_lossy(text))?,
        };
        text.clear();
        self.texts.push(string.to_unknown());
        Ok(())
    }

    fn payload(&mut self, payload: impl ToNapiValue) -> napi::Result<()> {
        let env = self.env.raw();
        // SAFETY: on the environment's thread, in a function that JavaScript called.
        let payload = unsafe { Unknown::from_raw_unchecked(env, ToNapiValue::to_napi_value(env, payload)?) };
        self.payloads.push(payload);
        Ok(())
    }
}

/// Copied as it is, which nothing but ASCII can be.
fn ascii<'env>(env: &'env Env, text: &[u8]) -> napi::Result<JsString<'env>> {
    let mut string = ptr::null_mut();
    // SAFETY: `text` is copied before this returns, and holds one character of Latin-1 for each byte.
    unsafe {
        let (chars, length) = (text.as_ptr().cast(), text.len() as isize);
        check_status!(sys::napi_create_string_latin1(env.raw(), chars, length, &mut string))?;
        JsString::from_napi_value(env.raw(), string)
    }
}

fn too_long(value: &[u8]) -> Error {
    let message = format!("{} bytes of values are more than a JavaScript string holds", value.len());
    Error::new(ErrorKind::TooLarge, message)
}
