import test from 'node:test';
import assert from 'node:assert/strict';
import { pair, program } from './support.mjs';

test('the heap is flat over 20 000 calls, abandoned ones and streams included', async (t) => {
  const { address } = await pair(t);
  const code = `
    import { Client } from 'libfast';
    const c = new Client('${address}');
    async function many(count) {
      const one = async (i) => {
        await c.call('add', [i, 1]);
        if (i % 10 === 0) await c.call('fail').catch(() => {});
        if (i % 20 === 0) for await (const value of c.stream('range', [100])) if (value === 9) break;
        if (i % 20 === 1) c.call('add', [i, 1], { signal: AbortSignal.abort() }).catch(() => {});
        if (i % 20 === 2) await c.stream('range', [200], { window: 1 }).next(); // left to the collector
      };
      for (let i = 0; i < count; i += 50) await Promise.all(Array.from({ length: 50 }, (_, k) => one(i + k)));
    }
    async function heap() {
      for (let i = 0; i < 5; i++) { gc(); await new Promise(setImmediate); }
      return process.memoryUsage().heapUsed;
    }
    await many(4000);
    const before = await heap();
    await many(20000);
    console.log((await heap()) - before, c.stats().in_flight);
  `;
  const { code: status, stdout, stderr } = await program('module', code, { flags: ['--expose-gc'] }).exited;
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  const [growth, underWay] = stdout.split(' ').map(Number);
  assert.ok(growth < 500_000, `the heap grew by ${growth} bytes`);
  assert.equal(underWay, 0);
});

test('the loop turns while many calls complete', async (t) => {
  const { client } = await pair(t, { server: { max_inflight: 20_000 }, client: { timeout_ms: 0 } });
  let turns = 0;
  let going = true;
  const turn = () => { turns += 1; if (going) setImmediate(turn); };
  turn();
  const calls = Array.from({ length: 20_000 }, (_, i) => client.call('add', [i, 1]));
  await Promise.all(calls).finally(() => (going = false));
  assert.ok(turns > 20_000 / 256, `${turns} turns`);
});
