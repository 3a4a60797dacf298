// What the programs share: the two commands, the loads, and how a client measures. The same as `tests/bench/src`.
'use strict';

const WARM_UP = 300;

// Name to connections, calls in flight on each, and what a call is.
const WORKLOADS = {
    'lat': [1, 1, { echo: 100 }],
    '1x64': [1, 64, { echo: 100 }],
    '1x256': [1, 256, { echo: 100 }],
    '16x16': [16, 16, { echo: 100 }],
    '50x1': [50, 1, { echo: 100 }],
    's1k': [1, 1, { stream: 1000 }],
    's100k': [1, 1, { stream: 100000 }],
    '1MB': [1, 1, { echo: 1 << 20 }],
};

// A JSON object of exactly so many bytes.
function payload(bytes) {
    const object = { id: 12345, name: 'bench', on: true, text: '' };
    object.text = 'x'.repeat(bytes - JSON.stringify(object).length);
    return object;
}

function units({ echo, stream }) {
    return stream || (echo > 1000 ? echo : 1);
}

// `call` resolves with what came: the bytes of an echo, the objects of a stream.
async function measure(workload, seconds, open) {
    const [connections, inFlight, kind] = workload;
    const counting = performance.now() + WARM_UP;
    const end = counting + seconds * 1000;
    const latencies = [];

    async function calls(call) {
        for (;;) {
            const began = performance.now();
            const came = await call(kind);
            if (came !== (kind.stream || kind.echo)) {
                throw new Error(`the answer has ${came} instead of ${kind.stream || kind.echo}`);
            }
            const now = performance.now();
            if (began >= counting && now <= end) {
                latencies.push(now - began);
            }
            if (now >= end) {
                return;
            }
        }
    }

    const running = [];
    for (let i = 0; i < connections; i += 1) {
        const call = await open();
        for (let j = 0; j < inFlight; j += 1) {
            running.push(calls(call));
        }
    }
    await Promise.all(running);

    latencies.sort((a, b) => a - b);
    const at = (quantile) => 1000 * (latencies[Math.floor(quantile * latencies.length)] || 0);
    return {
        per_second: latencies.length * units(kind) / seconds,
        calls: latencies.length,
        p50_us: at(0.5),
        p99_us: at(0.99),
        p999_us: at(0.999),
    };
}

// `serve()` resolves with the port; `open(port, kind)` with a function that makes one call of that kind.
async function main(serve, open) {
    const [command, port, name, seconds] = process.argv.slice(2);
    if (command === 'server') {
        console.log(`listening ${await serve()}`);
        process.stdin.on('end', () => process.exit(0)).resume();
    } else if (command === 'client' && WORKLOADS[name] && Number(seconds) > 0) {
        const result = await measure(WORKLOADS[name], Number(seconds), () => open(Number(port), WORKLOADS[name][2]));
        process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
    } else {
        throw new Error(`write \`server\`, or \`client PORT WORKLOAD SECONDS\`; workloads: ${Object.keys(WORKLOADS).join(', ')}`);
    }
}

module.exports = { main, payload };
