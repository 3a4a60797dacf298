// node-fast. As shipped it leaves Nagle's algorithm on; `NODELAY=1` turns it off on both sides.
'use strict';

const net = require('net');
const bunyan = require('bunyan');
const fast = require('fast');
const { main, payload } = require('./bench');

const log = bunyan.createLogger({ name: 'bench', level: 'fatal' });

function prepare(socket) {
    if (process.env.NODELAY) {
        socket.setNoDelay(true);
    }
}

const methods = {
    echo(rpc) {
        rpc.end({ value: rpc.argv()[0] });
    },
    // Waits when the connection is full, as its documentation asks.
    stream(rpc) {
        const [objects] = rpc.argv();
        let i = 0;
        (function more() {
            while (i < objects) {
                const room = rpc.write({ i, on: true });
                i += 1;
                if (!room) {
                    rpc.once('drain', more);
                    return;
                }
            }
            rpc.end();
        }());
    },
};

function serve() {
    const socket = net.createServer({ allowHalfOpen: true });
    socket.on('connection', prepare);
    const server = new fast.FastServer({ log, server: socket });
    Object.keys(methods).forEach((rpcmethod) => {
        server.registerRpcMethod({ rpcmethod, rpchandler: methods[rpcmethod] });
    });
    return new Promise((resolve) => socket.listen(0, '127.0.0.1', () => resolve(socket.address().port)));
}

async function open(port, kind) {
    const socket = net.createConnection(port, '127.0.0.1');
    await new Promise((resolve, reject) => socket.on('connect', resolve).on('error', reject));
    prepare(socket);
    const client = new fast.FastClient({ log, transport: socket, nRecentRequests: 10 });
    const request = kind.stream
        ? { rpcmethod: 'stream', rpcargs: [kind.stream] }
        : { rpcmethod: 'echo', rpcargs: [payload(kind.echo)] };
    const size = kind.echo && JSON.stringify(request.rpcargs[0]).length - request.rpcargs[0].text.length;
    return () => new Promise((resolve, reject) => {
        let came = 0;
        const call = client.rpc(request);
        call.on('data', (value) => { came += kind.stream ? 1 : size + value.value.text.length; });
        call.on('end', () => resolve(came));
        call.on('error', reject);
    });
}

main(serve, open);
