// What a client was told, and what it measures. As ../../src/measured.rs.

const WARM_UP_MS = 300;
// Latencies kept; later calls are counted without.
const LATENCIES = 1 << 22;

export function readOrder() {
  const [command, port, , seconds, connections, inFlight, method, size, units] = process.argv.slice(2);
  if (command !== 'client' || units === undefined) {
    console.error('usage: client PORT WORKLOAD SECONDS CONNECTIONS IN_FLIGHT METHOD SIZE UNITS');
    process.exit(2);
  }
  const stream = method === 'stream';
  return {
    target: `127.0.0.1:${port}`,
    durationMs: seconds * 1000,
    connections: Number(connections),
    inFlight: Number(inFlight),
    method,
    stream,
    size: Number(size),
    units: Number(units),
    args: [stream ? Number(size) : payload(Number(size))],
  };
}

// An object of so many bytes as JSON.
function payload(size) {
  const value = { id: 12345, name: 'bench', on: true, text: '' };
  value.text = 'x'.repeat(size - JSON.stringify(value).length);
  return value;
}

// When to count, and when to stop. Times are those of performance.now(), in milliseconds.
export class Meter {
  #counting = performance.now() + WARM_UP_MS;
  #durationMs;
  #first = 0;
  #last = 0;
  #calls = 0;
  #made = 0;
  #latencies = new Float64Array(LATENCIES);

  constructor(order) {
    this.#durationMs = order.durationMs;
  }

  // Counts one call; false once the time is over.
  count(began, ended) {
    this.#made += 1;
    if (this.#first === 0) {
      if (ended >= this.#counting) this.#first = this.#last = ended;
    } else if (this.#last - this.#first < this.#durationMs) {
      this.#last = ended;
      if (this.#calls < LATENCIES) this.#latencies[this.#calls] = ended - began;
      this.#calls += 1;
    }
    return this.#last - this.#first < this.#durationMs;
  }

  report(order) {
    if (this.#calls === 0) throw new Error('no call was counted: measure for longer');
    const sorted = this.#latencies.subarray(0, Math.min(this.#calls, LATENCIES)).sort();
    const at = (quantile) => sorted[Math.floor(sorted.length * quantile)] * 1000;
    return JSON.stringify({
      per_second: (this.#calls * order.units * 1000) / (this.#last - this.#first),
      calls: this.#calls,
      made: this.#made,
      p50_us: at(0.5),
      p99_us: at(0.99),
      p999_us: at(0.999),
    });
  }
}
