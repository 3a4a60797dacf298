'use strict';
// The one place where events come in, for this thread (the main one or a worker): calls, requests, results of waits.

const native = require('./native.js');
const { raised } = require('./errors.js');
const { flushAll } = require('./outbox.js');

// Kinds of events, as in src/batch.rs.
const VALUE = 0;
const DONE = 1;
const CUT = 2;
const ENDED = 3;
const FAILED = 4;
const REQUEST = 5;
const PEER = 6;
const CANCELLED = 7;
const WRITABLE = 8;
const OUTCOMES = 9;
const ANNOUNCEMENT = 10;

/** Events taken before others have their turn on this thread. */
const BATCH = 256;
/** Numbers for each event; there may be a PEER before each. */
const HEAD = 3;
const heads = new Float64Array(2 * BATCH * HEAD);

let hub = null;
let lastTag = 0;
/** Who sends the requests that come. */
let peer = '';
let holds = 0;
/** tag → `{ value(value), done(value, count, report), failed(report) }` of a call or a wait. */
const receivers = new Map();
/** tag → what takes the requests of one method. */
const methods = new Map();
/** tag → what hears of the states of an entry in a registry. */
const hearers = new Map();
/** id → `{ cancel(), resume() }` of a request being answered. */
const answers = new Map();

/** The native hub. Made on first use, so that loading this package starts nothing. It knows of all that was begun. */
function get() {
  hub ??= new native.Hub(drain);
  flushAll();
  return hub;
}

/** Tags are never used again: a late event finds nobody rather than somebody else. */
function add(table, entry) {
  lastTag += 1;
  entry.tag = lastTag;
  table.set(lastTag, entry);
  return lastTag;
}

/** Whether what was added last is all that is under way. */
function isAlone() {
  return receivers.size === 1;
}

function drain() {
  const batch = new Batch(hub.poll(heads));
  for (let i = 0; i < batch.events; i++) dispatch(batch, heads[i * HEAD], heads[i * HEAD + 1], heads[i * HEAD + 2]);
  if (batch.more) setImmediate(drain);
}

/** An event takes its value and its payload also if nobody waits for them: those of others come behind them. */
function dispatch(batch, kind, number, third) {
  switch (kind) {
    case VALUE: {
      const value = batch.value();
      receivers.get(number)?.value(value);
      break;
    }
    case DONE: {
      const value = batch.value();
      taken(number)?.done(value, third, null);
      break;
    }
    case CUT: {
      const value = batch.value();
      const report = batch.payload();
      taken(number)?.done(value, third, report);
      break;
    }
    case ENDED:
      taken(number)?.done();
      break;
    case FAILED: {
      const report = batch.payload();
      taken(number)?.failed(report);
      break;
    }
    case REQUEST: {
      const args = batch.value();
      const take = methods.get(third);
      if (take) take(number, peer, args);
      else hub.forget(number);
      break;
    }
    case PEER:
      peer = batch.payload();
      break;
    case CANCELLED:
      answers.get(number)?.cancel();
      // Not when its handler is done with it, which may be never.
      answers.delete(number);
      hub.forget(number);
      break;
    case WRITABLE:
      answers.get(number)?.resume();
      break;
    case ANNOUNCEMENT: {
      const state = batch.payload();
      const report = batch.payload();
      hearers.get(number)?.(state, report === null ? null : raised(report));
      break;
    }
    case OUTCOMES:
      for (let i = 0; i < number; i++) {
        const receiver = taken(batch.payload());
        const report = batch.payload();
        const result = batch.payload();
        if (report === null) receiver?.done(result);
        else receiver?.failed(report);
      }
      break;
  }
}

function taken(tag) {
  const receiver = receivers.get(tag);
  receivers.delete(tag);
  return receiver;
}

/** What comes with the events of one poll: texts, each a JSON array of the values of some events, and payloads. */
class Batch {
  #items;
  #text = 3;
  #payload;
  #values = [];
  #next = 0;

  constructor(items) {
    this.#items = items;
    this.more = items[0];
    this.events = items[1];
    this.#payload = 3 + items[2];
  }

  value() {
    if (this.#next === this.#values.length) {
      this.#values = JSON.parse(this.#items[this.#text++]);
      this.#next = 0;
    }
    return this.#values[this.#next++];
  }

  payload() {
    return this.#items[this.#payload++];
  }
}

/** Runs a native function that waits elsewhere, and gives its result. */
async function wait(begin, keeper) {
  let tag;
  keeper.add();
  try {
    return await new Promise((resolve, reject) => {
      tag = add(receivers, { done: resolve, failed: reject });
      begin(get(), tag);
    });
  } catch (report) {
    receivers.delete(tag);
    throw raised(report);
  } finally {
    keeper.remove();
  }
}

/** Keeps the process alive while something of one client or server is under way, unless it was told not to. */
class Keeper {
  #count = 0;
  #counts = true;

  add() {
    this.#count += 1;
    if (this.#counts) hold(1);
  }

  remove() {
    this.#count -= 1;
    if (this.#counts) hold(-1);
  }

  unref() {
    if (this.#counts) hold(-this.#count);
    this.#counts = false;
  }
}

function hold(change) {
  const before = holds;
  holds += change;
  if (before === 0 && holds > 0) get().hold();
  else if (before > 0 && holds === 0) get().letGo();
}

module.exports = { get, add, isAlone, wait, receivers, methods, answers, hearers, Keeper };
