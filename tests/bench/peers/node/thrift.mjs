// Apache Thrift. It has no streams: a stream is one answer that holds a list.
import { once } from 'node:events';
import thrift from 'thrift';
import Bench from './gen-nodejs/Bench.js';
import types from './gen-nodejs/bench_types.js';
import { main } from './peer.mjs';

// Framed: a message that comes in pieces is not read anew with each.
const options = { transport: thrift.TFramedTransport, protocol: thrift.TBinaryProtocol };

const methods = {
  echo: async (value) => new types.Wrapped({ value }),
  stream: async (objects) => Array.from({ length: Number(objects) }, (_, i) => new types.Object({ i, on: true })),
};

async function serve() {
  const server = thrift.createServer(Bench, methods, options);
  server.on('connection', (socket) => socket.setNoDelay(true));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server.address().port;
}

async function open({ port, stream, size, args }) {
  const connection = thrift.createConnection('127.0.0.1', port, options);
  await once(connection, 'connect');
  const client = thrift.createClient(Bench, connection);
  if (stream) return async () => (await client.stream(size)).length;
  const argument = JSON.stringify(args[0]);
  return async () => (await client.echo(argument)).value.length;
}

main(serve, open);
