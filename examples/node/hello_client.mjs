import { Client } from 'libfast';

const client = new Client('hello', { timeout_ms: 2000 });
for (const greeting of await client.call('greet', ['world'])) console.log(greeting);
