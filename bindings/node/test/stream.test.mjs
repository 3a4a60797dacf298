import test from 'node:test';
import assert from 'node:assert/strict';
import { pipeline } from 'node:stream/promises';
import { Writable } from 'node:stream';
import { AbortError, RemoteError } from 'libfast';
import { all, pair } from './support.mjs';

test('a stream gives every value in order, whatever the window', async (t) => {
  const { client } = await pair(t);
  for (const window of [1, 2, 3, 64, 5000]) {
    const values = await all(client.stream('range', [1000], { window }));
    assert.deepEqual(values, Array.from({ length: 1000 }, (_, i) => i));
  }
  assert.deepEqual(await all(client.stream('ticks', [2])), [0, 1, 'end']);
  assert.deepEqual(await all(client.stream('range', [0])), []);
});

test('leaving a loop early abandons the call, and the client works on', async (t) => {
  const { client } = await pair(t);
  for (let round = 0; round < 20; round++) {
    for await (const value of client.stream('range', [100_000])) if (value === 10) break;
  }
  const failing = async () => {
    for await (const value of client.stream('range', [100_000])) if (value === 10) throw new Error('mine');
  };
  await assert.rejects(failing(), /mine/);
  assert.equal(client.stats().in_flight, 0);
  assert.deepEqual(await client.call('add', [1, 2]), [{ sum: 3 }]);
});

test('an error comes after the values before it', async (t) => {
  const { client } = await pair(t, {
    methods: { *half() { yield 1; yield 2; throw new RangeError('no more'); } },
  });
  const stream = client.stream('half');
  assert.deepEqual(await stream.next(), { value: 1, done: false });
  assert.deepEqual(await stream.next(), { value: 2, done: false });
  await assert.rejects(stream.next(), (error) => error instanceof RemoteError && error.remoteName === 'RangeError');
  assert.deepEqual(await stream.next(), { value: undefined, done: true });
});

test('next can be called ahead, and return settles it', async (t) => {
  const { client } = await pair(t);
  const stream = client.stream('range', [3]);
  const ahead = await Promise.all([stream.next(), stream.next(), stream.next(), stream.next(), stream.next()]);
  assert.deepEqual(ahead.map((step) => step.value), [0, 1, 2, undefined, undefined]);
  const endless = client.stream('never');
  const waiting = endless.next();
  assert.deepEqual(await endless.return('left'), { value: 'left', done: true });
  assert.deepEqual(await waiting, { value: undefined, done: true });
  const unused = client.stream('range', [3]);
  await unused.return();
  assert.deepEqual(await unused.next(), { value: undefined, done: true });
});

test('a signal aborts a stream, before and while it runs', async (t) => {
  const { client } = await pair(t);
  const controller = new AbortController();
  const stream = client.stream('never', [], { signal: controller.signal });
  const waiting = stream.next();
  controller.abort();
  await assert.rejects(waiting, AbortError);
  await assert.rejects(client.stream('range', [1], { signal: AbortSignal.abort() }).next(), AbortError);
});

test('a readable stream gives the values, and destroying it abandons the call', async (t) => {
  const { client } = await pair(t);
  const seen = [];
  const sink = new Writable({ objectMode: true, write: (value, _, next) => (seen.push(value), setImmediate(next)) });
  await pipeline(client.stream('range', [100]).toReadable({ highWaterMark: 4 }), sink);
  assert.equal(seen.length, 100);
  const endless = client.stream('range', [100_000]).toReadable();
  for await (const value of endless) if (value === 5) break;
  assert.ok(endless.destroyed);
  assert.equal(client.stats().in_flight, 0);
});

test('a slow reader holds the handler back', async (t) => {
  let made = 0;
  const block = 'x'.repeat(64 * 1024);
  const { client } = await pair(t, {
    server: { write_buffer_bytes: 4096 },
    client: { window: 2, stream_buffer_bytes: 65_536, timeout_ms: 0 },
    methods: { *blocks(ctx, n) { for (; made < n; made++) yield block; } },
  });
  let taken = 0;
  let most = 0;
  for await (const value of client.stream('blocks', [1500])) {
    taken += 1;
    assert.equal(value.length, block.length);
    most = Math.max(most, made - taken);
    // Lets the handler, which runs on this thread, do all that it may.
    await new Promise(setImmediate);
  }
  assert.equal(taken, 1500);
  // The rest are the socket buffers of the system.
  assert.ok(most < 400, `${most} blocks were made ahead`);
});
