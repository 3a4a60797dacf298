import test from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Client } from 'libfast';
import { gate, packageFolder, pair } from './support.mjs';

function worker(code) {
  return new Worker(`const { Client, Server } = require(${JSON.stringify(packageFolder)});
    const { parentPort } = require('node:worker_threads'); ${code}`, { eval: true });
}

test('30 workers are terminated with calls, streams and requests under way', async (t) => {
  let arrived = 0;
  let next = gate();
  const { address, client } = await pair(t, {
    methods: {
      never(ctx) {
        if (++arrived % 20 === 0) next.open();
        return new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
      },
    },
  });
  for (let round = 0; round < 30; round++) {
    next = gate();
    const busy = worker(`
      const c = new Client('${address}');
      for (let i = 0; i < 20; i++) c.call('never', [], { timeout_ms: 0 }).catch(() => {});
      (async () => { for (;;) for await (const value of c.stream('range', [1000])) if (value > 900) break; })();
      (async () => { for (;;) await Promise.all(Array.from({ length: 20 }, () => c.call('add', [1, 2]))); })();
      const s = new Server().method('wait', () => { parentPort.postMessage('waiting'); return new Promise(() => {}); });
      s.start().then((address) => parentPort.postMessage(address));`);
    const [own] = await once(busy, 'message');
    const other = new Client(own);
    const waiting = other.call('wait').catch((error) => error);
    await Promise.all([next.opened, once(busy, 'message')]);
    await busy.terminate();
    assert.match((await waiting).code, /^FAST_E_(REMOTE|CONN_LOST)$/);
    await other.close();
    assert.deepEqual(await client.call('add', [1, 2]), [{ sum: 3 }]);
  }
});

test('a worker ends by itself when its calls are done', async (t) => {
  const { address } = await pair(t);
  const workers = Array.from({ length: 4 }, () => worker(`
    const c = new Client('${address}');
    Promise.all(Array.from({ length: 100 }, (_, i) => c.call('add', [i, 1])))
      .then((answers) => parentPort.postMessage(answers.reduce((sum, [answer]) => sum + answer.sum, 0)));`));
  const results = await Promise.all(workers.map(async (one) => {
    const [[sum], [code]] = await Promise.all([once(one, 'message'), once(one, 'exit')]);
    return { sum, code };
  }));
  for (const result of results) assert.deepEqual(result, { sum: 5050, code: 0 });
});
