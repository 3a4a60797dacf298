// The protocol itself, for what proper clients and servers do not do: half-close, not read, odd texts.
import net from 'node:net';
import { once } from 'node:events';

const DATA = 1;
export const END = 2;

/** A request as bytes. */
export function request(method, args = [], id = 1) {
  return frame(DATA, id, JSON.stringify({ m: { name: method }, d: args }));
}

/** A message as bytes. */
export function frame(status, id, text) {
  const payload = Buffer.from(text);
  const head = Buffer.from([2, 1, status, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(id, 3);
  head.writeUInt32BE(crc16(payload), 7);
  head.writeUInt32BE(payload.length, 11);
  return Buffer.concat([head, payload]);
}

/** A connection that reads nothing until somebody takes its `messages`. */
export async function connect(address) {
  const options = address.startsWith('unix:')
    ? { path: address.slice(5) }
    : { host: address.split(':')[0], port: Number(address.split(':')[1]) };
  const socket = net.connect({ ...options, allowHalfOpen: true }).pause();
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** `{ id, status, data }` of each message until the end of the stream. */
export async function* messages(socket) {
  let waiting = Buffer.alloc(0);
  for await (const chunk of socket) {
    waiting = Buffer.concat([waiting, chunk]);
    while (waiting.length >= 15 && waiting.length >= 15 + waiting.readUInt32BE(11)) {
      const end = 15 + waiting.readUInt32BE(11);
      yield { id: waiting.readUInt32BE(3), status: waiting[2], data: JSON.parse(waiting.subarray(15, end)) };
      waiting = waiting.subarray(end);
    }
  }
}

/** CRC-16/ARC. */
function crc16(data) {
  let crc = 0;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}
