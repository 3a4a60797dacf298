// The scenario runner of the Node binding; tests/scenarios/README.md says what it reads and writes.
import { createInterface } from 'node:readline';
import { Client } from '../../bindings/node/index.mjs';

const kept = new Map();

function clientFor({ target, client_options }) {
  if (client_options) return new Client(target, client_options);
  if (!kept.has(target)) kept.set(target, new Client(target));
  return kept.get(target);
}

async function run(line) {
  const values = [];
  let client;
  try {
    client = clientFor(line);
    if (line.stream) {
      for await (const value of client.stream(line.method, line.args, line.options)) values.push(value);
    } else if (line.max_values != null) {
      const options = { ...line.options, maxValues: line.max_values };
      const buffered = await client.callBuffered(line.method, line.args, options);
      return { ...buffered, error: buffered.error && described(buffered.error) };
    } else if (line.keys != null) {
      for (let i = 0; i < line.keys; i++) {
        const options = { ...line.options, affinity: `key-${i}` };
        values.push((await client.call(line.method, line.args, options))[0]);
      }
    } else {
      values.push(...(await client.call(line.method, line.args, line.options)));
    }
    return { values, count: null, error: null };
  } catch (error) {
    return { values, count: null, error: described(error) };
  } finally {
    if (line.client_options) await client?.close();
  }
}

/** An error as the list of scenarios has it. */
function described(error) {
  const { code = error.name, message, endpoint = '', retriable = false, remoteName = '', info = null } = error;
  const { causeName = '', mergedInfo = null, remoteMessage = '', context = null, aseErrors = null } = error;
  return {
    code, message, endpoint, retriable, name: remoteName, info, cause_name: causeName, merged_info: mergedInfo,
    remote_message: remoteMessage, context, ase_errors: aseErrors,
  };
}

for await (const text of createInterface({ input: process.stdin })) {
  if (!text.trim()) continue;
  const started = performance.now();
  const answer = await run(JSON.parse(text));
  process.stdout.write(`${JSON.stringify({ ...answer, ms: Math.round(performance.now() - started) })}\n`);
}
