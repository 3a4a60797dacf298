// A node-fast client that calls `count` without a pause, over one connection, until that ends. Reads one line for each such
// connection, `{"address", "in_flight"}`, and prints one: `{"answered": [numbers that were answered], "lost": [those that were
// not, as the connection ended], "failed": [what else came of others]}`.
'use strict';

const net = require('net');
const readline = require('readline');
const bunyan = require('bunyan');
const VError = require('verror');
const fast = require('fast');

const log = bunyan.createLogger({ name: 'caller', level: 'fatal' });

function connect(address) {
    const [, host, port] = /^(.*):(\d+)$/.exec(address);
    return new Promise((resolve, reject) => {
        const socket = net.createConnection(Number(port), host);
        socket.on('connect', () => resolve(socket));
        socket.on('error', reject);
    });
}

async function run({ address, in_flight }) {
    const socket = await connect(address);
    const client = new fast.FastClient({ log, transport: socket, nRecentRequests: 10 });
    const said = { answered: [], lost: [], failed: [] };
    let ended = false;
    let last = 0;
    // The calls tell; without a listener the process would end.
    client.on('error', () => (ended = true));
    socket.on('end', () => (ended = true));
    const call = () => new Promise((resolve) => {
        const number = (last += 1);
        const request = client.rpc({ rpcmethod: 'count', rpcargs: [number] });
        const values = [];
        request.on('data', (value) => values.push(value.number));
        request.on('end', () => {
            (values.length === 1 && values[0] === number ? said.answered : said.failed).push(number);
            resolve();
        });
        request.on('error', (error) => {
            ended = true;
            const cause = VError.cause(error);
            const lost = cause.name === 'FastTransportError' || cause.message === 'unexpected end of transport stream';
            (lost ? said.lost : said.failed).push(lost ? number : cause.message);
            resolve();
        });
    });
    const callOn = async () => {
        while (!ended) await call();
    };
    await Promise.all(Array.from({ length: in_flight }, callOn));
    socket.destroy();
    return said;
}

async function main() {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        console.log(JSON.stringify(await run(JSON.parse(line))));
    }
}

main();
