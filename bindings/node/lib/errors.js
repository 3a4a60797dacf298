'use strict';
// The error classes, made from the library's own table of error kinds.

const native = require('./native.js');

/** What the server said, verbatim; for handlers that pass an error on. */
const REMOTE_MESSAGE = Symbol('remote message');

class FastError extends Error {
  constructor(message, fields = {}) {
    super(message, 'cause' in fields ? { cause: fields.cause } : undefined);
    this.code = fields.code ?? this.constructor.code;
    this.endpoint = fields.endpoint ?? '';
    this.retriable = fields.retriable ?? false;
    this.remoteName = fields.remoteName ?? '';
    this.info = fields.info ?? null;
  }
}
named(FastError, 'FastError');

/** Class name → class, and code → class. */
const classes = {};
const classOf = new Map();
for (const [code, name] of JSON.parse(native.errorKinds())) {
  if (!classes[name]) {
    classes[name] = class extends FastError {};
    classes[name].code = code;
    named(classes[name], name);
  }
  classOf.set(code, classes[name]);
}

/** A call was abandoned because the signal in its options was aborted. */
class AbortError extends classes.AbandonedError {}
named(AbortError, 'AbortError');

function named(Class, name) {
  Object.defineProperty(Class, 'name', { value: name });
  Object.defineProperty(Class.prototype, 'name', { value: name, writable: true, configurable: true });
}

/** Why a call ended that its caller aborted, until `raised` makes an error of it. */
class Aborted {
  constructor(signal) {
    this.reason = signal.reason;
  }
}

/**
 * The error to throw for what the native half reported or threw. Call it where the caller awaits, not where the report
 * came in: V8 then writes the caller's own frames into the stack, at no cost for calls that succeed.
 */
function raised(report) {
  if (report instanceof FastError) return report;
  if (report instanceof Aborted) return new AbortError('the call was aborted', { cause: report.reason });
  const text = typeof report === 'string' ? report : report?.message;
  let row;
  try {
    row = JSON.parse(text);
  } catch {
    // An argument of a wrong type, refused before any code of ours ran.
    return invalid(String(text));
  }
  const [code, message, endpoint, retriable, remoteName, remoteMessage, info] = row;
  const Class = classOf.get(code) ?? FastError;
  const fields = { code, endpoint, retriable, remoteName, info: info ? JSON.parse(info) : null };
  const error = new Class(message, fields);
  if (remoteName) Object.defineProperty(error, REMOTE_MESSAGE, { value: remoteMessage });
  return error;
}

function invalid(message, cause) {
  return new classes.InvalidError(message, cause === undefined ? {} : { cause });
}

module.exports = { FastError, AbortError, Aborted, REMOTE_MESSAGE, classes, raised, invalid };
