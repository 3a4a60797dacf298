// gRPC with @grpc/grpc-js. A stream is a server stream, one message for each object.
'use strict';

const path = require('path');
const grpc = require('@grpc/grpc-js');
const { loadSync } = require('@grpc/proto-loader');
const { main, payload } = require('./bench');

const definition = loadSync(path.join(__dirname, '..', 'bench.proto'), { longs: Number, defaults: true });
const { Bench } = grpc.loadPackageDefinition(definition).bench;

const methods = {
    Echo: (call, answer) => answer(null, call.request),
    Stream(call) {
        const { objects } = call.request;
        let i = 0;
        (function more() {
            while (i < objects) {
                const room = call.write({ i, on: true });
                i += 1;
                if (!room) {
                    call.once('drain', more);
                    return;
                }
            }
            call.end();
        }());
    },
};

function serve() {
    const server = new grpc.Server();
    server.addService(Bench.service, methods);
    return new Promise((resolve, reject) => {
        const done = (error, port) => (error ? reject(error) : resolve(port));
        server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), done);
    });
}

async function open(port, kind) {
    // Otherwise all clients of a process share one connection.
    const client = new Bench(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    await new Promise((resolve, reject) => {
        client.waitForReady(Date.now() + 5000, (error) => (error ? reject(error) : resolve()));
    });
    if (kind.stream) {
        return () => new Promise((resolve, reject) => {
            let came = 0;
            const call = client.Stream({ objects: kind.stream });
            call.on('data', () => { came += 1; });
            call.on('end', () => resolve(came));
            call.on('error', reject);
        });
    }
    const value = JSON.stringify(payload(kind.echo));
    return () => new Promise((resolve, reject) => {
        client.Echo({ value }, (error, answer) => (error ? reject(error) : resolve(answer.value.length)));
    });
}

main(serve, open);
