import test from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { announce, Client, InvalidError, NoEndpointError, Server } from 'libfast';

function registry(t) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'libfast-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return (service) => `dir://${folder}/${service}`;
}

test('two servers that announce themselves share the calls in turn', async (t) => {
  const at = registry(t);
  const servers = ['a', 'b'].map((name) => new Server({ announce: at('calc') }).method('who', () => name));
  await Promise.all(servers.map((server) => server.start()));
  const client = new Client(at('calc'), { policy: 'round_robin' });
  const count = { a: 0, b: 0 };
  for (let i = 0; i < 100; i++) count[(await client.call('who', [], { idempotent: true }))[0]] += 1;
  assert.deepEqual(count, { a: 50, b: 50 });

  await servers[0].stop();
  for (let i = 0; i < 20; i++) assert.deepEqual(await client.call('who', [], { idempotent: true }), ['b']);
  await servers[1].stop();
  await assert.rejects(client.call('who'), NoEndpointError);
  await client.close();
});

test('a server of another protocol is announced, picked and withdrawn', async (t) => {
  const at = registry(t);
  const announced = await announce({ announce: at('db'), advertise: '127.0.0.1:5432' });
  assert.equal(announced.state, 'registered');
  const client = new Client(at('db'), { timeout_ms: 10_000 });
  const picked = await client.pick();
  assert.equal(picked.endpoint, '127.0.0.1:5432');
  picked.report(2, true);
  await announced.withdraw();
  await announced.withdraw();
  assert.equal(announced.state, 'closed');
  await client.close();
  await assert.rejects(announce({}), InvalidError);
  await assert.rejects(announce({ announce: at('db') }), /advertise/);
  await assert.rejects(announce({ announce: 'a b', advertise: '127.0.0.1:1' }), InvalidError);
});
