// libfast in Node, each call under way in an async function of its own.
import assert from 'node:assert/strict';
import { Client } from '../../../../bindings/node/index.mjs';
import { Meter, readOrder } from './measured.mjs';

const order = readOrder();
const clients = Array.from({ length: order.connections }, () => new Client(order.target));
for (const client of clients) await client.ready();
const meter = new Meter(order);

async function work(client) {
  let began;
  do {
    began = performance.now();
    if (order.stream) {
      let came = 0;
      for await (const _ of client.stream(order.method, order.args, { window: 1024 })) came += 1;
      assert.equal(came, order.size);
    } else {
      const [answer] = await client.call(order.method, order.args);
      assert('value' in answer);
    }
  } while (meter.count(began, performance.now()));
}

await Promise.all(clients.flatMap((client) => Array.from({ length: order.inFlight }, () => work(client))));
console.log(meter.report(order));
for (const client of clients) await client.close();
