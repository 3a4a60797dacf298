'use strict';
// One listener for each signal, however many calls it is given to: Node warns of a leak when there are more than ten.

/** signal → `{ runs, listener }`. */
const watched = new WeakMap();

/** Calls `run` once when the signal is aborted, unless `forget` comes first. */
function watch(signal, run) {
  let entry = watched.get(signal);
  if (!entry) {
    const runs = new Set();
    const listener = () => {
      watched.delete(signal);
      for (const each of runs) each();
    };
    entry = { runs, listener };
    watched.set(signal, entry);
    signal.addEventListener('abort', listener, { once: true });
  }
  entry.runs.add(run);
}

function forget(signal, run) {
  const entry = watched.get(signal);
  if (!entry?.runs.delete(run) || entry.runs.size > 0) return;
  watched.delete(signal);
  signal.removeEventListener('abort', entry.listener);
}

module.exports = { watch, forget };
