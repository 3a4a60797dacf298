// Apache Thrift. It has no streams: a stream is one answer that holds a list.
'use strict';

const thrift = require('thrift');
const Bench = require('./gen-nodejs/Bench');
const types = require('./gen-nodejs/bench_types');
const { main, payload } = require('./bench');

// The defaults refuse nothing of this size, and framed messages need not be read twice when they come in pieces.
const options = { transport: thrift.TFramedTransport, protocol: thrift.TBinaryProtocol };

const methods = {
    echo: (argument) => Promise.resolve(new types.Wrapped({ value: argument })),
    stream: (objects) => Promise.resolve(
        Array.from({ length: Number(objects) }, (_, i) => new types.Object({ i, on: true }))),
};

function serve() {
    const server = thrift.createServer(Bench, methods, options);
    server.on('connection', (socket) => socket.setNoDelay(true));
    return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
}

async function open(port, kind) {
    const connection = thrift.createConnection('127.0.0.1', port, options);
    await new Promise((resolve, reject) => connection.on('connect', resolve).on('error', reject));
    const client = thrift.createClient(Bench, connection);
    if (kind.stream) {
        return async () => (await client.stream(kind.stream)).length;
    }
    const argument = JSON.stringify(payload(kind.echo));
    return async () => (await client.echo(argument)).value.length;
}

main(serve, open);
