'use strict';
// What an interceptor sees of one call, on either side, and is told of it.

const { classes } = require('./errors.js');

/** One call on its way through the interceptors. */
class Intercepted {
  #values = null;
  #onValue = [];
  #onEnd = [];
  #count = 0;
  #began = performance.now();

  /** Answers the call with these values, after those that were given before. */
  answer(...values) {
    // Fast has no null values: as from a handler, null is an answer without one.
    this.#values = [...(this.#values ?? []), ...values.filter((value) => value !== undefined && value !== null)];
  }

  onValue(hook) {
    this.#onValue.push(hook);
  }

  onEnd(hook) {
    this.#onEnd.push(hook);
  }

  /** Leads a call through; what it was answered with, or null. */
  static async pass(call, interceptors) {
    for (const interceptor of interceptors) {
      await interceptor(call);
      if (call.#values !== null) break;
    }
    return call.#values;
  }

  static saw(call, value) {
    call.#count += 1;
    tell(call.#onValue, value);
  }

  /** Tells, once, of the end. `count`, if not all values were seen. */
  static ended(call, error, endpoint, attempts, count = call.#count) {
    const hooks = call.#onEnd;
    call.#onEnd = [];
    if (hooks.length === 0) return;
    tell(hooks, { values: count, error, endpoint, attempts, duration_ms: performance.now() - call.#began });
  }
}

/** The last interceptor hears first. What it makes of it is not the business of the call. */
function tell(hooks, what) {
  for (let i = hooks.length - 1; i >= 0; i--) {
    try {
      hooks[i](what);
    } catch (error) {
      process.emitWarning(`an interceptor failed beside a call: ${error?.message ?? error}`, 'FastWarning');
    }
  }
}

/** A call before it begins. `args` and `options` may be changed. */
class OutgoingCall extends Intercepted {
  constructor(target, method, args, options) {
    super();
    this.target = target;
    this.method = method;
    this.args = args;
    this.options = { ...options };
  }
}

/** A request before its handler runs. */
class IncomingCall extends Intercepted {
  constructor(context) {
    super();
    this.context = context;
    this.method = context.method;
    this.args = context.args;
    this.peer = context.peer;
  }
}

/** What interceptors are told of a call whose other side left. */
function gone(code, message) {
  return new classes[code](message);
}

module.exports = { Intercepted, OutgoingCall, IncomingCall, gone };
