// Calls whoever serves `hello`, balanced over all who do: node hello_client.mjs
import { Client, FastError } from 'libfast';

const client = new Client('hello', { timeout_ms: 2000 });
try {
  const [greeting] = await client.call('greet', ['world']);
  console.log(greeting.text);
  for await (const i of client.stream('count', [3])) console.log(i);
} catch (error) {
  if (!(error instanceof FastError)) throw error;
  console.error(error.code, error.message);
}
