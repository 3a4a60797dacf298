// When a process ends by itself, and when it does not.
import test from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Client, Server } from 'libfast';
import { gate, pair, program } from './support.mjs';

const imports = {
  module: "import { Client, Server } from 'libfast';",
  commonjs: "const { Client, Server } = require('libfast');",
};

for (const [type, load] of Object.entries(imports)) {
  test(`${type}: an idle client lets the process exit`, async (t) => {
    const { address } = await pair(t);
    const code = `${load} const c = new Client('${address}');
      c.call('add', [1, 2]).then((v) => { console.log(v[0].sum); process.on('exit', () => console.log(Date.now() - at)); const at = Date.now(); });`;
    const { code: status, stdout } = await program(type, code).exited;
    assert.equal(status, 0);
    const [sum, took] = stdout.trim().split('\n');
    assert.equal(sum, '3');
    assert.ok(Number(took) < 500, `it took ${took} ms`);
  });

  test(`${type}: a pending call, stream or wait keeps the process until it is done`, async (t) => {
    const methods = {
      later: () => new Promise((resolve) => setTimeout(resolve, 200, 'late')),
      async *drops() { for (let i = 0; i < 3; i++) { await new Promise((go) => setTimeout(go, 100)); yield i; } },
    };
    const { address } = await pair(t, { methods });
    const code = `${load} const c = new Client('${address}');
      (async () => {
        console.log((await c.call('later'))[0]);
        for await (const value of c.stream('drops')) console.log(value);
        await c.ready();
        await c.close();
        console.log('closed');
      })();`;
    assert.deepEqual(await program(type, code).exited, {
      code: 0, signal: null, stdout: 'late\n0\n1\n2\nclosed\n', stderr: '',
    });
  });

  test(`${type}: a server keeps the process alive until it is stopped`, async () => {
    const code = `${load} const s = new Server();
      s.method('add', (ctx, a, b) => a + b).method('stop', () => { setImmediate(() => s.stop()); });
      s.start().then(console.log);`;
    const { child, exited } = program(type, code);
    const [line] = await once(child.stdout, 'data');
    const client = new Client(String(line).trim());
    assert.deepEqual(await client.call('add', [1, 2]), [3]);
    assert.equal(child.exitCode, null);
    await client.call('stop');
    const { code: status, stderr } = await exited;
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
    await client.close();
  });
}

test('loading starts no thread', { skip: process.platform !== 'linux' }, async () => {
  const count = "require('node:fs').readdirSync('/proc/self/task').length";
  const code = `const before = ${count}; ${imports.commonjs} console.log(${count} - before)`;
  assert.deepEqual(await program('commonjs', code).exited, { code: 0, signal: null, stdout: '0\n', stderr: '' });
});

test('unref lets the process exit in spite of a server and a call under way', async () => {
  const started = gate();
  const server = new Server().method('never', () => (started.open(), new Promise(() => {})));
  const address = await server.start();
  const code = `${imports.commonjs}
    new Server().unref().start().then(() => new Client('${address}').unref().call('never', [], { timeout_ms: 0 }));`;
  const { code: status } = await program('commonjs', code).exited;
  assert.equal(status, 0);
  await server.stop(0);
});

test('process.exit and uncaught errors with everything under way end the process at once', async (t) => {
  const { address } = await pair(t);
  const work = `${imports.commonjs}
    const s = new Server().method('wait', () => new Promise(() => {}));
    const c = new Client('${address}');
    s.start().then(async (own) => {
      for (let i = 0; i < 50; i++) { c.call('never').catch(() => {}); new Client(own).call('wait').catch(() => {}); }
      for await (const value of c.stream('range', [100000])) if (value === 50) END
    });`;
  for (let round = 0; round < 5; round++) {
    const ended = await program('commonjs', work.replace('END', 'process.exit(7);')).exited;
    assert.deepEqual([ended.code, ended.signal, ended.stderr], [7, null, '']);
  }
  const thrown = await program('commonjs', work.replace('END', "setImmediate(() => { throw new Error('mine') });")).exited;
  assert.equal(thrown.code, 1);
  assert.match(thrown.stderr, /Error: mine/);
});
