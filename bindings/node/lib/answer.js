'use strict';
// Runs the handler of one request and sends what it returns, yields or throws.

const { Ends } = require('./ends.js');
const hub = require('./hub.js');
const { Intercepted, IncomingCall, gone } = require('./interceptors.js');
const { json } = require('./options.js');
const { FastError, invalid, raised } = require('./errors.js');

const { pass, saw, ended } = Intercepted;

/** Values that a generator which never waits may yield before others have their turn on this thread. */
const TURN = 256;

/** What a handler knows of its request. */
class Context {
  #answer;

  constructor(answer, method, peer, args) {
    this.#answer = answer;
    this.method = method;
    this.peer = peer;
    this.args = args;
  }

  /** Aborted once nobody waits for the answer any more. */
  get signal() {
    return this.#answer.signal();
  }

  /** Whether the caller has ended its side of the connection: it may be gone, or read on and wait for the answer. */
  get halfClosed() {
    return this.#answer.cancelled || hub.get().halfClosed(this.#answer.id);
  }

  /** How many milliseconds the caller goes on waiting, 0 once it has stopped; `undefined` if it does not say. */
  get remainingMs() {
    return hub.get().remaining(this.#answer.id) ?? undefined;
  }
}

class Answer {
  constructor(id) {
    this.id = id;
    this.cancelled = false;
    this.controller = null;
    this.wake = null;
  }

  signal() {
    // Few handlers look at it, and making one costs as much as the rest of a request.
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.cancelled) this.controller.abort();
    }
    return this.controller.signal;
  }

  cancel() {
    this.cancelled = true;
    this.controller?.abort();
    this.resume();
  }

  resume() {
    const { wake } = this;
    // First, as what is woken may have to wait again.
    this.wake = null;
    wake?.();
  }

  /** Sends what an iterator yields, as fast as the caller takes it. Gives what it returns. */
  async sendAll(iterator, waits) {
    let sent = 0;
    try {
      for (;;) {
        const step = waits ? await iterator.next() : iterator.next();
        if (step.done) return step.value;
        if (this.cancelled) break;
        const text = json('a value', step.value ?? refuse(step.value));
        const send = () => hub.get().send(this.id, text);
        let more = REFUSED;
        while (!this.cancelled && (more = this.attempt(send)) === REFUSED) await this.writable();
        if (!this.cancelled) this.sent(step.value);
        if (!more) await this.writable();
        else if (++sent % TURN === 0) await new Promise(setImmediate);
        if (this.cancelled) break;
      }
    } catch (error) {
      await iterator.return?.();
      throw error;
    }
    await iterator.return?.();
    return undefined;
  }

  /** A value was sent. */
  sent() {}

  /** Ends with what a handler returned. */
  end(value) {
    if (this.cancelled) return this.over();
    let text = '';
    try {
      // Fast has no null values: as from any language, null is an answer without a value.
      if (value !== undefined && value !== null) text = json('the result', value);
    } catch (error) {
      return this.fail(error);
    }
    ends.add(this, text, hub.answers.size === 1);
  }

  /** The end with that value was not taken. */
  refused(text, report) {
    if (this.cancelled) return this.over();
    const error = raised(report);
    if (error.code !== 'FAST_E_OVERLOAD') return this.fail(error);
    this.wake = () => (this.cancelled ? this.over() : ends.add(this, text, true));
  }

  /** Nothing more is owed. */
  over() {
    hub.answers.delete(this.id);
  }

  /** Ends with an error, if anybody is there to be told. */
  fail(error) {
    try {
      if (!this.cancelled) this.#tell(error);
    } catch {
      // The caller is gone.
    }
    this.over();
    hub.get().forget(this.id);
  }

  #tell(error) {
    const { name, message, info, context, aseErrors } = described(error);
    try {
      hub.get().fail(this.id, name, message, info, context, aseErrors);
    } catch {
      // The info is no object in JSON, or all of it is too large. The caller may also be gone, then this fails, too.
      hub.get().fail(this.id, name.slice(0, 1000), message.slice(0, 1000), '', '', '');
    }
  }

  /** What `send` gives, or REFUSED if too much waits for the caller already: all requests of a connection share that. */
  attempt(send) {
    try {
      return send();
    } catch (report) {
      const error = raised(report);
      if (error.code === 'FAST_E_OVERLOAD') return REFUSED;
      throw error;
    }
  }

  /** Waits until the caller has caught up, or is gone. */
  writable() {
    return new Promise((resolve) => (this.wake = resolve));
  }
}

const REFUSED = Symbol('refused');

const ends = new Ends((ids, values) => hub.get().end(ids, values));

/** An answer that interceptors are told of. */
class SeenAnswer extends Answer {
  /** Set before anything is sent. */
  call = null;
  #last = undefined;
  #error = null;

  sent(value) {
    saw(this.call, value);
  }

  end(value) {
    this.#last = value ?? undefined;
    super.end(value);
  }

  fail(error) {
    this.#error = error;
    super.fail(error);
  }

  over() {
    super.over();
    if (this.cancelled) this.#error ??= gone('ClosedError', `the caller ${this.call.peer} is gone`);
    if (this.#error === null && this.#last !== undefined) saw(this.call, this.#last);
    ended(this.call, this.#error, this.call.peer, 1);
  }
}

/** Answers a request. Never throws: whatever happens is the caller's answer. */
function answer(handler, id, method, peer, args, interceptors) {
  if (interceptors.length > 0) return void answerSeen(handler, id, method, peer, args, interceptors);
  const under = new Answer(id);
  hub.answers.set(id, under);
  run(under, handler, new Context(under, method, peer, args));
}

/** The same, unless an interceptor keeps it from the handler. */
async function answerSeen(handler, id, method, peer, args, interceptors) {
  const under = new SeenAnswer(id);
  hub.answers.set(id, under);
  const context = new Context(under, method, peer, args);
  under.call = new IncomingCall(context);
  let values;
  try {
    values = await pass(under.call, interceptors);
  } catch (error) {
    return under.fail(error);
  }
  run(under, values === null ? handler : function* () { yield* values; }, context);
}

/** Runs a handler. */
function run(under, handler, context) {
  let result;
  try {
    result = handler(context, ...context.args);
    if (isLater(result)) return void finish(under, result);
  } catch (error) {
    return under.fail(error);
  }
  under.end(result);
}

/** Whether a result is not the value of the answer, but brings it: a promise, what a generator made, or any asynchronous
 * iterable. Arrays, maps and texts are values. */
function isLater(result) {
  return isThenable(result) || isAsyncIterable(result) || isGenerator(result);
}

/** Never rejects, either. */
async function finish(under, result) {
  try {
    if (isThenable(result)) result = await result;
    if (isAsyncIterable(result)) result = await under.sendAll(result[Symbol.asyncIterator](), true);
    else if (isGenerator(result)) result = await under.sendAll(result, false);
  } catch (error) {
    return under.fail(error);
  }
  under.end(result);
}

function isThenable(result) {
  return typeof result?.then === 'function';
}

function isAsyncIterable(result) {
  return isObject(result) && typeof result[Symbol.asyncIterator] === 'function';
}

function isGenerator(result) {
  return isObject(result) && typeof result.next === 'function' && typeof result[Symbol.iterator] === 'function';
}

function isObject(result) {
  return typeof result === 'object' && result !== null;
}

function refuse(value) {
  throw invalid(`a handler yielded ${value}, which is no value in Fast`);
}

/** What was thrown as texts for the wire. No stack: it is nobody else's business. */
function described(thrown) {
  try {
    const error = typeof thrown === 'object' && thrown !== null ? thrown : { message: String(thrown) };
    const known = error instanceof FastError ? error : undefined;
    const more = { info: infoOf(error.info), context: textOf(error.context), aseErrors: textOf(error.aseErrors) };
    // What another server said is passed on as it was said.
    if (known?.remoteName) return { name: String(known.remoteName), message: String(known.remoteMessage), ...more };
    if (known) more.info = infoOf({ code: known.code });
    return { name: String(error.name ?? 'Error'), message: String(error.message ?? ''), ...more };
  } catch {
    const message = 'the handler threw something that cannot be described';
    return { name: 'Error', message, info: '', context: '', aseErrors: '' };
  }
}

function infoOf(info) {
  return typeof info === 'object' && !Array.isArray(info) ? textOf(info) : '';
}

/** The JSON text of a value; none for what there is none of. */
function textOf(value) {
  if (value === undefined || value === null) return '';
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '';
  }
}

module.exports = { answer };
