// The calculator of examples/README.md: node calc_server.mjs TARGET [NAME]
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server } from 'libfast';

const [target, name = 'node'] = process.argv.slice(2);
if (!target) {
  console.error('usage: calc_server.mjs TARGET [NAME]');
  process.exit(2);
}

class CalcError extends Error {
  name = 'CalcError';
  info = { code: 42 };
}

const server = new Server({ announce: target });

server.method('add', (ctx, a, b) => ({ sum: a + b, server: name }));

server.method('echo', function* (ctx, ...values) {
  for (const value of values) yield { value };
});

server.method('range', function* (ctx, n) {
  for (let i = 0; i < n; i++) yield { value: i };
});

server.method('slow', async (ctx, ms) => {
  await sleep(ms, undefined, { signal: ctx.signal });
  return { slept: ms };
});

server.method('fail', () => {
  throw new CalcError('asked to fail');
});

console.log('listening', await server.start());
process.stdin.resume();
await Promise.race([once(process.stdin, 'end'), once(process, 'SIGTERM')]);
process.stdin.destroy();
await server.stop();
