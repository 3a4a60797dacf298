// gRPC with @grpc/grpc-js. A stream is a server stream, one message for each object.
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { answerStream, counted, main, promise } from './peer.mjs';

const proto = fileURLToPath(new URL('../bench.proto', import.meta.url));
const { Bench } = grpc.loadPackageDefinition(loadSync(proto, { longs: Number, defaults: true })).bench;

const methods = {
  Echo: (call, answer) => answer(null, call.request),
  Stream: (call) => answerStream(call, call.request.objects),
};

function serve() {
  const server = new grpc.Server();
  server.addService(Bench.service, methods);
  return promise((done) => server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), done));
}

async function open({ target, stream, size, args }) {
  // Otherwise all clients of a process share one connection.
  const options = { 'grpc.use_local_subchannel_pool': 1 };
  const client = new Bench(target, grpc.credentials.createInsecure(), options);
  await promise((done) => client.waitForReady(Date.now() + 5000, done));
  if (stream) return () => counted(client.Stream({ objects: size }));
  const value = JSON.stringify(args[0]);
  return async () => (await promise((done) => client.Echo({ value }, done))).value.length;
}

main(serve, open);
