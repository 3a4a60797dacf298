import { Client, RemoteError, Server } from 'libfast';

const server = new Server();
server.method('greet', (ctx, name) => `Hello, ${name}!`);
server.intercept((call) => {
  if (call.args[0] === 'Mallory') throw new RemoteError('not you', { remoteName: 'Denied' });
});

const client = new Client(await server.start());
client.intercept((call) => {
  call.onEnd((end) => {
    console.log(`${call.method}: ${end.values} values, ${end.error?.remoteName ?? 'ok'}, ${end.attempts} attempts`);
  });
});
for (const name of ['world', 'Mallory']) await client.call('greet', [name]).catch(() => {});
await client.close();
await server.stop();
