import test from 'node:test';
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { AbortError, Client, ConnectError, InvalidError, RemoteError, Server, StateError } from 'libfast';
import { all, gate, pair } from './support.mjs';

const remote = (name, message, info = {}) => (error) => {
  assert.ok(error instanceof RemoteError, String(error));
  assert.equal(error.remoteName, name);
  assert.equal(error.message, `${name}: ${message}`);
  assert.deepEqual(error.info, info);
  return true;
};

test('rate limits change and clients are turned away while a server runs', async (t) => {
  const { server, client } = await pair(t, {
    server: { rate_limits: 'method=add rate=0 burst=1' },
    client: { retries: 0 },
  });
  const add = () => client.call('add', [1, 2]);
  await add();
  await assert.rejects(add(), (error) => error.code === 'FAST_E_OVERLOAD' && error.remoteName === 'FastRateLimited');
  assert.throws(() => server.setRateLimits('rate=fast'), { code: 'FAST_E_INVALID' });
  server.setRateLimits('');
  await add();
  server.kick('127.0.0.1', 60_000);
  await assert.rejects(add(), { remoteName: 'FastKicked' });
  server.kick('127.0.0.1', 0);
  await add();
});

test('handlers of all four kinds, and what their results become', async (t) => {
  const { client } = await pair(t, {
    methods: {
      nothing: () => undefined,
      none: async () => null,
      array: () => [1, 2],
      map: () => new Map(),
      falsy: () => 0,
      *last() { yield 'a'; return 'b'; },
      async *slowly() { for (const value of ['a', 'b']) { await turn(); yield value; } },
      context: (ctx, ...args) => ({ method: ctx.method, peer: ctx.peer, args: ctx.args, same: args, aborted: ctx.signal.aborted }),
    },
  });
  const expected = {
    nothing: [], none: [], array: [[1, 2]], map: [{}], falsy: [0], last: ['a', 'b'], slowly: ['a', 'b'],
  };
  for (const [method, values] of Object.entries(expected)) {
    assert.deepEqual(await client.call(method), values, method);
    assert.deepEqual(await all(client.stream(method)), values, method);
  }
  const [context] = await client.call('context', [1, 'b']);
  assert.match(context.peer, /^127\.0\.0\.1:\d+$/);
  assert.deepEqual({ ...context, peer: '' }, { method: 'context', peer: '', args: [1, 'b'], same: [1, 'b'], aborted: false });
});

test('what a handler throws is what the caller sees, without its stack', async (t) => {
  const thrower = (make) => () => { throw make(); };
  const { client } = await pair(t, {
    methods: {
      type: thrower(() => new TypeError('bad type')),
      text: thrower(() => 'just text'),
      nothing: thrower(() => undefined),
      info: thrower(() => Object.assign(new Error('with info'), { info: { a: [1] } })),
      odd_info: thrower(() => Object.assign(new Error('odd'), { info: 'text' })),
      cyclic: thrower(() => { const info = {}; info.info = info; return Object.assign(new Error('cycle'), { info }); }),
      hostile: thrower(() => ({ get name() { throw new Error('no'); } })),
      async later() { throw new RangeError('later'); },
      unwritable: () => 10n,
      *void() { yield undefined; },
      proxy: () => client.call('fail'),
      proxied_stream: () => client.stream('range', [3]),
    },
  });
  await assert.rejects(client.call('type'), remote('TypeError', 'bad type'));
  await assert.rejects(client.call('text'), remote('Error', 'just text'));
  await assert.rejects(client.call('nothing'), remote('Error', 'undefined'));
  await assert.rejects(client.call('info'), remote('Error', 'with info', { a: [1] }));
  await assert.rejects(client.call('odd_info'), (error) => error.remoteName === 'Error');
  await assert.rejects(client.call('cyclic'), (error) => error.remoteName === 'Error');
  await assert.rejects(client.call('hostile'), RemoteError);
  await assert.rejects(client.call('later'), remote('RangeError', 'later'));
  await assert.rejects(client.call('unwritable'), (error) => /BigInt/.test(error.message));
  await assert.rejects(client.call('void'), (error) => /yielded undefined/.test(error.message));
  await assert.rejects(client.call('proxy'), remote('CalcError', 'asked to fail', { code: 42 }));
  assert.deepEqual(await client.call('proxied_stream'), [0, 1, 2]);
  const error = await client.call('type').catch((caught) => caught);
  assert.doesNotMatch(JSON.stringify({ ...error }), /server\.test/);
});

test('a caller that is gone aborts the signal and ends the generator', async (t) => {
  const started = gate();
  const aborted = gate();
  const finished = gate();
  const { address } = await pair(t, {
    methods: {
      async wait(ctx) {
        ctx.signal.addEventListener('abort', () => aborted.open());
        started.open();
        await new Promise(() => {});
      },
      async *endless() {
        try {
          for (;;) { await turn(); yield 'x'.repeat(1000); }
        } finally {
          finished.open();
        }
      },
    },
  });
  const client = new Client(address);
  const controller = new AbortController();
  const waiting = client.call('wait', [], { signal: controller.signal });
  const stream = client.stream('endless');
  await stream.next();
  await started.opened;
  controller.abort();
  await assert.rejects(waiting, AbortError);
  await stream.return();
  // Nobody holds its connections any more, so they go.
  await client.close();
  await Promise.all([finished.opened, aborted.opened]);
  const other = new Client(address);
  assert.deepEqual(await other.call('add', [1, 2]), [{ sum: 3 }]);
  await other.close();
});

test('stop cancels what runs after the drain', async () => {
  const server = new Server();
  const started = gate();
  let reason;
  server.method('wait', (ctx) => new Promise((resolve) => {
    ctx.signal.addEventListener('abort', () => { reason = 'aborted'; resolve(1); });
    started.open();
  }));
  const client = new Client(await server.start());
  const call = client.call('wait').catch((error) => error);
  await started.opened;
  await server.stop(0);
  assert.equal((await call).code, 'FAST_E_CONN_LOST');
  await turn();
  assert.equal(reason, 'aborted');
  assert.equal(server.address, null);
  await server.stop();
  await client.close();
});

test('stop waits for what runs within the drain', async () => {
  const server = new Server();
  const started = gate();
  const go = gate();
  server.method('wait', () => (started.open(), go.opened));
  const client = new Client(await server.start());
  const call = client.call('wait');
  await started.opened;
  const stopped = server.stop(10_000);
  go.open('finished');
  assert.deepEqual(await call, ['finished']);
  await stopped;
  await client.close();
});

test('a stop during the start ends what was started', async () => {
  const server = new Server();
  const starting = server.start();
  await server.stop();
  const address = await starting;
  assert.equal(server.address, null);
  const client = new Client(address);
  await assert.rejects(client.call('x'), ConnectError);
  await client.close();
});

test('misuse is refused', async (t) => {
  const { server, address } = await pair(t);
  await assert.rejects(server.start(), StateError);
  assert.throws(() => server.method('x'), InvalidError);
  assert.throws(() => server.method(5, () => {}), InvalidError);
  assert.throws(() => server.method('add', () => {}), (error) => error.code.startsWith('FAST_E'));
  assert.throws(() => new Server({ listn: '' }), /did you mean "listen"/);
  assert.throws(() => new Server({ timeout_ms: 5 }), InvalidError);
  await assert.rejects(server.stop('soon'), InvalidError);
  await assert.rejects(new Server({ listen: address }).start(), /cannot listen/);
  await assert.rejects(new Server({ listen: 'nonsense' }).start(), InvalidError);
});

test('a full server refuses and the caller is told', async (t) => {
  const started = gate();
  const go = gate();
  const { client } = await pair(t, {
    server: { max_inflight: 1 },
    client: { retries: 0 },
    methods: { wait: () => (started.open(), go.opened) },
  });
  const call = client.call('wait');
  await started.opened;
  await assert.rejects(client.call('add', [1, 2]), (error) => error.code === 'FAST_E_OVERLOAD' && error.retriable);
  go.open(null);
  assert.deepEqual(await call, []);
});
