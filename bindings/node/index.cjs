'use strict';
const { FastError, AbortError, classes } = require('./lib/errors.js');

module.exports = {
  Client: require('./lib/client.js').Client,
  Server: require('./lib/server.js').Server,
  announce: require('./lib/announced.js').announce,
  metricsText: require('./lib/metrics.js').metricsText,
  FastError,
  AbortError,
  ...classes,
};
