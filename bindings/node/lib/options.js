'use strict';
// Checks what crosses to the native half.

const { invalid } = require('./errors.js');

/** `{ name: value }` as `[name, text, …]`. The native half knows names and bounds. */
function pairs(options) {
  if (options === undefined) return [];
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalid(`options must be an object, not ${shown(options)}`);
  }
  const all = [];
  for (const name of Object.keys(options)) {
    const value = options[name];
    if (value === undefined) continue;
    if (!['string', 'number', 'boolean', 'bigint'].includes(typeof value)) {
      throw invalid(`option "${name}": ${shown(value)} is no string, number or boolean`);
    }
    all.push(name, String(value));
  }
  return all;
}

/** The options of a call: the signal, and the others as pairs (`undefined` if there are none). */
function ofCall(options) {
  if (options === undefined) return { signal: undefined, settings: undefined };
  if (typeof options !== 'object' || options === null) pairs(options);
  const { signal, ...rest } = options;
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    throw invalid(`option "signal": ${shown(signal)} is no AbortSignal`);
  }
  const settings = pairs(rest);
  return { signal, settings: settings.length > 0 ? settings : undefined };
}

function text(what, value) {
  if (typeof value !== 'string') throw invalid(`${what} must be a string, not ${shown(value)}`);
  return value;
}

function milliseconds(what, value) {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw invalid(`${what} must be a whole number of milliseconds, not ${shown(value)}`);
  }
  return value;
}

function weight(value) {
  if (!Number.isSafeInteger(value) || value < 0) throw invalid(`weight must be a whole number, not ${shown(value)}`);
  return value;
}

/** The JSON text of a value, or an error that says why there is none. */
function json(what, value) {
  let text;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw invalid(`${what} cannot be written as JSON: ${error.message}`, error);
  }
  if (text === undefined) throw invalid(`${what} cannot be written as JSON: ${shown(value)}`);
  return text;
}

function shown(value) {
  if (value === null || typeof value === 'undefined') return String(value);
  if (typeof value === 'string') return JSON.stringify(value);
  return typeof value === 'object' || typeof value === 'function' ? `a value of type ${typeof value}` : String(value);
}

module.exports = { pairs, ofCall, text, milliseconds, weight, json };
