'use strict';
// Calls of a client that has interceptors.

const { Readable } = require('node:stream');
const hub = require('./hub.js');
const { Intercepted, gone } = require('./interceptors.js');

const { pass, saw, ended } = Intercepted;

/** Where a call went, once it is over. */
class Way {
  #tag = 0;

  /** To be told before the call begins. */
  follow(tag) {
    this.#tag = tag;
    hub.get().follow(tag);
  }

  /** Its last endpoint and the number of its attempts. */
  taken(error) {
    const [endpoint, attempts] = (this.#tag === 0 ? null : hub.get().way(this.#tag)) ?? ['', 0];
    this.#tag = 0;
    return [endpoint || (error?.endpoint ?? ''), attempts];
  }
}

/** Leads a call through and makes it: `make(call, way)` gives the values; `split` takes these, a count and an error from it. */
async function gathered(call, interceptors, make, split) {
  const way = new Way();
  let result;
  try {
    const values = await pass(call, interceptors);
    result = values === null ? await make(call, way) : split.answer(values);
  } catch (error) {
    ended(call, error, ...way.taken(error));
    throw error;
  }
  const { values, count, error } = split.parts(result);
  for (const value of values) saw(call, value);
  ended(call, error, ...way.taken(error), count);
  return result;
}

/** The values of a call, one by one. It goes through the interceptors with the first `next`. */
class SeenStream {
  #call;
  #interceptors;
  #make;
  #way = new Way();
  #inner = null;
  #turn = Promise.resolve();
  #over = false;

  /** `make(call, way)` gives the stream of the library. */
  constructor(call, interceptors, make) {
    this.#call = call;
    this.#interceptors = interceptors;
    this.#make = make;
    forgotten.register(this, { call, way: this.#way }, this);
  }

  /** In turn: interceptors may take their time, and values come in order. */
  next() {
    const next = this.#turn.then(() => this.#next());
    this.#turn = next.catch(() => {});
    return next;
  }

  async #next() {
    if (this.#over) return { value: undefined, done: true };
    let step;
    try {
      this.#inner ??= await this.#begin();
      step = await this.#inner.next();
    } catch (error) {
      this.#end(error);
      throw error;
    }
    if (step.done) this.#end(null);
    else if (!this.#over) saw(this.#call, step.value);
    return step;
  }

  async #begin() {
    const values = await pass(this.#call, this.#interceptors);
    return values === null ? this.#make(this.#call, this.#way) : values.values();
  }

  #end(error) {
    this.#over = true;
    forgotten.unregister(this);
    ended(this.#call, error, ...this.#way.taken(error));
  }

  /** Abandons the call; `break` in a `for await` comes here. */
  async return(value) {
    if (!this.#over) {
      await this.#inner?.return?.();
      this.#end(gone('AbandonedError', 'the call was abandoned by its caller'));
    }
    return { value, done: true };
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  toReadable(readableOptions = {}) {
    const mark = readableOptions.highWaterMark;
    if (mark !== undefined) this.#call.options.window ??= Math.min(Math.max(mark, 1), MOST_CREDITS);
    return Readable.from(this, { ...readableOptions, objectMode: true });
  }
}

/** The largest window. */
const MOST_CREDITS = 1 << 20;

const forgotten = new FinalizationRegistry(({ call, way }) => {
  const error = gone('AbandonedError', 'the call was abandoned by its caller');
  ended(call, error, ...way.taken(error));
});

module.exports = { gathered, SeenStream };
