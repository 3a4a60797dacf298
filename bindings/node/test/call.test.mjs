import test from 'node:test';
import assert from 'node:assert/strict';
import { Client, FastError, AbortError, AbandonedError, InvalidError, ClosedError, StateError } from 'libfast';
import { gate, pair } from './support.mjs';

test('a call gives all values of its answer', async (t) => {
  const { client } = await pair(t);
  assert.deepEqual(await client.call('add', [1, 2]), [{ sum: 3 }]);
  assert.deepEqual(await client.call('range', [3]), [0, 1, 2]);
  assert.deepEqual(await client.call('later', ['ü\u0000"😀']), ['ü\u0000"😀']);
  assert.deepEqual(await client.call('range', [0]), []);
  assert.deepEqual(await client.call('later'), []);
});

test('500 concurrent calls get their own answers', async (t) => {
  const { client } = await pair(t);
  const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => client.call('add', [i, 1])));
  answers.forEach(([answer], i) => assert.equal(answer.sum, i + 1));
  assert.equal(client.stats().in_flight, 0);
});

test('an aborted call rejects at once, and the client works on', async (t) => {
  const { client } = await pair(t);
  const controller = new AbortController();
  const call = client.call('never', [], { signal: controller.signal });
  controller.abort('enough');
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof AbortError && error instanceof AbandonedError && error instanceof FastError);
    assert.equal(error.name, 'AbortError');
    assert.equal(error.code, 'FAST_E_ABANDONED');
    assert.equal(error.cause, 'enough');
    return true;
  });
  await assert.rejects(client.call('add', [1, 2], { signal: AbortSignal.abort() }), AbortError);
  await assert.rejects(client.call('never', [], { signal: AbortSignal.timeout(10) }), AbortError);
  const calm = new AbortController();
  assert.deepEqual(await client.call('add', [1, 2], { signal: calm.signal }), [{ sum: 3 }]);
  calm.abort();
  assert.deepEqual(await client.call('add', [1, 2]), [{ sum: 3 }]);
});

test('one signal can end many calls', async (t) => {
  const { client } = await pair(t);
  const warnings = [];
  const warned = (warning) => warnings.push(warning);
  process.on('warning', warned);
  t.after(() => process.off('warning', warned));
  const controller = new AbortController();
  const { signal } = controller;
  await Promise.all(Array.from({ length: 30 }, () => client.call('add', [1, 2], { signal })));
  const calls = Array.from({ length: 30 }, () => client.call('never', [], { signal }));
  const streams = Array.from({ length: 30 }, () => client.stream('never', [], { signal }).next());
  controller.abort();
  for (const { reason } of await Promise.allSettled([...calls, ...streams])) assert.ok(reason instanceof AbortError);
  assert.equal(client.stats().in_flight, 0);
  await new Promise(setImmediate);
  assert.deepEqual(warnings, []);
});

test('arguments that are no JSON array reject with InvalidError', async (t) => {
  const { client } = await pair(t);
  const cycle = [];
  cycle.push(cycle);
  for (const args of [{ a: 1 }, 'text', 7, null, [1n], cycle, () => {}, Symbol('x')]) {
    await assert.rejects(client.call('add', args), InvalidError);
  }
  await assert.rejects(client.stream('add', { a: 1 }).next(), InvalidError);
  assert.throws(() => client.stream('add', [1n]), InvalidError);
  await assert.rejects(client.call(7, []), InvalidError);
});

test('options with wrong names or values are refused with a hint', async (t) => {
  const { client } = await pair(t);
  const refused = (options, hint) => {
    assert.throws(() => new Client('calc', options), (error) => {
      assert.ok(error instanceof InvalidError, String(error));
      assert.equal(error.code, 'FAST_E_INVALID');
      assert.match(error.message, hint);
      return true;
    });
  };
  refused({ timout_ms: 5 }, /did you mean "timeout_ms"/);
  refused({ listen: '127.0.0.1:0' }, /does not exist/);
  refused({ timeout_ms: -1 }, /0 to 86400000/);
  refused({ policy: 'best' }, /p2c, round_robin/);
  refused({ client_name: null }, /null/);
  refused({ retries: {} }, /retries/);
  refused('timeout_ms=5', /must be an object/);
  assert.throws(() => new Client(''), InvalidError);
  assert.throws(() => new Client(undefined), InvalidError);
  await assert.rejects(client.call('add', [], { timout_ms: 1 }), /did you mean/);
  await assert.rejects(client.call('add', [], { timeout_ms: 1.5 }), InvalidError);
  await assert.rejects(client.call('add', [], { policy: 'p2c' }), /a call has/);
  await assert.rejects(client.call('add', [], { signal: 5 }), /AbortSignal/);
  await assert.rejects(client.call('add', [], null), InvalidError);
  assert.deepEqual(await client.call('add', [1, 2], { timeout_ms: undefined, retries: 1 }), [{ sum: 3 }]);
});

test('close waits for what is under way and refuses what comes after', async (t) => {
  const { open, opened } = gate();
  const arrived = gate();
  const { client } = await pair(t, { methods: { wait: () => (arrived.open(), opened) } });
  const call = client.call('wait');
  await arrived.opened;
  const closed = client.close(10_000);
  open('done');
  assert.deepEqual(await call, ['done']);
  await closed;
  await assert.rejects(client.call('add', [1, 2]), ClosedError);
  await client.close();
});

test('ready, pick and stats', async (t) => {
  const { client, address } = await pair(t);
  await client.ready(10_000);
  const picked = await client.pick();
  assert.equal(picked.endpoint, address);
  assert.throws(() => picked.report(-1, true), InvalidError);
  picked.report(1.5, true);
  assert.throws(() => picked.report(1.5, true), StateError);
  assert.equal(client.stats().endpoints[0].address, address);
  await assert.rejects(client.ready(-1), InvalidError);
});
