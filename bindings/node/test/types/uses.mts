// Compiled, not run: every part of the API as a program with strict types uses it.
import libfast, { Client, Server, announce, metricsText, FastError, RemoteError, AbortError, type Context } from 'libfast';

const client = new Client('calc', { timeout_ms: 2000, policy: 'round_robin' });
await client.ready(1000);
const [sum] = await client.call<{ sum: number }>('add', [1, 2], { signal: AbortSignal.timeout(10), idempotent: true });
sum?.sum.toFixed();
for await (const value of client.stream<number>('range', [3], { window: 2 })) value.toFixed();
const { values, count, error: failed } = await client.callBuffered<number>('range', [3], { maxValues: 2, ignore_null_values: true });
values.length.toFixed(count);
failed?.mergedInfo?.rpcMethod;
client.stream('range', [3]).toReadable({ highWaterMark: 4 }).destroy();
client.intercept(async (call) => {
  if (call.options.timeout_ms === 0) call.answer(call.args.length + call.target.length);
  call.onEnd(({ values, attempts, duration_ms, endpoint }) => endpoint.padEnd(values + attempts + duration_ms));
});
const picked = await client.pick();
picked.report(picked.endpoint.length, true);
metricsText().trim();
client.kang().stats;
client.stats().endpoints.map((endpoint) => endpoint.address);
try {
  await client.unref().close(10);
} catch (error) {
  if (error instanceof AbortError) error.cause;
  if (error instanceof RemoteError) error.remoteName.trim() + error.remoteMessage + error.causeName;
  if (error instanceof FastError && error.retriable) error.code.trim();
}

const server: Server = new libfast.Server({ announce: 'calc', max_inflight: 5 });
server
  .method('add', (ctx, a: number, b: number) => a + b)
  .method('wait', async (ctx: Context) => ctx.signal.aborted)
  .method('range', function* (ctx, n: number) { for (let i = 0; i < n; i++) yield i; })
  .method('ticks', async function* (ctx) { while (!ctx.signal.aborted) yield ctx.peer; });
server.method('half', (ctx) => { throw new RemoteError('no', { remoteName: 'Own', context: [ctx.halfClosed, ctx.remainingMs ?? 0], aseErrors: [] }); });
server.intercept((call) => call.onValue((value) => `${call.peer}${call.context.halfClosed}${value}`));
const address: string = await server.start();
server.onAnnouncement((state, error) => console.log(state, error?.message));
await server.announce();
await server.setWeight(50);
await server.setMetadata('version=2');
if (server.announcement === 'lost') console.error('not listed');
await server.stopAccepting();
await server.connectionsClosed();
await server.unref().stop();
const entry = await announce({ announce: 'db', advertise: address });
if (entry.state === 'registered') await entry.withdraw();

// @ts-expect-error: a typing mistake in an option
new Client('calc', { timout_ms: 1 });
// @ts-expect-error: arguments are an array
client.call('add', 1);
// @ts-expect-error: how many values are wanted must be said
client.callBuffered('add', [1]);
