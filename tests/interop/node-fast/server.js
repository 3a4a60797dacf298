// A node-fast server: the demo methods of the package itself, and a few that hold answers back or send what they are told.
// Prints `listening HOST:PORT`. A defect of the library that ends its process is to be seen, so nothing is caught here.
// Arguments: the package, `fast` or `fast-2.8`, and for the latter the name of its checksum mode, such as FAST_CHECKSUM_V1_V2.
'use strict';

const net = require('net');
const bunyan = require('bunyan');

const [name = 'fast', mode] = process.argv.slice(2);
const fast = require(name);
const demo = require(`${name}/lib/demo_server`);

// Half-open, as the package's own server: otherwise the end of the client's side would end the answers as well.
const socket = net.createServer({ allowHalfOpen: true });
const log = bunyan.createLogger({ name: 'server', level: 'fatal' });
const server = new fast.FastServer({ log, server: socket, crc_mode: fast[mode] });
const held = [];

const methods = {
    // The arguments as they are; null and scalars are refused by the library.
    bare(rpc) {
        rpc.argv().forEach((value) => rpc.write(value));
        rpc.end();
    },
    // Answered by `release` only.
    hold(rpc) {
        held.push(rpc);
    },
    // Answers what is held, the last one first, then itself.
    release(rpc) {
        held.splice(0).reverse().forEach((one) => {
            one.argv().forEach((value) => one.write({ value }));
            one.end();
        });
        rpc.end();
    },
};

demo.demoRpcs().forEach((method) => server.registerRpcMethod(method));
Object.keys(methods).forEach((rpcmethod) => server.registerRpcMethod({ rpcmethod, rpchandler: methods[rpcmethod] }));
socket.listen(0, '127.0.0.1', () => console.log(`listening 127.0.0.1:${socket.address().port}`));
