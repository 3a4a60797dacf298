/// <reference types="node" />
import { Readable, ReadableOptions } from 'node:stream';

/** How one call differs from its client's options. */
export interface CallOptions {
  /** Longest the call may take, in milliseconds, retries included. 0 means no limit. */
  timeout_ms?: number;
  /** Whether it may be repeated although the server may have run it. */
  idempotent?: boolean;
  /** How often it is repeated where that is safe. */
  retries?: number;
  /** Values of a stream that come before earlier ones were taken. */
  window?: number;
  /** Abandons the call when it is aborted: the call rejects with `AbortError`. The server is not told. */
  signal?: AbortSignal;
}

/** Defaults, bounds and meaning: docs/OPTIONS.md. */
export interface ClientOptions {
  timeout_ms?: number;
  connect_timeout_ms?: number;
  policy?: 'p2c' | 'round_robin';
  retries?: number;
  idempotent?: boolean;
  window?: number;
  stream_buffer_bytes?: number;
  max_calls?: number;
  ignore_null_values?: boolean;
  wire_version?: 1 | 2;
  max_frame_bytes?: number;
  client_name?: string;
  announce_consumer?: boolean;
  zookeeper_session_ms?: number;
}

/** Defaults, bounds and meaning: docs/OPTIONS.md. */
export interface ServerOptions {
  listen?: string;
  announce?: string;
  advertise?: string;
  weight?: number;
  zone?: string;
  max_inflight?: number;
  max_connections?: number;
  drain_ms?: number;
  write_buffer_bytes?: number;
  max_frame_bytes?: number;
  zookeeper_session_ms?: number;
}

/** Counters and endpoints, for operators. */
export interface ClientStats {
  target: string;
  in_flight: number;
  endpoints: {
    address: string;
    weight: number;
    state: string;
    in_flight: number;
    picks: number;
    failures: number;
    latency_us: number | null;
  }[];
}

/**
 * A client of one service or of fixed endpoints. Making it returns at once; providers are found and connections made in
 * the background. It keeps the process alive only while a call is under way.
 */
export class Client {
  /**
   * @param target a service name, `host:port[,host:port…]`, `unix:/path`, `dir:///folder/service` or
   *   `zk://hosts/root/service`
   * @throws InvalidError if the target or an option is malformed
   */
  constructor(target: string, options?: ClientOptions);
  /** Calls a method with an array of arguments, and gives all values of its answer. */
  call<T = any>(method: string, args?: readonly unknown[], options?: CallOptions): Promise<T[]>;
  /** Calls a method; its values come one by one. The request leaves with the first `next()`. */
  stream<T = any>(method: string, args?: readonly unknown[], options?: CallOptions): Stream<T>;
  /** Waits until a provider is known and connected; by default at most 5 seconds. */
  ready(timeout_ms?: number): Promise<void>;
  /** Chooses an endpoint for a call over another protocol. */
  pick(): Promise<Picked>;
  stats(): ClientStats;
  /** Refuses new calls and waits at most `drain_ms`, by default 0, for those under way. */
  close(drain_ms?: number): Promise<void>;
  /** Lets the process exit although calls of this client are under way. */
  unref(): this;
}

/** The values of a call. Leaving a `for await` early abandons the call. */
export interface Stream<T> extends AsyncIterableIterator<T> {
  next(): Promise<IteratorResult<T, undefined>>;
  /** Abandons the call. */
  return(value?: any): Promise<IteratorResult<T, any>>;
  [Symbol.asyncIterator](): Stream<T>;
  /** The same values as a readable stream of objects; its `highWaterMark` is also the window of the call. */
  toReadable(options?: ReadableOptions): Readable;
}

export interface Picked {
  /** `host:port` or `unix:/path`. */
  readonly endpoint: string;
  /** Tells how the call went, once. */
  report(latency_ms: number, ok: boolean): void;
}

/** What a handler knows of its request. */
export interface Context {
  readonly method: string;
  readonly args: any[];
  /** The caller's address. */
  readonly peer: string;
  /** Aborted once nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/**
 * A plain or async function returns the one value of the answer (`undefined` or `null`: none). A generator or async
 * generator yields values as fast as the caller takes them; what it returns is the last one. What is thrown is the
 * caller's `RemoteError`: its name, its message, and its `info` if that is an object.
 */
export type Handler = (ctx: Context, ...args: any[]) => unknown;

/** Serves methods. A started server keeps the process alive until it is stopped. */
export class Server {
  /** @throws InvalidError if an option is malformed */
  constructor(options?: ServerOptions);
  /** The address listened on; null unless it listens. */
  readonly address: string | null;
  /** Adds a method. */
  method(name: string, handler: Handler): this;
  /** Listens, announces the server if `announce` is set, and gives the address listened on. */
  start(): Promise<string>;
  /** Withdraws, drains for at most `drain_ms` (by default the option of that name) and closes. */
  stop(drain_ms?: number): Promise<void>;
  /** Lets the process exit although it listens. */
  unref(): this;
}

/** An entry in a registry. It stands until it is withdrawn or the process ends. */
export interface Announced {
  readonly state: 'registered' | 'connecting' | 'suspended' | 'lost' | 'closed';
  /** Takes the entry off. A second time does nothing. */
  withdraw(): Promise<void>;
}

/** Announces a server of any protocol: `announce` is the service, `advertise` the address. */
export function announce(options: ServerOptions): Promise<Announced>;

/** Any error of libfast. `code` never changes; the wording of `message` may. */
export class FastError extends Error {
  constructor(message?: string, fields?: Partial<ErrorFields> & { cause?: unknown });
  readonly code: string;
  /** Where it happened, or the empty string. */
  readonly endpoint: string;
  /** Whether repeating the call cannot run it twice and could succeed. */
  readonly retriable: boolean;
  /** The name of the server's error, or the empty string. */
  readonly remoteName: string;
  /** The info of the server's error, or null. */
  readonly info: any;
}

export type ErrorFields = Pick<FastError, 'code' | 'endpoint' | 'retriable' | 'remoteName' | 'info'>;

export class InvalidError extends FastError {}
export class TimeoutError extends FastError {}
export class AbandonedError extends FastError {}
export class ClosedError extends FastError {}
export class ConnectError extends FastError {}
export class ConnectionLostError extends FastError {}
export class NoEndpointError extends FastError {}
export class RemoteError extends FastError {}
export class ProtocolError extends FastError {}
export class TooLargeError extends FastError {}
export class OverloadError extends FastError {}
export class ForkedError extends FastError {}
export class StateError extends FastError {}
export class InterruptedError extends FastError {}
export class RegistryError extends FastError {}
export class NoMemoryError extends FastError {}
export class UnsupportedError extends FastError {}
export class PanicError extends FastError {}
/** The `signal` of a call was aborted; `cause` is the signal's reason. */
export class AbortError extends AbandonedError {}
