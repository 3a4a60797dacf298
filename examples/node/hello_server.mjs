import { Server } from 'libfast';

const server = new Server({ announce: 'hello' });
server.method('greet', (ctx, name) => `Hello, ${name}!`);
console.log('listening', await server.start());
process.once('SIGTERM', () => server.stop());
