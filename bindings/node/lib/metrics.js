'use strict';
const native = require('./native.js');
const { startAll } = require('./starts.js');
const { raised } = require('./errors.js');

/** The numbers of all clients and servers of the process. */
function metricsText() {
  startAll();
  try {
    return native.metricsText();
  } catch (error) {
    throw raised(error);
  }
}

module.exports = { metricsText };
