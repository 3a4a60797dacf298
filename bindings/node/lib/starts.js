'use strict';
// Calls on their way to the native half: those that are begun in one turn cross together, and their requests leave
// together. A call that is the only one under way does not wait for others.

/** How the values of a call come, if not so many together. */
const ALL = Number.MAX_SAFE_INTEGER;
const ONE_BY_ONE = -1;

/** Calls that cross together. More wait for less: the server can begin with the first meanwhile. */
const MOST = 128;
/** Characters of arguments above which no more are gathered. */
const LONG = 1 << 16;
/** Numbers for each call, as in src/client.rs: its tag, how many values come together, the index of its kind. */
const HEAD = 3;

/** Those that have something to start. */
const waiting = new Set();
let planned = false;

/** Starts all that waits. What is done with a call must come after its start. */
function startAll() {
  for (const starts of waiting) starts.flush();
}

function turnEnded() {
  planned = false;
  startAll();
}

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
    if (this.#args.push(args) === MOST || alone || this.#length > LONG) {
      this.flush();
      return;
    }
    waiting.add(this);
    if (planned) return;
    planned = true;
    process.nextTick(turnEnded);
  }

  flush() {
    waiting.delete(this);
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

module.exports = { Starts, startAll, ALL, ONE_BY_ONE };
