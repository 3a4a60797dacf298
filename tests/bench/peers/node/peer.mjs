// What the programs share: the two commands, and the load of a client.
import assert from 'node:assert/strict';
import { Meter, readOrder } from '../../contenders/node/measured.mjs';

// `serve()` resolves with the port; `open(order)` with a function that makes one call, and resolves with what came: the
// objects of a stream, the bytes of an echo.
export async function main(serve, open) {
  if (process.argv[2] === 'server') {
    console.log(`listening ${await serve()}`);
    process.stdin.on('end', () => process.exit(0)).resume();
    return;
  }
  const order = readOrder();
  order.port = Number(process.argv[3]);
  const calls = [];
  for (let i = 0; i < order.connections; i += 1) calls.push(await open(order));
  const meter = new Meter(order);

  async function work(call) {
    let began;
    do {
      began = performance.now();
      assert.equal(await call(), order.size);
    } while (meter.count(began, performance.now()));
  }

  await Promise.all(calls.flatMap((call) => Array.from({ length: order.inFlight }, () => work(call))));
  process.stdout.write(`${meter.report(order)}\n`, () => process.exit(0));
}

// Settles as a callback is called.
export function promise(start) {
  return new Promise((resolve, reject) => {
    start((error, value) => (error ? reject(error) : resolve(value)));
  });
}

// What came of a stream, by count.
export function counted(stream) {
  return new Promise((resolve, reject) => {
    let came = 0;
    stream.on('data', () => { came += 1; });
    stream.on('end', () => resolve(came));
    stream.on('error', reject);
  });
}

// Answers with so many objects; waits when the connection is full.
export function answerStream(stream, objects) {
  let i = 0;
  (function more() {
    while (i < objects) {
      const room = stream.write({ i, on: true });
      i += 1;
      if (!room) {
        stream.once('drain', more);
        return;
      }
    }
    stream.end();
  }());
}
