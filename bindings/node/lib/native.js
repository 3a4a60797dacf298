'use strict';
// Finds and loads the native file: $LIBFAST_NATIVE if it is set, else the one of this package.

const path = require('node:path');

function load() {
  const override = process.env.LIBFAST_NATIVE;
  const candidates = override
    ? [path.resolve(override)]
    : [path.join(__dirname, '..', 'native', require('./native_name.js'))];
  const failures = [];
  for (const file of candidates) {
    try {
      return require(file);
    } catch (error) {
      failures.push({ file, error });
    }
  }
  const lines = failures.map(({ file, error }) => `  ${file}: ${error.message.split('\n')[0]}`);
  const fix = override
    ? 'LIBFAST_NATIVE is set; unset it, or let it name a libfast.*.node of this platform.'
    : 'Build it with bindings/node/build.sh (needs cargo), or let LIBFAST_NATIVE name a file that was built elsewhere.';
  const message = `libfast: the native file cannot be loaded on ${process.platform}-${process.arch}, Node ${process.version}:\n`;
  throw new Error(`${message}${lines.join('\n')}\n${fix}`, { cause: failures[0].error });
}

module.exports = load();
