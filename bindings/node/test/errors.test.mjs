import test from 'node:test';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import net from 'node:net';
import { once } from 'node:events';
import * as libfast from 'libfast';
import { packageFolder, pair, program } from './support.mjs';

const require = createRequire(import.meta.url);
const native = require('../lib/native.js');
const { Client, FastError, RemoteError, TimeoutError, ConnectError, ProtocolError } = libfast;

test('every kind of error has its class, in both module systems and in the types', () => {
  const types = readFileSync(path.join(packageFolder, 'index.d.ts'), 'utf8');
  const common = require('libfast');
  for (const [code, name] of JSON.parse(native.errorKinds())) {
    const Class = libfast[name];
    assert.equal(Class, common[name], name);
    assert.ok(Class.prototype instanceof FastError, name);
    assert.equal(Class.name, name);
    assert.equal(new Class('x').name, name);
    assert.match(code, /^FAST_E_/);
    assert.match(types, new RegExp(`^export class ${name} extends FastError`, 'm'));
  }
  assert.deepEqual(Object.keys(libfast).filter((name) => name !== 'default').sort(), Object.keys(common).sort());
});

test('the types know every option', () => {
  const types = readFileSync(path.join(packageFolder, 'index.d.ts'), 'utf8');
  const names = JSON.parse(native.optionNames());
  const members = (type) => {
    const [, body] = types.match(new RegExp(`^export interface ${type} \\{\\n([^}]*)\\}`, 'm'));
    return [...body.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name);
  };
  assert.deepEqual(members('ClientOptions'), names.client);
  assert.deepEqual(members('ServerOptions'), names.server);
  assert.deepEqual(members('CallOptions'), [...names.call, 'signal']);
});

test('a remote error keeps name, message, info, endpoint and the stack of its caller', async (t) => {
  const { client, address } = await pair(t);
  async function theCaller() {
    await client.call('fail');
  }
  const error = await theCaller().catch((caught) => caught);
  assert.ok(error instanceof RemoteError && error instanceof FastError && error instanceof Error);
  assert.equal(error.code, 'FAST_E_REMOTE');
  assert.equal(error.remoteName, 'CalcError');
  assert.equal(error.message, 'CalcError: asked to fail');
  assert.deepEqual(error.info, { code: 42 });
  assert.equal(error.endpoint, address);
  assert.equal(error.retriable, false);
  assert.match(error.stack, /^RemoteError: CalcError: asked to fail\n/);
  assert.match(error.stack, /theCaller/);
});

test('each failure has its class', async (t) => {
  const { client } = await pair(t);
  await assert.rejects(client.call('never', [], { timeout_ms: 20 }), TimeoutError);
  await assert.rejects(client.call('no such method'), RemoteError);

  const port = net.createServer().listen(0, '127.0.0.1');
  await once(port, 'listening');
  const address = `127.0.0.1:${port.address().port}`;
  port.close();
  await once(port, 'close');
  await assert.rejects(new Client(address).call('add'), (error) => error instanceof ConnectError && error.retriable);

  const nonsense = net.createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  nonsense.listen(0, '127.0.0.1');
  await once(nonsense, 'listening');
  t.after(() => nonsense.close());
  await assert.rejects(new Client(`127.0.0.1:${nonsense.address().port}`).call('add'), ProtocolError);
});

test('a native file that cannot be loaded is said by its real error, and how to fix it', async () => {
  const missing = program('commonjs', "require('libfast')", { env: { LIBFAST_NATIVE: '/nowhere/x.node' } });
  const first = await missing.exited;
  assert.equal(first.code, 1);
  assert.match(first.stderr, /\/nowhere\/x\.node: Cannot find module/);
  assert.match(first.stderr, /LIBFAST_NATIVE is set/);
  const wrong = program('commonjs', "process.dlopen = (m, file) => { throw new Error('GLIBC_9 not found ' + file) }; require('libfast')");
  const second = await wrong.exited;
  assert.match(second.stderr, /native\/libfast\..*\.node: GLIBC_9 not found/);
  assert.match(second.stderr, /build\.sh/);
});
