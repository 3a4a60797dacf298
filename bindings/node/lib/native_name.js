'use strict';
// The name of the native file for this machine. Run as a program, it prints it.

function libc() {
  if (process.platform !== 'linux') return '';
  // Only a process that runs on glibc reports its version.
  return process.report.getReport().header.glibcVersionRuntime ? '-gnu' : '-musl';
}

module.exports = `libfast.${process.platform}-${process.arch}${libc()}.node`;

if (require.main === module) console.log(module.exports);
