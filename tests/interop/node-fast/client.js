// A node-fast client: reads one case per line, `{"address", "version", "calls": [{"method", "args", "timeout"?,
// "ignore_null"?, "abandon"?}], "then"?: [calls], "half_close"?}`, and prints one line per case:
// `{"answers": [{"values", "error"}], "order": [indices as they ended]}`. All of `calls` start at once on one connection;
// `then` starts when they have ended. Arguments as those of `server.js`.
'use strict';

const net = require('net');
const readline = require('readline');
const bunyan = require('bunyan');
const VError = require('verror');

const [name = 'fast', mode] = process.argv.slice(2);
const fast = require(name);

const log = bunyan.createLogger({ name: 'client', level: 'fatal' });

// The kinds that all clients of these tests report.
function kindOf(cause) {
    switch (cause.name) {
    case 'FastServerError': return 'remote';
    case 'TimeoutError': return 'timeout';
    case 'FastRequestAbandonedError': return 'abandoned';
    case 'FastTransportError': return 'lost';
    default:
        return cause.message === 'unexpected end of transport stream' ? 'lost' : 'protocol';
    }
}

function describe(error) {
    const cause = VError.cause(error);
    const kind = kindOf(cause);
    const found = kind === 'remote' ? VError.cause(cause) : cause;
    return {
        kind,
        name: found.name,
        message: found.message,
        info: VError.info(found),
        context: found.context === undefined ? null : found.context,
    };
}

function start(client, call) {
    return new Promise((resolve) => {
        const request = client.rpc({
            rpcmethod: call.method,
            rpcargs: call.args,
            timeout: call.timeout,
            ignoreNullValues: Boolean(call.ignore_null),
        });
        const values = [];
        request.on('data', (value) => values.push(value));
        request.on('end', () => resolve({ values, error: null }));
        request.on('error', (error) => resolve({ values, error: describe(error) }));
        if (call.abandon) {
            request.abandon();
        }
    });
}

function connect(address) {
    const [, host, port] = /^(.*):(\d+)$/.exec(address);
    return new Promise((resolve, reject) => {
        const socket = net.createConnection(Number(port), host);
        socket.on('connect', () => resolve(socket));
        socket.on('error', reject);
    });
}

async function run(task) {
    const socket = await connect(task.address);
    const client = new fast.FastClient({ log, transport: socket, nRecentRequests: 10, version: task.version, crc_mode: fast[mode] });
    // The calls tell; without a listener the process would end.
    client.on('error', () => {});
    const order = [];
    const startAll = (calls, first) => calls.map((call, i) => {
        const answer = start(client, call);
        answer.then(() => order.push(first + i));
        return answer;
    });
    const pending = startAll(task.calls, 0);
    if (task.half_close) {
        // Ends the socket once all requests are written, which `socket.end()` would not wait for.
        client.fc_msgencoder.end();
    }
    const answers = await Promise.all(pending);
    answers.push(...await Promise.all(startAll(task.then || [], answers.length)));
    socket.destroy();
    return { answers, order };
}

async function main() {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        console.log(JSON.stringify(await run(JSON.parse(line))));
    }
}

main();
