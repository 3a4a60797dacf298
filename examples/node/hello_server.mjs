// Serves two methods under the name `hello`: node hello_server.mjs
import { Server } from 'libfast';

const server = new Server({ announce: 'hello' });
server.method('greet', (ctx, name) => ({ text: `Hello, ${name}!` }));
server.method('count', async function* (ctx, n) {
  for (let i = 1; i <= n; i++) yield i; // waits while the caller is slow
});
console.log('listening', await server.start());
process.once('SIGINT', () => server.stop());
