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
  await announced.setWeight(7);
  await announced.setMetadata('version=2');
  const closed = new Promise((resolve) => announced.onAnnouncement((state) => state === 'closed' && resolve()));
  const client = new Client(at('db'), { timeout_ms: 10_000 });
  const picked = await client.pick();
  assert.equal(picked.endpoint, '127.0.0.1:5432');
  picked.report(2, true);
  assert.deepEqual(client.stats().endpoints[0].metadata, { version: '2' });
  await announced.withdraw();
  await announced.withdraw();
  assert.equal(announced.state, 'closed');
  await closed;
  // Whoever comes late hears of the end, too.
  await new Promise((resolve) => announced.onAnnouncement((state) => state === 'closed' && resolve()));
  await client.close();
  await assert.rejects(announce({}), InvalidError);
  await assert.rejects(announce({ announce: at('db') }), /advertise/);
  await assert.rejects(announce({ announce: 'a b', advertise: '127.0.0.1:1' }), InvalidError);
});

test('a server says when it is ready, and how much it takes', async (t) => {
  const at = registry(t);
  const server = new Server({ announce: at('calc'), announce_at_start: false }).method('who', () => 'me');
  const heard = [];
  const ended = new Promise((resolve) => {
    server.onAnnouncement((state, error) => {
      heard.push([state, error]);
      if (state === 'closed') resolve();
    });
  });
  await server.start();
  assert.equal(server.announcement, 'closed');
  const client = new Client(at('calc'), { timeout_ms: 10_000 });
  await assert.rejects(client.call('who'), NoEndpointError);
  await server.announce();
  await server.announce();
  assert.equal(server.announcement, 'registered');
  await client.ready();
  assert.deepEqual(await client.call('who'), ['me']);
  await server.setWeight(7);
  while (client.stats().endpoints[0].weight !== 7) await new Promise((resolve) => setTimeout(resolve, 5));
  for (const wrong of [1_000_001, -1, 1.5, '7', NaN]) await assert.rejects(server.setWeight(wrong), InvalidError);
  await server.setMetadata('version=2,shard=7');
  while (client.stats().endpoints[0].metadata.shard !== '7') await new Promise((resolve) => setTimeout(resolve, 5));
  const invalid = (message) => (error) => error instanceof InvalidError && message.test(error.message);
  await assert.rejects(server.setMetadata('version'), invalid(/^option "metadata": "version" has no =/));
  await assert.rejects(server.setMetadata(`version=${'2'.repeat(4096)}`), invalid(/shorten its metadata/));
  await assert.rejects(server.setMetadata({ version: 2 }), invalid(/metadata must be a string/));
  await server.stop();
  await ended;
  assert.deepEqual(heard[0], ['registered', null]);
  assert.deepEqual(heard.at(-1), ['closed', null]);
  await client.close();
});
