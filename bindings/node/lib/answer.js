'use strict';
// Runs the handler of one request and sends what it returns, yields or throws.

const hub = require('./hub.js');
const { json } = require('./options.js');
const { FastError, REMOTE_MESSAGE, invalid } = require('./errors.js');

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
        const value = step.value ?? refuse(step.value);
        const more = hub.get().send(this.id, json('a value', value));
        if (!more) await new Promise((resolve) => (this.wake = resolve));
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

  end(value) {
    if (this.cancelled) return;
    // Fast has no null values: as from any language, null is an answer without a value.
    hub.get().end(this.id, value === undefined || value === null ? undefined : json('the result', value));
  }

  fail(error) {
    if (this.cancelled) return;
    const { name, message, info } = described(error);
    try {
      hub.get().fail(this.id, name, message, info);
    } catch {
      // The info is no object in JSON, or all of it is too large. The caller may also be gone, then this fails, too.
      hub.get().fail(this.id, name, message.slice(0, 1000), '');
    }
  }
}

/** Never rejects: whatever happens is the caller's answer. */
async function answer(handler, id, method, peer, text) {
  const under = new Answer(id);
  hub.answers.set(id, under);
  try {
    const args = JSON.parse(text);
    let result = handler(new Context(under, method, peer, args), ...args);
    if (typeof result?.then === 'function') result = await result;
    const [iterator, waits] = iteratorOf(result);
    under.end(iterator ? await under.sendAll(iterator, waits) : result);
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

/** Name, message and info of what was thrown, for the wire. No stack: it is nobody else's business. */
function described(thrown) {
  try {
    const error = typeof thrown === 'object' && thrown !== null ? thrown : { message: String(thrown) };
    const known = error instanceof FastError ? error : undefined;
    // What another server said is passed on as it was said.
    if (known?.remoteName) {
      return { name: known.remoteName, message: known[REMOTE_MESSAGE] ?? known.message, info: infoOf(known.info) };
    }
    const info = known ? { code: known.code } : error.info;
    return { name: String(error.name ?? 'Error'), message: String(error.message ?? ''), info: infoOf(info) };
  } catch {
    return { name: 'Error', message: 'the handler threw something that cannot be described', info: '' };
  }
}

function infoOf(info) {
  if (typeof info !== 'object' || info === null || Array.isArray(info)) return '';
  try {
    return JSON.stringify(info) ?? '';
  } catch {
    return '';
  }
}

module.exports = { answer };
