'use strict';
// What crosses to the native half at the end of a turn: many at once cost little more than one, and leave together.

/** Entries that cross together. More wait for less: the other side can begin with the first meanwhile. */
const MOST = 128;
/** Characters above which no more are gathered. */
const LONG = 1 << 16;

/** Those that hold something. */
const waiting = new Set();
let planned = false;

/** Lets `box.flush` run at the end of this turn. */
function plan(box) {
  waiting.add(box);
  if (planned) return;
  planned = true;
  process.nextTick(turnEnded);
}

function turnEnded() {
  planned = false;
  flushAll();
}

/** Lets everything cross now. Whoever asks the native half something, or does something with what waits, does this first. */
function flushAll() {
  for (const box of waiting) {
    waiting.delete(box);
    box.flush();
  }
}

module.exports = { MOST, LONG, plan, flushAll };
