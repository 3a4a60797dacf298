'use strict';
// Ends of answers on their way to the native half. One that is the only one owed does not wait for others.

const { LONG, MOST, plan } = require('./outbox.js');

/** The ends of this thread's answers. */
class Ends {
  #send;
  #ids = new Float64Array(MOST);
  #answers = [];
  #values = [];
  #length = 0;

  /** `send(ids, values)` gives the ids of those that failed, each followed by why. */
  constructor(send) {
    this.#send = send;
  }

  /** Ends an answer with the text of a value, or without one if that is empty. `alone`: no other is owed. */
  add(answer, value, alone) {
    this.#ids[this.#answers.length] = answer.id;
    this.#values.push(value);
    this.#length += value.length;
    const count = this.#answers.push(answer);
    if (alone || count === MOST || this.#length > LONG) this.flush();
    else if (count === 1) plan(this);
  }

  flush() {
    const answers = this.#answers;
    const values = this.#values;
    if (answers.length === 0) return;
    this.#answers = [];
    this.#values = [];
    this.#length = 0;
    const failures = this.#send(this.#ids, values.join('\n'));
    let failed = 0;
    for (let i = 0; i < answers.length; i++) {
      if (answers[i].id === failures[failed]) {
        answers[i].refused(values[i], failures[failed + 1]);
        failed += 2;
      } else {
        answers[i].over();
      }
    }
  }
}

module.exports = { Ends };
