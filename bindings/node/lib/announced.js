'use strict';
const native = require('./native.js');
const hub = require('./hub.js');
const options = require('./options.js');
const { raised, invalid } = require('./errors.js');

/** Entries that stand: they are not collected, and so taken off, although nobody may hold them. */
const standing = new Set();

/** An entry in a registry for a server of any protocol. */
class Announced {
  #native;

  constructor(announced) {
    this.#native = announced;
    standing.add(this);
  }

  /** `registered`, `connecting`, `suspended`, `lost` or `closed`. */
  get state() {
    try {
      return this.#native.state();
    } catch (error) {
      throw raised(error);
    }
  }

  async setWeight(weight) {
    options.weight(weight);
    await hub.wait((to, tag) => this.#native.setWeight(to, tag, weight), new hub.Keeper());
  }

  async setMetadata(metadata) {
    options.text('metadata', metadata);
    await hub.wait((to, tag) => this.#native.setMetadata(to, tag, metadata), new hub.Keeper());
  }

  onAnnouncement(hear) {
    if (typeof hear !== 'function') throw invalid('what hears of announcements must be a function');
    const tag = hub.add(hub.hearers, (state, error) => {
      if (state === 'closed') hub.hearers.delete(tag);
      hear(state, error);
    });
    try {
      this.#native.watch(hub.get(), tag);
    } catch (error) {
      hub.hearers.delete(tag);
      throw raised(error);
    }
    return this;
  }

  async withdraw() {
    await hub.wait((to, tag) => this.#native.withdraw(to, tag), new hub.Keeper());
    standing.delete(this);
  }
}

async function announce(announceOptions) {
  const pairs = options.pairs(announceOptions);
  return new Announced(await hub.wait((to, tag) => native.announce(to, tag, pairs), new hub.Keeper()));
}

module.exports = { announce };
