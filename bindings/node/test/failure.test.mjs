// What an error says of the failure of a call, and what handlers can say in one.
import test from 'node:test';
import assert from 'node:assert/strict';
import { AbortError, Client, ClosedError, InvalidError, RemoteError, TimeoutError } from 'libfast';
import { gate, pair } from './support.mjs';

const failure = (promise) => promise.then(() => assert.fail('it succeeded'), (error) => error);

test('each failure of a call tells its cause and what is known of it', async (t) => {
  const { client } = await pair(t, { client: { retries: 0 } });
  let error = await failure(client.call('fail'));
  assert.equal(error.causeName, 'FastServerError');
  assert.equal(error.remoteMessage, 'asked to fail');
  const { rpcMsgid, ...rest } = error.mergedInfo;
  assert.ok(rpcMsgid > 0);
  assert.deepEqual(rest, { code: 42, rpcMethod: 'fail' });

  error = await failure(client.call('never', [], { timeout_ms: 20 }));
  assert.deepEqual([error.causeName, error.mergedInfo.timeout], ['TimeoutError', 20]);
  const nobody = new Client('unix:/nonexistent/socket', { retries: 0 });
  error = await failure(nobody.call('add'));
  assert.deepEqual([error.causeName, error.mergedInfo], ['FastTransportError', { rpcMethod: 'add' }]);
  await nobody.close();
  error = await failure(client.call('add', { a: 1 }));
  assert.deepEqual([error.causeName, error.mergedInfo, error.remoteMessage, error.context], ['', null, '', null]);
});

test('an aborted call and stream tell which they were', async (t) => {
  const arrived = gate();
  const { client } = await pair(t, { methods: { wait: () => (arrived.open(), new Promise(() => {})) } });
  const controller = new AbortController();
  const { signal } = controller;
  const call = failure(client.call('wait', [], { signal }));
  const stream = failure(client.stream('wait', [], { signal }).next());
  const buffered = failure(client.callBuffered('wait', [], { maxValues: 1, signal }));
  await arrived.opened;
  controller.abort('enough');
  for (const error of await Promise.all([call, stream, buffered])) {
    assert.ok(error instanceof AbortError && error.cause === 'enough');
    assert.deepEqual([error.code, error.causeName], ['FAST_E_ABANDONED', 'FastRequestAbandonedError']);
    assert.equal(error.mergedInfo.rpcMethod, 'wait');
    assert.ok(error.mergedInfo.rpcMsgid > 0);
  }
  for (const late of [client.call('wait', [], { signal }), client.stream('wait', [], { signal }).next()]) {
    const error = await failure(late);
    assert.deepEqual([error.causeName, error.mergedInfo], ['FastRequestAbandonedError', { rpcMethod: 'wait' }]);
  }
});

test('what is under way when its client closes fails', async (t) => {
  const arrived = gate();
  const { client } = await pair(t, { methods: { wait: () => (arrived.open(), new Promise(() => {})) } });
  const call = failure(client.call('wait'));
  await arrived.opened;
  await client.close();
  const error = await call;
  assert.ok(error instanceof ClosedError, String(error));
  assert.deepEqual([error.causeName, error.mergedInfo.rpcMethod], ['FastTransportError', 'wait']);
});

test('a handler fails with all that an error has, and passes it on', async (t) => {
  const said = { info: { row: 7 }, context: [1, { a: null }], aseErrors: [{ name: 'Deep' }] };
  const { client } = await pair(t, {
    methods: {
      thrown: () => { throw Object.assign(new Error('no'), { name: 'RowError', ...said }); },
      made: () => { throw new RemoteError('no', { remoteName: 'RowError', ...said }); },
      upstream: () => client.call('thrown'),
      plain: () => { throw new Error('no'); },
      empty: () => { throw Object.assign(new Error(''), { name: 'Empty' }); },
      proxy: () => client.call('empty'),
    },
  });
  for (const method of ['thrown', 'made', 'upstream']) {
    const { remoteName, remoteMessage, message, info, context, aseErrors } = await failure(client.call(method));
    assert.deepEqual([remoteName, remoteMessage, message], ['RowError', 'no', 'RowError: no'], method);
    assert.deepEqual({ info, context, aseErrors }, said, method);
  }
  // As node-fast has it, a server always sends a context.
  const plain = await failure(client.call('plain'));
  assert.deepEqual([plain.context, plain.aseErrors], [{}, null]);
  assert.equal((await failure(client.call('proxy'))).remoteMessage, '');
});

test('whatever a handler throws is an answer', async (t) => {
  let deep = [];
  for (let i = 0; i < 100_000; i++) deep = [deep];
  const thrown = {
    large: new Error('x'.repeat(20_000_000)),
    deep: Object.assign(new Error('deep'), { context: deep }),
    big: Object.assign(new Error('big'), { aseErrors: [1n] }),
    surrogate: new Error('\ud800'),
    hostile: { get name() { throw new Error('no'); } },
    symbol: Symbol('thrown'),
    stranger: Object.assign(new RemoteError('no'), { remoteName: 7 }),
  };
  const methods = Object.fromEntries(Object.entries(thrown).map(([name, what]) => [name, () => { throw what; }]));
  const { client } = await pair(t, { methods });
  for (const name of Object.keys(thrown)) {
    assert.ok((await failure(client.call(name, [], { timeout_ms: 20_000 }))) instanceof RemoteError, name);
  }
  assert.deepEqual(await client.call('add', [1, 2]), [{ sum: 3 }]);
});

test('a call is buffered in part', async (t) => {
  const { client } = await pair(t, {
    methods: { *half(ctx, n) { for (let i = 0; i < n; i++) yield i; throw new RangeError('no more'); } },
  });
  for (const [maxValues, values] of [[0, []], [2, [0, 1]], [9, [0, 1, 2]]]) {
    assert.deepEqual(await client.callBuffered('range', [3], { maxValues }), { values, count: 3, error: null });
    const failed = await client.callBuffered('half', [3], { maxValues });
    assert.deepEqual([failed.values, failed.count, failed.error.remoteName], [values, 3, 'RangeError']);
    assert.ok(failed.error instanceof RemoteError);
  }
  const late = await client.callBuffered('never', [], { maxValues: 1, timeout_ms: 20 });
  assert.ok(late.error instanceof TimeoutError);
  const wrong = await client.callBuffered('add', { a: 1 }, { maxValues: 1 });
  assert.ok(wrong.error instanceof InvalidError);
  for (const maxValues of [-1, 1.5, '1', undefined]) {
    await assert.rejects(client.callBuffered('add', [1, 2], { maxValues }), /maxValues/);
  }
  await assert.rejects(client.callBuffered('add', [1, 2]), InvalidError);
  await assert.rejects(client.callBuffered('add', [1, 2], { maxValues: 1, timout_ms: 1 }), /did you mean/);
});
