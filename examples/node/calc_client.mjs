// Calls the calculator of examples/README.md and reports in one line of JSON: node calc_client.mjs TARGET
import { Client } from 'libfast';

const [target] = process.argv.slice(2);
if (!target) {
  console.error('usage: calc_client.mjs TARGET');
  process.exit(2);
}

const client = new Client(target, { policy: 'round_robin' });
const report = { language: 'node', ok: 0, failed: 0, values: 0, servers: {} };
const times = [];

for (let i = 0; i < 1000; i++) {
  const started = process.hrtime.bigint();
  try {
    const [answer] = await client.call('add', [i, 1], { idempotent: true });
    if (answer.sum !== i + 1) throw new Error(`${i} + 1 is not ${answer.sum}`);
    report.ok += 1;
    report.servers[answer.server] = (report.servers[answer.server] ?? 0) + 1;
  } catch (error) {
    console.error(error.message);
    report.failed += 1;
  }
  times.push(Number((process.hrtime.bigint() - started) / 1000n));
}

try {
  for await (const { value } of client.stream('range', [1000])) {
    if (value === report.values) report.values += 1;
  }
} catch (error) {
  console.error(error.message);
}

times.sort((a, b) => a - b);
report.p50_us = times[Math.floor(times.length * 0.5)];
report.p99_us = times[Math.floor(times.length * 0.99)];

const failure = async (call, describe) => {
  try {
    await call;
    return 'no error';
  } catch (error) {
    return describe(error);
  }
};
report.error = await failure(client.call('fail'), (error) => `${error.code} ${error.remoteName}`);
report.timeout = await failure(client.call('slow', [10000], { timeout_ms: 100 }), (error) => error.code);

console.log(JSON.stringify(report));
await client.close();
