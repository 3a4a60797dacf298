// What operators see of clients and servers.
import test from 'node:test';
import assert from 'node:assert/strict';
import { metricsText } from 'libfast';
import { gate, pair } from './support.mjs';

test('metrics count the calls of the process', async (t) => {
  const { client } = await pair(t);
  await client.call('add', [1, 2]);
  const text = metricsText();
  for (const side of ['client', 'server']) assert.match(text, new RegExp(`^rpc_${side}_call_duration_seconds_count`, 'm'));
});

test('kang shows connections and requests', async (t) => {
  const arrived = gate();
  const { server, client } = await pair(t, { methods: { wait: () => (arrived.open(), new Promise(() => {})) } });
  const controller = new AbortController();
  const call = client.call('wait', [], { signal: controller.signal });
  await arrived.opened;
  const seen = server.kang();
  assert.equal(seen.stats.nConnectionsActive, 1);
  assert.match(JSON.stringify(seen.fastrequest), /wait/);
  assert.equal(Object.keys(client.kang().fastclient).length, 1);
  controller.abort();
  await assert.rejects(call);
});
