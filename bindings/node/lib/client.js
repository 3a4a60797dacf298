'use strict';
const native = require('./native.js');
const abort = require('./abort.js');
const hub = require('./hub.js');
const options = require('./options.js');
const { Aborted, raised, invalid } = require('./errors.js');
const { flushAll } = require('./outbox.js');
const { OutgoingCall } = require('./interceptors.js');
const { gathered, SeenStream } = require('./seen.js');
const { ALL, ONE_BY_ONE, Starts } = require('./starts.js');
const { Stream } = require('./stream.js');

/** A client of one service or of fixed endpoints. */
class Client {
  #native;
  #starts;
  #target;
  #interceptors = [];
  #keeper = new hub.Keeper();

  constructor(target, clientOptions) {
    options.text('target', target);
    const pairs = options.pairs(clientOptions);
    this.#target = target;
    try {
      this.#native = new native.Client(target, pairs);
    } catch (error) {
      throw raised(error);
    }
    this.#starts = new Starts((kinds, heads, args) => this.#native.start(hub.get(), kinds, heads, args));
  }

  /** Has calls that begin from now on go through `interceptor(call)`, behind those that were installed before. */
  intercept(interceptor) {
    if (typeof interceptor !== 'function') throw invalid('an interceptor must be a function');
    this.#interceptors.push(interceptor);
    return this;
  }

  async call(method, args = [], callOptions) {
    options.text('method', method);
    if (this.#interceptors.length > 0) {
      const call = new OutgoingCall(this.#target, method, args, callOptions);
      return gathered(call, this.#interceptors, ({ args, options }, way) => this.#call(method, args, options, way), WHOLE);
    }
    return this.#call(method, args, callOptions);
  }

  async #call(method, args, callOptions, way) {
    const text = options.json(`the arguments of "${method}"`, args);
    const { signal, settings } = options.ofCall(callOptions);
    try {
      return await this.#gathered(ALL, method, text, settings, signal, way);
    } catch (report) {
      throw raised(report);
    }
  }

  async callBuffered(method, args = [], callOptions) {
    options.text('method', method);
    if (this.#interceptors.length > 0) {
      const call = new OutgoingCall(this.#target, method, args, callOptions);
      const most = { ...PART, answer: (values) => PART.answer(values, call.options.maxValues) };
      return gathered(call, this.#interceptors, ({ args, options }, way) => this.#callBuffered(method, args, options, way), most);
    }
    return this.#callBuffered(method, args, callOptions);
  }

  async #callBuffered(method, args, callOptions, way) {
    const text = options.json(`the arguments of "${method}"`, args);
    const { maxValues, ...others } = callOptions ?? {};
    if (!Number.isSafeInteger(maxValues) || maxValues < 0) {
      throw invalid(`option "maxValues" must be a whole number from 0 on, not ${String(maxValues)}`);
    }
    const { signal, settings } = options.ofCall(others);
    try {
      const { values, count, report } = await this.#gathered(maxValues, method, text, settings, signal, way);
      return { values, count, error: report === null ? null : raised(report) };
    } catch (report) {
      throw raised(report);
    }
  }

  /** What a call gives whose values come together: all of them, or `most` and how it ended. */
  #gathered(most, method, text, settings, signal, way) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) throw new Aborted(signal, method);
      const tag = hub.add(hub.receivers, new Pending(resolve, reject, this.#keeper, most, method, signal));
      way?.follow(tag);
      this.#starts.add(tag, most, method, settings, text, hub.isAlone());
    });
  }

  stream(method, args = [], callOptions) {
    options.text('method', method);
    if (this.#interceptors.length > 0) {
      const call = new OutgoingCall(this.#target, method, args, callOptions);
      return new SeenStream(call, this.#interceptors, ({ args, options }, way) => this.#stream(method, args, options, way));
    }
    return this.#stream(method, args, callOptions);
  }

  #stream(method, args, callOptions, way) {
    const text = options.json(`the arguments of "${method}"`, args);
    const { signal, settings } = options.ofCall(callOptions);
    const start = (tag, pairs) => {
      way?.follow(tag);
      this.#starts.add(tag, ONE_BY_ONE, method, pairs, text, hub.isAlone());
    };
    return new Stream(start, method, settings, this.#native.window(), this.#keeper, signal);
  }

  async ready(timeout_ms = 5000) {
    options.milliseconds('timeout_ms', timeout_ms);
    await hub.wait((to, tag) => this.#native.ready(to, tag, timeout_ms), this.#keeper);
  }

  async pick() {
    return new Picked(await hub.wait((to, tag) => this.#native.pick(to, tag), this.#keeper));
  }

  stats() {
    flushAll();
    try {
      return JSON.parse(this.#native.stats());
    } catch (error) {
      throw raised(error);
    }
  }

  kang() {
    flushAll();
    try {
      return JSON.parse(this.#native.kang());
    } catch (error) {
      throw raised(error);
    }
  }

  async close(drain_ms = 0) {
    options.milliseconds('drain_ms', drain_ms);
    await hub.wait((to, tag) => this.#native.close(to, tag, drain_ms), this.#keeper);
  }

  unref() {
    this.#keeper.unref();
    return this;
  }
}

/** How interceptors see what `call` gives. */
const WHOLE = { answer: (values) => values, parts: (values) => ({ values, count: values.length, error: null }) };
/** And `callBuffered`. */
const PART = {
  answer: (values, most) => ({ values: values.slice(0, most), count: values.length, error: null }),
  parts: (buffered) => buffered,
};

/** A call whose values come together. */
class Pending {
  constructor(resolve, reject, keeper, most, method, signal) {
    this.resolve = resolve;
    this.reject = reject;
    this.keeper = keeper;
    this.most = most;
    this.signal = signal;
    this.tag = 0;
    this.abort = null;
    keeper.add();
    if (signal) this.watch(method);
  }

  watch(method) {
    this.abort = () => {
      hub.receivers.delete(this.tag);
      this.failed(new Aborted(this.signal, method, hub.get().abandon(this.tag)));
    };
    abort.watch(this.signal, this.abort);
  }

  done(values, count, report) {
    this.settled();
    if (this.most !== ALL) this.resolve({ values, count, report });
    else if (report === null) this.resolve(values);
    else this.reject(report);
  }

  failed(report) {
    this.settled();
    this.reject(report);
  }

  settled() {
    this.keeper.remove();
    if (this.abort !== null) abort.forget(this.signal, this.abort);
  }
}

/** An endpoint chosen for a call over another protocol. */
class Picked {
  #native;

  constructor(picked) {
    this.#native = picked;
    this.endpoint = picked.endpoint();
  }

  report(latency_ms, ok) {
    if (!Number.isFinite(latency_ms) || latency_ms < 0) {
      throw invalid(`latency_ms must be a number of milliseconds, not ${String(latency_ms)}`);
    }
    try {
      this.#native.report(latency_ms, Boolean(ok));
    } catch (error) {
      throw raised(error);
    }
  }
}

module.exports = { Client };
