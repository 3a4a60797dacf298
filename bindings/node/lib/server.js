'use strict';
const native = require('./native.js');
const hub = require('./hub.js');
const options = require('./options.js');
const { raised, invalid } = require('./errors.js');
const { flushAll } = require('./outbox.js');
const { answer } = require('./answer.js');

/** Servers that listen: they are not collected although nobody may hold them. */
const listening = new Set();

/** Serves methods. */
class Server {
  #native;
  #keeper = new hub.Keeper();
  #tags = [];
  #interceptors = [];
  #address = null;
  #starting = null;
  #stopped = null;

  constructor(serverOptions) {
    const pairs = options.pairs(serverOptions);
    try {
      this.#native = new native.Server(pairs);
    } catch (error) {
      throw raised(error);
    }
  }

  /** The address listened on; null unless it listens. */
  get address() {
    return this.#address;
  }

  method(name, handler) {
    options.text('name', name);
    if (typeof handler !== 'function') throw invalid(`the handler of "${name}" must be a function`);
    const tag = hub.add(hub.methods, (id, peer, args) => answer(handler, id, name, peer, args, this.#interceptors));
    try {
      this.#native.method(hub.get(), name, tag);
    } catch (error) {
      hub.methods.delete(tag);
      throw raised(error);
    }
    this.#tags.push(tag);
    return this;
  }

  /** Has requests that come from now on go through `interceptor(call)` before their handlers. */
  intercept(interceptor) {
    if (typeof interceptor !== 'function') throw invalid('an interceptor must be a function');
    this.#interceptors.push(interceptor);
    return this;
  }

  async start() {
    const starting = this.#start();
    this.#starting ??= starting;
    return starting;
  }

  async #start() {
    const address = await hub.wait((to, tag) => this.#native.start(to, tag), this.#keeper);
    listening.add(this);
    this.#keeper.add();
    this.#address = address;
    return address;
  }

  async announce() {
    await hub.wait((to, tag) => this.#native.announce(to, tag), this.#keeper);
  }

  async setWeight(weight) {
    options.weight(weight);
    await hub.wait((to, tag) => this.#native.setWeight(to, tag, weight), this.#keeper);
  }

  async setMetadata(metadata) {
    options.text('metadata', metadata);
    await hub.wait((to, tag) => this.#native.setMetadata(to, tag, metadata), this.#keeper);
  }

  /** `registered`, `connecting`, `suspended`, `lost` or `closed`. */
  get announcement() {
    try {
      return this.#native.announcement();
    } catch (error) {
      throw raised(error);
    }
  }

  onAnnouncement(hear) {
    if (typeof hear !== 'function') throw invalid('what hears of announcements must be a function');
    const tag = hub.add(hub.hearers, (state, error) => {
      if (state === 'closed' && this.#stopped) hub.hearers.delete(tag);
      hear(state, error);
    });
    try {
      this.#native.watchAnnouncement(hub.get(), tag);
    } catch (error) {
      hub.hearers.delete(tag);
      throw raised(error);
    }
    return this;
  }

  kang() {
    flushAll();
    try {
      return JSON.parse(this.#native.kang());
    } catch (error) {
      throw raised(error);
    }
  }

  setRateLimits(limits) {
    options.text('limits', limits);
    try {
      this.#native.setRateLimits(limits);
    } catch (error) {
      throw raised(error);
    }
  }

  kick(client, time_ms) {
    options.text('client', client);
    options.milliseconds('time_ms', time_ms);
    try {
      this.#native.kick(client, time_ms);
    } catch (error) {
      throw raised(error);
    }
  }

  async stopAccepting() {
    await hub.wait((to, tag) => this.#native.stopAccepting(to, tag), this.#keeper);
  }

  async connectionsClosed() {
    await hub.wait((to, tag) => this.#native.connectionsClosed(to, tag), this.#keeper);
  }

  async stop(drain_ms) {
    if (drain_ms !== undefined) options.milliseconds('drain_ms', drain_ms);
    this.#stopped ??= this.#stop(drain_ms);
    await this.#stopped;
  }

  async #stop(drain_ms) {
    // A start under way would otherwise outlive the stop.
    await this.#starting?.catch(() => {});
    await hub.wait((to, tag) => this.#native.stop(to, tag, drain_ms), this.#keeper);
    for (const tag of this.#tags) hub.methods.delete(tag);
    this.#address = null;
    if (listening.delete(this)) this.#keeper.remove();
  }

  unref() {
    this.#keeper.unref();
    return this;
  }
}

module.exports = { Server };
