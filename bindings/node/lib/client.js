'use strict';
const native = require('./native.js');
const abort = require('./abort.js');
const hub = require('./hub.js');
const options = require('./options.js');
const { Aborted, raised, invalid } = require('./errors.js');
const { Stream } = require('./stream.js');

/** A client of one service or of fixed endpoints. */
class Client {
  #native;
  #keeper = new hub.Keeper();

  constructor(target, clientOptions) {
    options.text('target', target);
    const pairs = options.pairs(clientOptions);
    try {
      this.#native = new native.Client(target, pairs);
    } catch (error) {
      throw raised(error);
    }
  }

  async call(method, args = [], callOptions) {
    options.text('method', method);
    const text = options.json(`the arguments of "${method}"`, args);
    const { signal, settings } = options.ofCall(callOptions);
    const start = (tag) => this.#native.start(hub.get(), tag, method, text, settings, true);
    try {
      return JSON.parse(await this.#gathered(start, method, signal));
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
    const start = (tag) => this.#native.startBuffered(hub.get(), tag, method, text, settings, maxValues);
    try {
      const [values, count, report] = await this.#gathered(start, method, signal);
      return { values: JSON.parse(values), count, error: report ? raised(report) : null };
    } catch (report) {
      throw raised(report);
    }
  }

  /** What the native half gives when a call is done whose values come together. */
  #gathered(start, method, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) throw new Aborted(signal, method);
      new Pending(resolve, reject, this.#keeper, method, signal).begin(start);
    });
  }

  stream(method, args = [], callOptions) {
    options.text('method', method);
    const text = options.json(`the arguments of "${method}"`, args);
    const { signal, settings } = options.ofCall(callOptions);
    const start = (tag, pairs) => this.#native.start(hub.get(), tag, method, text, pairs, false);
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
    try {
      return JSON.parse(this.#native.stats());
    } catch (error) {
      throw raised(error);
    }
  }

  kang() {
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
  constructor(resolve, reject, keeper, method, signal) {
    this.resolve = resolve;
    this.reject = reject;
    this.keeper = keeper;
    this.method = method;
    this.signal = signal;
    this.tag = 0;
    this.abort = null;
  }

  begin(start) {
    this.tag = hub.add(hub.receivers, this);
    this.keeper.add();
    try {
      start(this.tag);
    } catch (error) {
      hub.receivers.delete(this.tag);
      return this.failed(error);
    }
    if (this.signal) {
      this.abort = () => {
        hub.receivers.delete(this.tag);
        this.failed(new Aborted(this.signal, this.method, hub.get().abandon(this.tag)));
      };
      abort.watch(this.signal, this.abort);
    }
  }

  done(payload) {
    this.settled();
    this.resolve(payload);
  }

  failed(report) {
    this.settled();
    this.reject(report);
  }

  settled() {
    this.keeper.remove();
    if (this.abort) abort.forget(this.signal, this.abort);
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
