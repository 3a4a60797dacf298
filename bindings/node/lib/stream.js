'use strict';
const { Readable } = require('node:stream');
const abort = require('./abort.js');
const hub = require('./hub.js');
const { Aborted, raised } = require('./errors.js');

const END = Symbol('end');
/** The largest window; a readable stream may have a larger mark. */
const MOST_CREDITS = 1 << 20;

/** The values of a call, one by one. The request leaves with the first `next`. */
class Stream {
  #start;
  #method;
  #settings;
  #window;
  #keeper;
  #signal;
  #inbox = null;

  constructor(start, method, settings, window, keeper, signal) {
    this.#start = start;
    this.#method = method;
    this.#settings = settings;
    this.#window = window;
    this.#keeper = keeper;
    this.#signal = signal;
  }

  async next() {
    try {
      this.#inbox ??= this.#open();
      const value = await this.#inbox.take();
      return value === END ? { value: undefined, done: true } : { value, done: false };
    } catch (report) {
      throw raised(report);
    }
  }

  /** Abandons the call; `break` in a `for await` comes here. */
  async return(value) {
    this.#inbox ??= Inbox.closed();
    this.#inbox.abandon();
    return { value, done: true };
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** A readable stream of the same values; its `highWaterMark` is also the window of the call. */
  toReadable(readableOptions = {}) {
    const mark = readableOptions.highWaterMark;
    if (mark !== undefined) {
      const window = Math.min(Math.max(mark, 1), MOST_CREDITS);
      this.#settings = [...(this.#settings ?? []), 'window', String(window)];
    }
    return Readable.from(this, { ...readableOptions, objectMode: true });
  }

  #open() {
    const window = windowOf(this.#settings) ?? this.#window;
    const inbox = new Inbox(window, this.#keeper, this.#method, this.#signal);
    inbox.open((tag) => this.#start(tag, this.#settings));
    forgotten.register(this, inbox);
    return inbox;
  }
}

/** What came and was not taken yet. It does not know its stream, so that a forgotten stream can be collected. */
class Inbox {
  constructor(window, keeper, method, signal) {
    this.batch = Math.max(1, window >> 1);
    this.keeper = keeper;
    this.method = method;
    this.signal = signal;
    this.tag = 0;
    this.values = [];
    this.head = 0;
    this.taken = 0;
    /** Those who wait in `take`, in order. While there are any, the process stays alive. */
    this.waiting = [];
    this.over = false;
    this.report = undefined;
    this.abort = null;
  }

  static closed() {
    const inbox = new Inbox(1);
    inbox.over = true;
    return inbox;
  }

  open(start) {
    const { signal } = this;
    if (signal?.aborted) throw new Aborted(signal, this.method);
    start(hub.add(hub.receivers, this));
    if (signal) {
      this.abort = () => this.#close((report) => new Aborted(signal, this.method, report));
      abort.watch(signal, this.abort);
    }
  }

  /** The next value, or END. */
  take() {
    if (this.head < this.values.length) {
      const value = this.values[this.head];
      this.values[this.head++] = undefined;
      if (this.head === this.values.length) {
        this.values.length = 0;
        this.head = 0;
      }
      this.#grant();
      return value;
    }
    if (this.over) {
      const { report } = this;
      this.report = undefined;
      if (report !== undefined) throw report;
      return END;
    }
    this.keeper.add();
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  value(value) {
    const waiter = this.waiting.shift();
    if (!waiter) {
      this.values.push(value);
      return;
    }
    this.keeper.remove();
    this.#grant();
    waiter.resolve(value);
  }

  done() {
    this.#end(undefined);
  }

  failed(report) {
    this.#end(report);
  }

  abandon() {
    if (!this.over) this.#close(() => undefined);
    this.values.length = this.head = 0;
    this.report = undefined;
  }

  #grant() {
    this.taken += 1;
    if (this.taken >= this.batch && !this.over) {
      hub.get().grant(this.tag, this.taken);
      this.taken = 0;
    }
  }

  /** `why` makes what the reader is told of what the native half knows of the call. */
  #close(why) {
    hub.receivers.delete(this.tag);
    const report = hub.get().abandon(this.tag);
    this.values.length = this.head = 0;
    this.#end(why(report));
  }

  #end(report) {
    this.over = true;
    this.report = report;
    if (this.abort) abort.forget(this.signal, this.abort);
    for (const waiter of this.waiting.splice(0)) {
      this.keeper.remove();
      if (this.report === undefined) {
        waiter.resolve(END);
      } else {
        waiter.reject(this.report);
        this.report = undefined;
      }
    }
  }
}

/** A stream that nobody holds any more would wait for its reader for ever. */
const forgotten = new FinalizationRegistry((inbox) => inbox.abandon());

function windowOf(settings) {
  const at = settings ? settings.lastIndexOf('window') : -1;
  return at < 0 ? undefined : Number(settings[at + 1]) || 1;
}

module.exports = { Stream };
