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
  /** Whether null values are dropped instead of failing the call. */
  ignore_null_values?: boolean;
  /** What the call belongs to, for the policies hash and sticky: calls with the same text go to the same endpoint. */
  affinity?: string;
  /** Whether it gets a second attempt if it is idempotent and takes long. */
  hedge?: boolean;
  /** Whether it waits while no provider is there. */
  wait_for_ready?: boolean;
  /** Abandons the call when it is aborted: the call rejects with `AbortError`. The server is not told. */
  signal?: AbortSignal;
}

export interface BufferedCallOptions extends CallOptions {
  /** How many values are kept. All are counted. */
  maxValues: number;
}

/** The values of a call, as many as were wanted, and how it ended. */
export interface Buffered<T> {
  /** The first values; those that came, if the call failed. */
  values: T[];
  /** How many values came in all. */
  count: number;
  /** Why the call failed, or null. */
  error: FastError | null;
}

/** Defaults, bounds and meaning: docs/OPTIONS.md. */
export interface ClientOptions {
  timeout_ms?: number;
  send_deadline?: boolean;
  connect_timeout_ms?: number;
  connections_max?: number;
  connection_idle_ms?: number;
  connection_age_ms?: number;
  connects_per_second?: number;
  wait_for_ready?: boolean;
  connect_wait_ms?: number;
  connect_wait_calls?: number;
  unacknowledged_ms?: number;
  watch_servers?: boolean;
  ping_after_ms?: number;
  ping_timeout_ms?: number;
  policy?:
    | 'p2c'
    | 'round_robin'
    | 'weighted_round_robin'
    | 'least_loaded'
    | 'random'
    | 'weighted_random'
    | 'hash'
    | 'sticky';
  affinity?: string;
  zone?: string;
  subset_size?: number;
  subset_above?: number;
  slow_start_ms?: number;
  eject_failures?: number;
  eject_below_percent?: number;
  eject_timeouts?: number;
  eject_ms?: number;
  eject_max_ms?: number;
  retry_percent?: number;
  retries_per_second?: number;
  retries?: number;
  hedge?: boolean;
  hedge_ms?: number;
  hedge_percent?: number;
  throttle?: boolean;
  idempotent?: boolean;
  window?: number;
  stream_buffer_bytes?: number;
  max_calls?: number;
  ignore_null_values?: boolean;
  wire_version?: 1 | 2;
  write_limit_bytes?: number;
  checksum_v1?: 'xmodem' | 'arc' | 'either';
  max_frame_bytes?: number;
  max_depth?: number;
  max_name_bytes?: number;
  client_name?: string;
  announce_consumer?: boolean;
  removal_hold_ms?: number;
  quarantine_ms?: number;
  registry_cache?: 'fallback' | 'leader' | 'off';
  registry_cache_dir?: string;
  registry_cache_stale?: boolean;
  layouts?: string;
  zookeeper_session_ms?: number;
  zookeeper_acl?: 'creator' | 'private' | 'open';
  zookeeper_auth_file?: string;
  zookeeper_auth_command?: string;
  zookeeper_ca_file?: string;
  zookeeper_cert_file?: string;
  zookeeper_key_file?: string;
  metrics?: boolean;
  metrics_legacy_names?: boolean;
  metrics_labels?: string;
}

/** Defaults, bounds and meaning: docs/OPTIONS.md. */
export interface ServerOptions {
  listen?: string;
  announce?: string;
  announce_at_start?: boolean;
  advertise?: string;
  advertise_metrics?: string;
  weight?: number;
  zone?: string;
  metadata?: string;
  max_inflight?: number;
  max_inflight_per_connection?: number;
  concurrency?: number | 'off' | 'auto';
  concurrency_wait_ms?: number;
  rate_limits?: string;
  max_connections?: number;
  drain_ms?: number;
  drain_grace_ms?: number;
  unacknowledged_ms?: number;
  receive_timeout_ms?: number;
  send_timeout_ms?: number;
  write_buffer_bytes?: number;
  write_limit_bytes?: number;
  checksum_v1?: 'xmodem' | 'arc' | 'either';
  max_frame_bytes?: number;
  max_depth?: number;
  max_name_bytes?: number;
  layouts?: string;
  zookeeper_session_ms?: number;
  zookeeper_acl?: 'creator' | 'private' | 'open';
  zookeeper_auth_file?: string;
  zookeeper_auth_command?: string;
  zookeeper_ca_file?: string;
  zookeeper_cert_file?: string;
  zookeeper_key_file?: string;
  metrics?: boolean;
  metrics_legacy_names?: boolean;
  metrics_labels?: string;
}

/** A snapshot: objects by type and id, and what else kang wants to know. */
export type KangObjects = Record<string, any>;

/** Counters and endpoints, for operators. */
export interface ClientStats {
  target: string;
  policy: string;
  in_flight: number;
  /** What the registry says and what is made of it: docs/REGISTRIES.md. */
  registry: { stale_ms: number | null; held: number; quarantined: boolean };
  /** What the members mean: docs/BALANCING.md. */
  endpoints: {
    address: string;
    weight: number;
    zone: string;
    metadata: Record<string, string>;
    state: 'idle' | 'connecting' | 'ready' | 'failed';
    health: 'ready' | 'connecting' | 'silent' | 'suspended' | 'ejected' | 'probing';
    ejected_ms: number | null;
    draining: boolean;
    warm_percent: number;
    in_flight: number;
    picks: number;
    failures: number;
    ejections: number;
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
  /**
   * Has calls that begin from now on go through `interceptor`, behind those that were installed before. It may be
   * asynchronous. What it throws is what the call rejects with.
   */
  intercept(interceptor: (call: OutgoingCall) => unknown): this;
  /**
   * Calls a method with an array of arguments, and gives all values of its answer. A lone call leaves at once; those that
   * are made while others are under way leave together, at the end of the turn (`process.nextTick`) at the latest.
   */
  call<T = any>(method: string, args?: readonly unknown[], options?: CallOptions): Promise<T[]>;
  /**
   * Calls a method, keeps its first values and counts all; for those who want to know what came before an error, or how
   * much there is. An error of the call is in the result. Rejects for wrong options and arguments, and when it is aborted.
   */
  callBuffered<T = any>(method: string, args: readonly unknown[], options: BufferedCallOptions): Promise<Buffered<T>>;
  /** Calls a method; its values come one by one. The request leaves with the first `next()`. */
  stream<T = any>(method: string, args?: readonly unknown[], options?: CallOptions): Stream<T>;
  /** Waits until a provider is known and connected; by default at most 5 seconds. */
  ready(timeout_ms?: number): Promise<void>;
  /** Chooses an endpoint for a call over another protocol. */
  pick(): Promise<Picked>;
  stats(): ClientStats;
  /** Connections and requests in the words of kang, the debugging page of programs that use node-fast. */
  kang(): KangObjects;
  /**
   * Refuses new calls and waits at most `drain_ms`, by default 0, for those under way. What is under way then fails with
   * `ClosedError`.
   */
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
  /**
   * Whether the caller has ended its side of the connection: it may be gone, or read on and wait for the answer. Of use
   * until the answer is complete.
   */
  readonly halfClosed: boolean;
  /**
   * How many milliseconds the caller goes on waiting, 0 once it has stopped; `undefined` if it does not say, or once the
   * answer is complete. Give it to the calls that the answer depends on, as their timeout.
   */
  readonly remainingMs: number | undefined;
}

/**
 * A plain or async function returns the one value of the answer (`undefined` or `null`: none). A generator or async
 * generator yields values as fast as the caller takes them; what it returns is the last one. While too much waits for a
 * caller that does not read, answers wait, too. What is thrown is the caller's `RemoteError`: its name, its message, its
 * `info` if that is an object, its `context` and its `aseErrors`.
 */
export type Handler = (ctx: Context, ...args: any[]) => unknown;

/** How a call ended. */
export interface Outcome {
  /** How many values there were. */
  readonly values: number;
  /** Why it failed, or null. */
  readonly error: any;
  /** The other side: where the last attempt went, empty if none was made; for a server, its caller. */
  readonly endpoint: string;
  /** How often it was tried; 0 if an interceptor ended it. A server sees one attempt. */
  readonly attempts: number;
  /** From its beginning to its end, in milliseconds. */
  readonly duration_ms: number;
}

/** What interceptors of both sides can do with a call. */
export interface Intercepted {
  readonly method: string;
  /**
   * Answers the call with these values, after those that were given before. The interceptors after this one, and the other
   * side, do not see it.
   */
  answer(...values: unknown[]): void;
  /** Has `hook` told of each value. */
  onValue(hook: (value: any) => void): void;
  /** Has `hook` told, once, of the end. The last interceptor hears first. */
  onEnd(hook: (outcome: Outcome) => void): void;
}

/** A call before it begins, as the interceptors of its client see it. */
export interface OutgoingCall extends Intercepted {
  /** What the client was made of. */
  readonly target: string;
  /** May be changed or replaced. */
  args: readonly unknown[];
  /** Of this call alone; may be changed or replaced. */
  options: CallOptions;
}

/** A request before its handler runs, as the interceptors of the server see it. */
export interface IncomingCall extends Intercepted {
  readonly args: readonly any[];
  /** The caller's address. */
  readonly peer: string;
  /** What the handler gets. */
  readonly context: Context;
}

/** How an entry in a registry is: `suspended` was listed when last heard of, `lost` is not listed because of an error. */
export type AnnouncementState = 'registered' | 'connecting' | 'suspended' | 'lost' | 'closed';

/** Serves methods. A started server keeps the process alive until it is stopped. */
export class Server {
  /** @throws InvalidError if an option is malformed */
  constructor(options?: ServerOptions);
  /** The address listened on; null unless it listens. */
  readonly address: string | null;
  /** Adds a method. */
  method(name: string, handler: Handler): this;
  /**
   * Has requests that come from now on go through `interceptor` before their handlers, behind those that were installed
   * before. It may be asynchronous. What it throws is the caller's error.
   */
  intercept(interceptor: (call: IncomingCall) => unknown): this;
  /** Listens, announces the server if `announce` is set, and gives the address listened on. While its registry cannot be reached it serves all the same, and is listed when that answers. */
  start(): Promise<string>;
  /** Announces a server that was started with `announce_at_start: false`, now that it is ready. Waits until it is listed, or until it is known that its registry cannot be reached, at most 5 s; then it is listed when that answers. A second time does nothing. */
  announce(): Promise<void>;
  /** Gives the server another share of calls, from 0 (no new calls) to 1,000,000. Waits until that is listed; before the server is announced it does not wait. */
  setWeight(weight: number): Promise<void>;
  /** Says something else of the server, in place of all that was said: text as of the option `metadata`, empty for nothing. Waits as `setWeight` does. */
  setMetadata(metadata: string): Promise<void>;
  /** How the server's entry in its registry is; `closed` if there is none. */
  readonly announcement: AnnouncementState;
  /** Calls `hear` for each change of that from now on; the error tells why it is not listed. */
  onAnnouncement(hear: (state: AnnouncementState, error: FastError | null) => void): this;
  /** Counters, connections and running requests in the words of kang, the debugging page of programs that use node-fast. */
  kang(): KangObjects;
  /**
   * Puts other rate limits in the place of those there are: text as of the option `rate_limits`, empty for none. Limits that
   * stay the same keep what they have counted.
   */
  setRateLimits(limits: string): void;
  /**
   * Does not serve a client for `time_ms`; 0 serves it again. `client` is an IP address or the client's option `client_name`. What
   * runs goes on.
   */
  kick(client: string, time_ms: number): void;
  /** Tells clients and the registry, serves on while calls still come, and accepts no more connections. Those that are open go on being served, until they end or `stop`. */
  stopAccepting(): Promise<void>;
  /** Waits until no connection is open. */
  connectionsClosed(): Promise<void>;
  /**
   * Stops so that no call is lost: tells clients and the registry, serves on while calls still come (at most the option
   * `drain_grace_ms`), accepts no more connections, and answers what runs. Takes at most `drain_ms` (by default the option
   * of that name) in all; what runs then is cancelled. For rolling restarts: `process.once('SIGTERM', () => server.stop())`.
   */
  stop(drain_ms?: number): Promise<void>;
  /** Lets the process exit although it listens. */
  unref(): this;
}

/** An entry in a registry. It stands until it is withdrawn or the process ends. */
export interface Announced {
  readonly state: AnnouncementState;
  /** Gives the entry another share of calls, from 0 (no new calls) to 1,000,000. Waits until that is listed. */
  setWeight(weight: number): Promise<void>;
  /** Says something else of the server, in place of all that was said: text as of the option `metadata`, empty for nothing. Waits until that is listed. */
  setMetadata(metadata: string): Promise<void>;
  /** Calls `hear` for each change of the state from now on; the error tells why it is not listed. */
  onAnnouncement(hear: (state: AnnouncementState, error: FastError | null) => void): this;
  /** Takes the entry off. A second time does nothing. */
  withdraw(): Promise<void>;
}

/** Announces a server of any protocol: `announce` is the service, `advertise` the address. */
export function announce(options: ServerOptions): Promise<Announced>;

/** The numbers of all clients and servers of the process, in Prometheus' text format. docs/METRICS.md lists them. */
export function metricsText(): string;

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
  /** The message of the server's error, or the empty string. */
  readonly remoteMessage: string;
  /** The info of the server's error, or null. */
  readonly info: any;
  /** The context of the server's error, or null. Older servers put here what newer ones put into `info`. */
  readonly context: any;
  /** The errors behind the server's error, usually an array, or null. */
  readonly aseErrors: any;
  /**
   * The name that node-fast gives to what a call's failure goes back to: `FastServerError`, `TimeoutError`,
   * `FastRequestAbandonedError`, `FastTransportError` or `FastProtocolError`. Empty for what is not the failure of a call.
   */
  readonly causeName: string;
  /** Everything known about the failure besides its message, with `rpcMethod` and, if it was sent, `rpcMsgid`; or null. */
  readonly mergedInfo: Record<string, any> | null;
}

/** What a `FastError` is made of. A handler that throws one with a `remoteName` decides what its caller is told. */
export type ErrorFields = Pick<
  FastError,
  | 'code' | 'endpoint' | 'retriable' | 'remoteName' | 'remoteMessage' | 'info' | 'context' | 'aseErrors' | 'causeName'
  | 'mergedInfo'
>;

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
