'use strict';
const native = require('./native.js');
const abort = require('./abort.js');
const hub = require('./hub.js');
const options = require('./options.js');
const { Aborted, raised, invalid } = require('./errors.js');
const { flushAll } = require('./outbox.js');
const { ALL, ONE_BY_ONE, Starts } = require('./starts.js');
const { Stream } = require('./stream.js');

/** A client of one service or of fixed endpoints. */
class Client {
  #native;
  #starts;
  #keeper = new hub.Keeper();

  constructor(target, clientOptions) {
    options.text('target', target);
    const pairs = options.pairs(clientOptions);
    try {
      this.#native = new native.Client(target, pairs);
    } catch (error) {
      throw raised(error);
    }
    this.#starts = new Starts((kinds, heads, args) => this.#native.start(hub.get(), kinds, heads, args));
  }

  async call(method, args = [], callOptions) {
    options.text('method', method);
    const text = options.json(`the arguments of "${method}"`, args);
    const { signal, settings } = options.ofCall(callOptions);
    try {
      return await this.#gathered(ALL, method, text, settings, signal);
    } catch (report) {
      throw raised(report);
    }
  }

  async callBuffered(method, args = [], callOptions) {
    options.text('method', method);
    const text = options.json(`the arguments of "${method}"`, args);
    const { maxValues, ...others } = callOptions ?? {};
    if (!Number.isSafeInteger(maxValues) || maxValues < 0) {
      throw invalid(`option "maxValues" must be a whole number from 0 on, not ${String(maxValues)}`);
    }
    const { signal, settings } = options.ofCall(others);
    try {
      const { values, count, report } = await this.#gathered(maxValues, method, text, settings, signal);
      return { values, count, error: report === null ? null : raised(report) };
    } catch (report) {
      throw raised(report);
    }
  }

  /** What a call gives whose values come together: all of them, or `most` and how it ended. */
  #gathered(most, method, text, settings, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) throw new Aborted(signal, method);
      const tag = hub.add(hub.receivers, new Pending(resolve, reject, this.#keeper, most, method, signal));
      this.#starts.add(tag, most, method, settings, text, hub.isAlone());
    });
  }

  stream(method, args = [], callOptions) {
    options.text('method', method);
    const text = options.json(`the arguments of "${method}"`, args);
    const { signal, settings } = options.ofCall(callOptions);
    const start = (tag, pairs) => this.#starts.add(tag, ONE_BY_ONE, method, pairs, text, hub.isAlone());
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
