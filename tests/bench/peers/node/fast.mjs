// node-fast. As shipped it leaves Nagle's algorithm on; `NODELAY=1` turns it off on both sides.
import { once } from 'node:events';
import net from 'node:net';
import bunyan from 'bunyan';
import fast from 'fast';
import { answerStream, counted, main } from './peer.mjs';

const log = bunyan.createLogger({ name: 'bench', level: 'fatal' });
const noDelay = Boolean(process.env.NODELAY);

const methods = {
  echo: (rpc) => rpc.end({ value: rpc.argv()[0] }),
  stream: (rpc) => answerStream(rpc, rpc.argv()[0]),
};

async function serve() {
  const socket = net.createServer({ allowHalfOpen: true, noDelay });
  const server = new fast.FastServer({ log, server: socket });
  for (const [rpcmethod, rpchandler] of Object.entries(methods)) server.registerRpcMethod({ rpcmethod, rpchandler });
  await once(socket.listen(0, '127.0.0.1'), 'listening');
  return socket.address().port;
}

async function open({ port, stream, method, size, args }) {
  const socket = net.createConnection({ port, host: '127.0.0.1', noDelay });
  await once(socket, 'connect');
  const client = new fast.FastClient({ log, transport: socket, nRecentRequests: 10 });
  const request = { rpcmethod: method, rpcargs: args };
  if (stream) return () => counted(client.rpc(request));
  return () => new Promise((resolve, reject) => {
    let came = 0;
    const call = client.rpc(request);
    call.on('data', ({ value }) => { came += size + value.text.length - args[0].text.length; });
    call.on('end', () => resolve(came));
    call.on('error', reject);
  });
}

main(serve, open);
