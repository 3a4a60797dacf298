'use strict';
// Runs the handler of one request and sends what it returns, yields or throws.

const hub = require('./hub.js');
const { json } = require('./options.js');
const { FastError, invalid, raised } = require('./errors.js');

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
    this.wake?.();
    this.wake = null;
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

  async end(value) {
    // Fast has no null values: as from any language, null is an answer without a value.
    const text = value === undefined || value === null ? undefined : json('the result', value);
    const end = () => hub.get().end(this.id, text);
    while (!this.cancelled && this.attempt(end) === REFUSED) await this.writable();
  }

  fail(error) {
    if (this.cancelled) return;
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

/** Never rejects: whatever happens is the caller's answer. */
async function answer(handler, id, method, peer, args) {
  const under = new Answer(id);
  hub.answers.set(id, under);
  try {
    let result = handler(new Context(under, method, peer, args), ...args);
    if (typeof result?.then === 'function') result = await result;
    const [iterator, waits] = iteratorOf(result);
    await under.end(iterator ? await under.sendAll(iterator, waits) : result);
  } catch (error) {
    try {
      under.fail(error);
    } catch {
      // Nobody is there to be told.
    }
  } finally {
    hub.answers.delete(id);
    hub.get().forget(id);
  }
}

/** An iterator of what a generator made, or of any asynchronous iterable. Arrays, maps and texts are values. */
function iteratorOf(result) {
  if (typeof result !== 'object' || result === null) return [null, false];
  if (typeof result[Symbol.asyncIterator] === 'function') return [result[Symbol.asyncIterator](), true];
  const generator = typeof result.next === 'function' && typeof result[Symbol.iterator] === 'function';
  return [generator ? result : null, false];
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
