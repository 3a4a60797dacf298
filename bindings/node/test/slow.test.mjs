// Handlers whose callers read slowly, end their side, or go away; and the end of accepting.
import test from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client, ConnectError, TimeoutError } from 'libfast';
import { gate, pair, program } from './support.mjs';
import { connect, messages, request } from './wire.mjs';

const LARGE = 'x'.repeat(100_000);
const TIMES = 100;

/** Answers more than the buffers of the system hold, with next to no room of its own. */
async function large(t) {
  const entered = gate();
  const around = await pair(t, {
    server: { write_limit_bytes: 4096, write_buffer_bytes: 4096 },
    methods: {
      value: () => (entered.open(), LARGE),
      valueLater: async () => (entered.open(), LARGE),
      *values() { entered.open(); for (let i = 0; i < TIMES; i++) yield LARGE; return 'last'; },
      async *valuesLater() { entered.open(); for (let i = 0; i < TIMES; i++) yield LARGE; },
    },
  });
  return { ...around, entered };
}

for (const method of ['value', 'valueLater', 'values', 'valuesLater']) {
  const [requests, each] = method.startsWith('values') ? [3, TIMES] : [TIMES, 1];

  test(`${method}: an answer waits for a slow caller and is complete`, async (t) => {
    const { client, address, entered } = await large(t);
    const slow = await connect(address);
    for (let id = 1; id <= requests; id++) slow.write(request(method, [], id));
    await entered.opened;
    // What waits holds up neither this thread nor callers on other connections.
    assert.deepEqual(await client.call('add', [1, 2]), [{ sum: 3 }]);
    let ended = 0;
    let values = 0;
    for await (const { status, data } of messages(slow)) {
      assert.notEqual(status, 3, JSON.stringify(data));
      values += data.d.filter((value) => value === LARGE).length;
      if (status === 2 && ++ended === requests) break;
    }
    assert.equal(values, requests * each);
  });

  test(`${method}: an answer to a caller that is gone is let go`, async (t) => {
    const { server, client, address, entered } = await large(t);
    for (let round = 0; round < 5; round++) {
      const slow = await connect(address);
      for (let id = 1; id <= 20; id++) slow.write(request(method, [], id));
      await entered.opened;
      slow.destroy();
    }
    assert.equal((await client.call(method))[0], LARGE);
    await client.close();
    await server.connectionsClosed();
  });
}

test('a handler that never answers is its caller\'s timeout', async (t) => {
  const { client } = await pair(t);
  await assert.rejects(client.call('never', [], { timeout_ms: 20 }), TimeoutError);
  assert.equal(client.stats().in_flight, 0);
});

test('requests whose callers are gone are not kept, though their handlers never end', async () => {
  const code = `
    import { Server } from 'libfast';
    import { connect, request } from './test/wire.mjs';
    let arrived = 0;
    let all;
    const server = new Server({ max_inflight: 100_000 });
    // It keeps what would settle it, as a program that waits for something else does.
    const kept = [];
    server.method('never', () => { if (++arrived === 20) all(); return new Promise((resolve) => kept.push(resolve)); });
    const address = await server.start();
    async function round() {
      arrived = 0;
      kept.length = 0;
      const opened = new Promise((resolve) => (all = resolve));
      const socket = await connect(address);
      for (let id = 1; id <= 20; id++) socket.write(request('never', ['x'.repeat(10_000)], id));
      await opened;
      // A mere end might be that of a caller that reads on.
      socket.resetAndDestroy();
      await server.connectionsClosed();
    }
    async function resident() {
      for (let i = 0; i < 3; i++) { gc(); await new Promise(setImmediate); }
      return process.memoryUsage().rss;
    }
    for (let i = 0; i < 20; i++) await round();
    const before = await resident();
    for (let i = 0; i < 300; i++) await round();
    console.log((await resident()) - before);
    await server.stop(0);`;
  const { code: status, stdout, stderr } = await program('module', code, { flags: ['--expose-gc'] }).exited;
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  // 60 MB went through the arguments alone.
  assert.ok(Number(stdout) < 25_000_000, `it grew by ${stdout} bytes`);
});

test('an answer after its caller is gone has no effect', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'libfast-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [entered, go, done] = [gate(), gate(), gate()];
  const { server, address, client } = await pair(t, {
    server: { listen: `unix:${folder}/socket` },
    methods: {
      async late(ctx) {
        entered.open();
        await go.opened;
        done.open([ctx.signal.aborted, ctx.halfClosed]);
        return 'late';
      },
    },
  });
  const caller = await connect(address);
  caller.write(request('late'));
  await entered.opened;
  caller.destroy();
  await server.connectionsClosed();
  go.open();
  assert.deepEqual(await done.opened, [true, true]);
  assert.deepEqual(await client.call('add', [1, 2]), [{ sum: 3 }]);
});

test('a handler knows how long its caller waits', async (t) => {
  const { address } = await pair(t, { methods: { left: (ctx) => ctx.remainingMs } });
  const patient = new Client(address, { timeout_ms: 60_000 });
  t.after(() => patient.close());
  // From the second call on: the first finds out that this server understands it.
  let left;
  for (let calls = 0; left === undefined && calls < 10_000; calls++) [left] = await patient.call('left', []);
  assert.ok(left > 0 && left <= 60_000, `${left}`);
  const silent = new Client(address, { send_deadline: false });
  t.after(() => silent.close());
  assert.deepEqual(await silent.call('left', []), []);
});

test('a handler knows that its caller ended its side', async (t) => {
  const entered = gate();
  const { address } = await pair(t, {
    methods: {
      async half(ctx) {
        entered.open(ctx.halfClosed);
        while (!ctx.halfClosed) await new Promise(setImmediate);
        return ctx.signal.aborted;
      },
    },
  });
  const caller = await connect(address);
  caller.write(request('half'));
  assert.equal(await entered.opened, false);
  caller.end();
  // It still waits for the answer, and gets it.
  const answers = [];
  for await (const { data } of messages(caller)) answers.push(...data.d);
  assert.deepEqual(answers, [false]);
});

test('a server that accepts no more serves those who are there, until the last is gone', async (t) => {
  const { server, client, address } = await pair(t);
  // At once if there is none.
  await server.connectionsClosed();
  assert.deepEqual(await client.call('add', [1, 2]), [{ sum: 3 }]);
  await server.stopAccepting();
  await server.stopAccepting();
  const late = new Client(address, { retries: 0 });
  await assert.rejects(late.call('add', [1, 2]), ConnectError);
  await late.close();
  let closed = 0;
  const waiting = [1, 2].map(() => server.connectionsClosed().then(() => (closed += 1)));
  assert.deepEqual(await client.call('add', [3, 4]), [{ sum: 7 }]);
  assert.equal(closed, 0);
  await client.close();
  await Promise.all(waiting);
});
