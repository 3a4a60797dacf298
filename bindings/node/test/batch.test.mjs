// Calls, values and answers cross between the languages many at a time. Each is on its own nevertheless.
import test from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { AbortError, Client, ClosedError, ConnectError, InvalidError, RemoteError, TimeoutError } from 'libfast';
import { all, pair } from './support.mjs';
import { END, frame, messages } from './wire.mjs';

const ODD = [
  'ü😀\u2028', '\ud800', '\u0000\n\r\u001e', '', {}, [], [[]], 0.1, 1e300, Number.MAX_SAFE_INTEGER, true,
  JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1, "": 2, "a\\nb": 3}'),
  'x'.repeat(100_000), 'é'.repeat(100_000), Array.from({ length: 10_000 }, (_, i) => i),
];

test('each call of a turn gets its own answer, whatever the values are', async (t) => {
  const { client } = await pair(t, { methods: { 'a\nb': (ctx, value) => value } });
  const sent = Array.from({ length: 400 }, (_, i) => ODD[i % ODD.length]);
  const answers = await Promise.all(sent.map((value, i) => client.call(i % 3 ? 'later' : 'a\nb', [value])));
  answers.forEach(([value], i) => assert.deepEqual(value, sent[i]));
  assert.equal({}.polluted, undefined);
  const buffered = await Promise.all(sent.map((value) => client.callBuffered('later', [value], { maxValues: 1 })));
  buffered.forEach(({ values }, i) => assert.deepEqual(values, [sent[i]]));
});

test('calls of a turn arrive in order, with their own options; those that fail harm no other', async (t) => {
  const came = [];
  const { client } = await pair(t, { methods: { note: (ctx, i) => { came.push(i); return i; } } });
  await client.ready();
  const calls = Array.from({ length: 300 }, (_, i) => {
    if (i % 10 === 1) return client.call('note', { i });
    if (i % 10 === 2) return client.call('note', [i], { retries: -1 });
    if (i % 10 === 3) return client.call('never', [i], { timeout_ms: 1 + (i % 4) });
    if (i % 10 === 4) return client.call('fail');
    if (i % 10 === 5) return client.call('note', [i], { timeout_ms: 60_000, retries: 1 });
    if (i % 10 === 6) return all(client.stream('note', [i]));
    return client.call('note', [i]);
  });
  const results = await Promise.allSettled(calls);
  const expected = [];
  results.forEach(({ value, reason }, i) => {
    if (i % 10 === 1 || i % 10 === 2) assert.ok(reason instanceof InvalidError, String(reason));
    else if (i % 10 === 3) assert.ok(reason instanceof TimeoutError, String(reason));
    else if (i % 10 === 4) assert.ok(reason instanceof RemoteError, String(reason));
    else assert.deepEqual(value, [(expected.push(i), i)]);
  });
  assert.deepEqual(came, expected);
});

test('what is done with a call in the turn of its start comes after its start', async (t) => {
  const { client, address } = await pair(t);
  await client.ready();
  const controller = new AbortController();
  const calls = Array.from({ length: 10 }, () => client.call('never', [], { signal: controller.signal }));
  const kept = client.call('add', [1, 2]);
  assert.equal(client.stats().in_flight, 11);
  controller.abort();
  const isAborted = (error) => error instanceof AbortError && error.mergedInfo.rpcMsgid > 0;
  await Promise.all(calls.map((call) => assert.rejects(call, isAborted)));
  assert.deepEqual(await kept, [{ sum: 3 }]);

  const other = new Client(address);
  await other.ready();
  const last = [other.call('add', [1, 2]), other.call('add', [3, 4])];
  await other.close(10_000);
  assert.deepEqual(await Promise.all(last), [[{ sum: 3 }], [{ sum: 7 }]]);
  await assert.rejects(other.call('add', [1, 2]), ClosedError);
});

test('a lone call leaves at once', async (t) => {
  const came = new Int32Array(new SharedArrayBuffer(4));
  const server = new Worker(`
    const { workerData, parentPort } = require('node:worker_threads');
    const server = require('node:net').createServer((socket) => socket.once('data', () => {
      Atomics.store(workerData, 0, 1);
      Atomics.notify(workerData, 0);
    }));
    server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`, { eval: true, workerData: came });
  t.after(() => server.terminate());
  const [port] = await once(server, 'message');
  const client = new Client(`127.0.0.1:${port}`);
  await client.ready();
  const call = client.call('any').catch((error) => error);
  // Nothing else of this turn runs meanwhile.
  assert.equal(Atomics.wait(came, 0, 0, 20_000) === 'timed-out', false);
  await client.close();
  assert.ok((await call) instanceof ClosedError);
});

test('odd texts that come in one piece are what JSON says, each for its own call', async (t) => {
  const texts = [
    ' 1E400 ', '-0', '"\\ud800\\u0000"', '{"a":1,"a":2}', '\n[\t]\r', '"\u2028é"', '12345678901234567890', '{"__proto__":1}',
    `${'['.repeat(500)}${']'.repeat(500)}`, 'true',
  ];
  const server = net.createServer(async (socket) => {
    const ids = [];
    for await (const { id } of messages(socket)) {
      ids.push(id);
      if (ids.length < texts.length) continue;
      socket.write(Buffer.concat(ids.map((each, i) => frame(END, each, `{"d":[${texts[i]}]}`))));
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = new Client(`127.0.0.1:${server.address().port}`);
  await client.ready();
  const answers = await Promise.all(texts.map(() => client.call('any')));
  answers.forEach((values, i) => assert.deepEqual(values, JSON.parse(`[${texts[i]}]`), texts[i].slice(0, 50)));
  await client.close();
  server.close();
});

test('handlers that throw, or return what is no JSON, harm no other answer of their turn', async (t) => {
  const { client } = await pair(t, {
    methods: {
      mixed: (ctx, i) => {
        if (i % 4 === 1) throw new RangeError(`no ${i}`);
        if (i % 4 === 2) return 1n;
        if (i % 4 === 3) return Promise.resolve().then(() => i);
        return i % 8 === 0 ? undefined : i;
      },
    },
  });
  const results = await Promise.allSettled(Array.from({ length: 400 }, (_, i) => client.call('mixed', [i])));
  results.forEach(({ value, reason }, i) => {
    if (i % 4 === 1) assert.equal(reason.remoteMessage, `no ${i}`);
    else if (i % 4 === 2) assert.equal(reason.remoteName, 'InvalidError');
    else assert.deepEqual(value, i % 8 === 0 ? [] : [i]);
  });
});

test('calls made where others complete, by handlers, and from many clients at once', async (t) => {
  const { client, address } = await pair(t, {
    methods: { twice: async (ctx, i) => (await client.call('add', [i, i]))[0].sum },
  });
  const clients = Array.from({ length: 5 }, () => new Client(address));
  const nobody = new Client('unix:/nonexistent/socket', { retries: 0 });
  const one = async (each, i) => {
    for (let n = 0; n < 20; n++) assert.deepEqual(await each.call('twice', [i + n]), [2 * (i + n)]);
  };
  const work = Array.from({ length: 100 }, (_, i) => one(clients[i % 5], i));
  await assert.rejects(nobody.call('add', [1, 2]), ConnectError);
  await Promise.all(work);
  await Promise.all([nobody, ...clients].map((each) => each.close()));
});
