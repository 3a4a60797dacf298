// The same objects for `import` as for `require`: errors of one are instances of the classes of the other.
import libfast from './index.cjs';

export const {
  Client, Server, announce, metricsText, FastError, AbortError,
  InvalidError, TimeoutError, AbandonedError, ClosedError, ConnectError, ConnectionLostError, NoEndpointError,
  RemoteError, ProtocolError, TooLargeError, OverloadError, ForkedError, StateError, InterruptedError, RegistryError,
  NoMemoryError, UnsupportedError, PanicError,
} = libfast;
export default libfast;
