// What several tests start from.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Client, Server } from 'libfast';

export const packageFolder = fileURLToPath(new URL('..', import.meta.url));

class CalcError extends Error {
  name = 'CalcError';
  info = { code: 42 };
}

/** A server with methods of each kind, and a client of it. Both end with the test. */
export async function pair(t, { server: serverOptions, client: clientOptions, methods = {} } = {}) {
  const server = new Server(serverOptions);
  const all = {
    add: (ctx, a, b) => ({ sum: a + b }),
    later: async (ctx, value) => value,
    *range(ctx, n) { for (let i = 0; i < n; i++) yield i; },
    async *ticks(ctx, n) { for (let i = 0; i < n; i++) yield i; return 'end'; },
    fail: () => { throw new CalcError('asked to fail'); },
    never: (ctx) => new Promise((resolve) => ctx.signal.addEventListener('abort', () => resolve(null))),
    ...methods,
  };
  for (const [name, handler] of Object.entries(all)) server.method(name, handler);
  const address = await server.start();
  const client = new Client(address, clientOptions);
  t.after(async () => {
    await client.close();
    await server.stop(0);
  });
  return { server, client, address };
}

/** A promise that is settled from outside. */
export function gate() {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  return { open, opened };
}

export async function all(iterable) {
  const values = [];
  for await (const value of iterable) values.push(value);
  return values;
}

/** Runs a program in a Node of its own; `type` is `module` or `commonjs`. */
export function program(type, code, { env = {}, flags = [] } = {}) {
  const args = [...flags, `--input-type=${type}`, '-e', code];
  const options = { cwd: packageFolder, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] };
  const child = spawn(process.execPath, args, options);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => (stdout += data));
  child.stderr.on('data', (data) => (stderr += data));
  const exited = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }));
  return { child, exited };
}
