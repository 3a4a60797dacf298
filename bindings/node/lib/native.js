'use strict';
// Finds and loads the native file: $LIBFAST_NATIVE if it is set, else the one in native/.

const path = require('node:path');

function load() {
  const override = process.env.LIBFAST_NATIVE;
  const failures = [];
  for (const file of override ? [path.resolve(override)] : packaged()) {
    try {
      return require(file);
    } catch (error) {
      failures.push({ file, error });
    }
  }
  const fix = override
    ? 'LIBFAST_NATIVE is set: unset it, or let it name a libfast.*.node that was built for this platform.'
    : 'Build it with bindings/node/build.sh (needs cargo), or let LIBFAST_NATIVE name a file that was built elsewhere.';
  const lines = failures.map(({ file, error }) => `  ${file}: ${error.message.split('\n')[0]}`);
  const where = `${process.platform}-${process.arch}, Node ${process.version}`;
  const message = `libfast: the native file cannot be loaded (${where}). Tried:\n${lines.join('\n')}\n${fix}`;
  throw new Error(message, { cause: failures[0].error });
}

function packaged() {
  // Only one of the two C libraries of Linux can load its file; the other's attempt fails without harm.
  const libcs = process.platform === 'linux' ? ['-gnu', '-musl'] : [''];
  const name = (libc) => `libfast.${process.platform}-${process.arch}${libc}.node`;
  return libcs.map((libc) => path.join(__dirname, '..', 'native', name(libc)));
}

module.exports = load();
