// What programs put around calls, on both sides.
import test from 'node:test';
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { Client, ClosedError, AbandonedError, RemoteError } from 'libfast';
import { all, pair } from './support.mjs';

/** Writes down what three interceptors see of each call. The second one takes its time. */
function log(what, lines) {
  ['first', 'second', 'third'].forEach((name, place) =>
    what.intercept(async (call) => {
      if (place === 1) await setImmediate();
      lines.push(`${name} ${call.method} ${JSON.stringify(call.args)}`);
      call.onEnd(({ values, error }) => lines.push(`${name} ended: ${values} values, ${error?.code ?? error?.name ?? 'ok'}`));
    }));
}

/** Waits until others have done what is asked for. */
async function until(condition) {
  while (!condition()) await setImmediate();
}

const ADD = ['first add [1,2]', 'second add [1,2]', 'third add [1,2]'];
const ENDED = ['third', 'second', 'first'].map((name) => `${name} ended: 1 values, ok`);

test('three see a call in order and its end in reverse', async (t) => {
  const { server, client } = await pair(t);
  const [here, there] = [[], []];
  log(client, here);
  log(server, there);
  assert.deepEqual(await client.call('add', [1, 2]), [{ sum: 3 }]);
  assert.deepEqual(here, [...ADD, ...ENDED]);
  await until(() => there.length === here.length);
  assert.deepEqual(there, here);
});

test("a client's interceptor answers or fails a call, and nobody after it sees it", async () => {
  // Nobody listens there.
  const client = new Client('127.0.0.1:1');
  const ends = [];
  client.intercept((call) => call.onEnd(({ values, error, endpoint, attempts }) =>
    ends.push([call.method, values, error?.message ?? null, endpoint, attempts])));
  client.intercept((call) => {
    if (call.method === 'two') call.answer(1, { two: 2 });
    else if (call.method === 'none') call.answer(null);
    else throw new TypeError('not today');
  });
  client.intercept((call) => assert.fail(`${call.method} went on`));
  assert.deepEqual(await client.call('two'), [1, { two: 2 }]);
  assert.deepEqual(await client.call('none'), []);
  await assert.rejects(client.call('other'), TypeError);
  assert.deepEqual(await all(client.stream('two')), [1, { two: 2 }]);
  await assert.rejects(client.stream('other').next(), TypeError);
  assert.deepEqual(await client.callBuffered('two', [], { maxValues: 1 }), { values: [1], count: 2, error: null });
  const failed = ['other', 0, 'not today', '', 0];
  const two = ['two', 2, null, '', 0];
  assert.deepEqual(ends, [two, ['none', 0, null, '', 0], failed, two, failed, two]);
});

test("a server's interceptor answers or refuses, and no handler runs", async (t) => {
  let handled = 0;
  const { server, client } = await pair(t, { methods: { count: () => ++handled } });
  let turn = 0;
  server.intercept((call) => {
    assert.match(call.peer, /^127\.0\.0\.1:/);
    turn += 1;
    if (turn === 1) call.answer(7, 8);
    else if (turn === 2) call.answer(undefined);
    else if (turn === 3) throw new RemoteError('not you', { remoteName: 'Denied', info: { role: 'guest' } });
  });
  assert.deepEqual(await client.call('count'), [7, 8]);
  assert.deepEqual(await client.call('count'), []);
  const { remoteName, remoteMessage, info } = await client.call('count').catch((error) => error);
  assert.deepEqual([remoteName, remoteMessage, info], ['Denied', 'not you', { role: 'guest' }]);
  assert.equal(handled, 0);
  assert.deepEqual(await client.call('count'), [1]);
});

test('arguments and options may be changed', async (t) => {
  const { client, address } = await pair(t);
  client.intercept((call) => {
    assert.equal(call.target, address);
    if (call.method === 'add') call.args = [20, 22];
    else call.options.timeout_ms = 1;
  });
  assert.deepEqual(await client.call('add', [1, 2]), [{ sum: 42 }]);
  await assert.rejects(client.call('never'), { code: 'FAST_E_TIMEOUT' });
});

test('one that throws beside a call does not fail it', async (t) => {
  const { server, client } = await pair(t);
  const warned = [];
  process.on('warning', (warning) => warned.push(warning.message));
  for (const what of [client, server]) {
    what.intercept((call) => {
      call.onValue(() => { throw new Error('at a value'); });
      call.onEnd(() => { throw new Error('at the end'); });
    });
  }
  assert.deepEqual(await client.call('add', [1, 2]), [{ sum: 3 }]);
  await until(() => warned.length === 4);
  assert.ok(warned.every((message) => /^an interceptor failed beside a call: at /.test(message)), warned.join());
});

test('each value of a stream is seen on both sides', async (t) => {
  const { server, client, address } = await pair(t);
  const [here, there, outcomes] = [[], [], []];
  const see = (lines) => (call) => {
    call.onValue((value) => lines.push(value));
    call.onEnd((outcome) => { lines.push('end'); outcomes.push(outcome); });
  };
  client.intercept(see(here));
  server.intercept(see(there));
  for (const method of ['range', 'ticks']) {
    const values = method === 'range' ? [0, 1, 2] : [0, 1, 2, 'end'];
    assert.deepEqual(await all(client.stream(method, [3])), values);
    await until(() => there.at(-1) === 'end');
    assert.deepEqual(here.splice(0), [...values, 'end']);
    assert.deepEqual(there.splice(0), [...values, 'end']);
    const ofClient = outcomes.splice(0).find((outcome) => outcome.endpoint === address);
    assert.deepEqual([ofClient.values, ofClient.error, ofClient.attempts], [values.length, null, 1]);
    assert.ok(ofClient.duration_ms > 0);
  }
  // One that is left before its end.
  for await (const value of client.stream('range', [3])) {
    assert.equal(value, 0);
    break;
  }
  const left = outcomes.find((outcome) => outcome.endpoint === address);
  assert.ok(left.error instanceof AbandonedError);
  assert.deepEqual([left.values, left.attempts], [1, 1]);
});

test('a server hears that the caller is gone', async (t) => {
  let entered;
  const inside = new Promise((resolve) => (entered = resolve));
  const methods = { wait: (ctx) => new Promise((resolve) => { entered(); ctx.signal.addEventListener('abort', () => resolve(1)); }) };
  const { server, address } = await pair(t, { methods });
  const ended = new Promise((resolve) => server.intercept((call) => call.onEnd(resolve)));
  const client = new Client(address);
  const call = client.call('wait');
  await inside;
  // Before: it may be rejected while `close` still waits.
  const rejected = assert.rejects(call, ClosedError);
  await client.close();
  await rejected;
  assert.ok((await ended).error instanceof ClosedError);
});

test('the outcome says where and how often', async (t) => {
  const { address } = await pair(t);
  const client = new Client(`127.0.0.1:1,${address}`, { policy: 'round_robin' });
  const outcomes = [];
  client.intercept((call) => call.onEnd(({ endpoint, attempts }) => outcomes.push({ endpoint, attempts })));
  for (let i = 0; i < 2; i++) await client.call('add', [1, 2]);
  await client.callBuffered('fail', [], { maxValues: 3 });
  assert.ok(outcomes.some(({ attempts }) => attempts === 2), JSON.stringify(outcomes));
  assert.ok(outcomes.every(({ endpoint }) => endpoint === address), JSON.stringify(outcomes));
  await client.close();
});
