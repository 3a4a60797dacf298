'use strict';
// Calls on their way to the native half. One that is the only one under way does not wait for others.

const { LONG, MOST, plan } = require('./outbox.js');

/** How the values of a call come, if not so many together. */
const ALL = Number.MAX_SAFE_INTEGER;
const ONE_BY_ONE = -1;

/** Numbers for each call, as in src/client.rs: its tag, how many values come together, the index of its kind. */
const HEAD = 3;

/** The starts of one client. */
class Starts {
  #begin;
  #heads = new Float64Array(MOST * HEAD);
  #args = [];
  #length = 0;
  /** Method and options. In a row they are often the same. */
  #kinds = [];

  /** `begin(kinds, heads, args)` starts them. */
  constructor(begin) {
    this.#begin = begin;
  }

  /** `alone`: nothing else is under way. */
  add(tag, most, method, settings, args, alone) {
    const kinds = this.#kinds;
    if (kinds.length === 0 || !isKind(kinds[kinds.length - 1], method, settings)) {
      kinds.push(settings === undefined ? [method] : [method, ...settings]);
    }
    const at = this.#args.length * HEAD;
    this.#heads[at] = tag;
    this.#heads[at + 1] = most;
    this.#heads[at + 2] = kinds.length - 1;
    this.#length += args.length;
    const count = this.#args.push(args);
    if (alone || count === MOST || this.#length > LONG) this.flush();
    else if (count === 1) plan(this);
  }

  flush() {
    if (this.#args.length === 0) return;
    const args = this.#args.join('\n');
    const kinds = this.#kinds;
    this.#kinds = [];
    this.#args = [];
    this.#length = 0;
    this.#begin(kinds, this.#heads, args);
  }
}

function isKind(kind, method, settings) {
  if (kind[0] !== method) return false;
  if (settings === undefined) return kind.length === 1;
  return kind.length === settings.length + 1 && settings.every((text, i) => text === kind[i + 1]);
}

module.exports = { Starts, ALL, ONE_BY_ONE };
