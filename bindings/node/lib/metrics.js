'use strict';
const native = require('./native.js');
const { flushAll } = require('./outbox.js');
const { raised } = require('./errors.js');

/** The numbers of all clients and servers of the process. */
function metricsText() {
  flushAll();
  try {
    return native.metricsText();
  } catch (error) {
    throw raised(error);
  }
}

module.exports = { metricsText };
