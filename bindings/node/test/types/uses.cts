// Compiled, not run.
import libfast = require('libfast');

const client: libfast.Client = new libfast.Client('calc');
void client.call('add', [1, 2]).then((values) => values.length);
