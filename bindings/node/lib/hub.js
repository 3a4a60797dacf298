'use strict';
// The one place where events come in, for this thread (the main one or a worker): calls, requests, results of waits.

const native = require('./native.js');
const { raised } = require('./errors.js');

// Kinds of events, as in src/hub.rs.
const VALUE = 0;
const DONE = 1;
const FAILED = 2;
const REQUEST = 3;
const CANCELLED = 4;
const WRITABLE = 5;
const BUFFERED = 6;

/** Events taken before others have their turn on this thread. */
const BATCH = 256;

let hub = null;
let lastTag = 0;
let holds = 0;
/** tag → `{ value(text), done(payload), failed(report) }` of a call or a wait. */
const receivers = new Map();
/** tag → what takes the requests of one method. */
const methods = new Map();
/** id → `{ cancel(), resume() }` of a request being answered. */
const answers = new Map();

/** The native hub. Made on first use, so that loading this package starts nothing. */
function get() {
  hub ??= new native.Hub(drain);
  return hub;
}

/** Tags are never used again: a late event finds nobody rather than somebody else. */
function add(table, entry) {
  lastTag += 1;
  table.set(lastTag, entry);
  return lastTag;
}

function drain() {
  const events = hub.poll(BATCH);
  for (let i = 1; i < events.length; i += 3) dispatch(events[i], events[i + 1], events[i + 2]);
  if (events[0]) setImmediate(drain);
}

function dispatch(kind, number, payload) {
  switch (kind) {
    case VALUE:
      receivers.get(number)?.value(payload);
      break;
    case DONE:
    case BUFFERED:
    case FAILED: {
      const receiver = receivers.get(number);
      receivers.delete(number);
      if (kind === FAILED) receiver?.failed(payload);
      else receiver?.done(payload);
      break;
    }
    case REQUEST: {
      const [tag, method, peer, args] = payload;
      const take = methods.get(tag);
      if (take) take(number, method, peer, args);
      else hub.forget(number);
      break;
    }
    case CANCELLED:
      answers.get(number)?.cancel();
      // Not when its handler is done with it, which may be never.
      answers.delete(number);
      hub.forget(number);
      break;
    case WRITABLE:
      answers.get(number)?.resume();
      break;
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

module.exports = { get, add, wait, receivers, methods, answers, Keeper };
