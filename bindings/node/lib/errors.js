'use strict';
// The error classes, made from the library's own table of error kinds.

const native = require('./native.js');

class FastError extends Error {
  constructor(message, fields = {}) {
    super(message, 'cause' in fields ? { cause: fields.cause } : undefined);
    this.code = fields.code ?? this.constructor.code;
    this.endpoint = fields.endpoint ?? '';
    this.retriable = fields.retriable ?? false;
    this.remoteName = fields.remoteName ?? '';
    this.remoteMessage = fields.remoteMessage ?? (this.remoteName ? this.message : '');
    this.info = fields.info ?? null;
    this.context = fields.context ?? null;
    this.aseErrors = fields.aseErrors ?? null;
    this.causeName = fields.causeName ?? '';
    this.mergedInfo = fields.mergedInfo ?? null;
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
  /** `report` is what the native half knows of the call, if it was begun. */
  constructor(signal, method, report) {
    this.reason = signal.reason;
    this.method = method;
    this.report = report;
  }

  error() {
    const { reason: cause, method, report } = this;
    const begun = report ? fieldsOf(JSON.parse(report)) : {};
    const mergedInfo = begun.mergedInfo ?? { rpcMethod: method };
    return new AbortError('the call was aborted', { ...begun, causeName: ABANDONED, mergedInfo, cause });
  }
}

const ABANDONED = 'FastRequestAbandonedError';

/**
 * The error to throw for what the native half reported or threw. Call it where the caller awaits, not where the report
 * came in: V8 then writes the caller's own frames into the stack, at no cost for calls that succeed.
 */
function raised(report) {
  if (report instanceof FastError) return report;
  if (report instanceof Aborted) return report.error();
  const text = typeof report === 'string' ? report : report?.message;
  let row;
  try {
    row = JSON.parse(text);
  } catch {
    // An argument of a wrong type, refused before any code of ours ran.
    return invalid(String(text));
  }
  const Class = classOf.get(row[0]) ?? FastError;
  return new Class(row[1], fieldsOf(row));
}

/** The fields of an error from what the native half writes; see src/failure.rs. */
function fieldsOf(row) {
  const [code, , endpoint, retriable, causeName, merged, remoteName, remoteMessage, ...texts] = row;
  const [info, context, aseErrors] = texts.map(parsed);
  const mergedInfo = parsed(merged);
  return { code, endpoint, retriable, causeName, mergedInfo, remoteName, remoteMessage, info, context, aseErrors };
}

function parsed(text) {
  return text ? JSON.parse(text) : null;
}

function invalid(message, cause) {
  return new classes.InvalidError(message, cause === undefined ? {} : { cause });
}

module.exports = { FastError, AbortError, Aborted, classes, raised, invalid };
