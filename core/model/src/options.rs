//! Every option of clients and servers: one table, from which the setters, `docs/OPTIONS.md` and the option
//! lists of the bindings are made.

use crate::{
    ChecksumV1, Concurrency, Error, ErrorKind, OptionKind, OptionSpec, OptionValue, Policy, RegistryCache,
    Result, ZooKeeperAcl,
};

macro_rules! options {
    ($(#[$meta:meta])* pub struct $group:ident {
        $($name:ident : $ty:ty = $default:expr, $kind:expr, $doc:expr;)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub struct $group {
            $(#[doc = $doc] pub $name: $ty,)*
        }

        impl Default for $group {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl $group {
            /// The table of these options.
            pub fn specs() -> Vec<OptionSpec> {
                let defaults = Self::default();
                vec![$(OptionSpec {
                    name: stringify!($name),
                    kind: $kind,
                    default: defaults.$name.to_text(),
                    doc: $doc,
                },)*]
            }

            /// Sets an option by name. An unknown name or a value out of bounds is an error and changes nothing.
            pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
                let unknown = || unknown_option(name, &Self::specs());
                let spec = Self::specs().into_iter().find(|spec| spec.name == name).ok_or_else(unknown)?;
                match name {
                    $(stringify!($name) => self.$name = spec.read(value)?,)*
                    _ => return Err(unknown()),
                }
                Ok(())
            }

            /// The options with these names and values, all others at their defaults.
            pub fn from_pairs<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> Result<Self> {
                let mut options = Self::default();
                for (name, value) in pairs {
                    if !Self::specs().iter().any(|spec| spec.name == name) {
                        let known = find_option(name)?.name;
                        let message = format!("option {known:?} is not one of {}", stringify!($group));
                        return Err(Error::new(ErrorKind::Invalid, message));
                    }
                    options.set(name, value)?;
                }
                Ok(options)
            }
        }
    };
}

const MIB: u64 = 1 << 20;
const DAY_MS: u64 = 86_400_000;
const ANY_MS: OptionKind = OptionKind::Integer { min: 0, max: DAY_MS };
const FRAME_BYTES: OptionKind = OptionKind::Integer { min: 1024, max: 1024 * MIB };
const WRITE_LIMIT: OptionKind = OptionKind::Integer { min: 4096, max: 16 * 1024 * MIB };
const DEPTH: OptionKind = OptionKind::Integer { min: 1, max: 1_000_000 };
const NAME_BYTES: OptionKind = OptionKind::Integer { min: 1, max: MIB };
const CHECKSUMS: OptionKind = OptionKind::Choice(&["xmodem", "arc", "either"]);
const POLICIES: OptionKind = OptionKind::Choice(&[
    "p2c",
    "round_robin",
    "weighted_round_robin",
    "least_loaded",
    "random",
    "weighted_random",
    "hash",
    "sticky",
]);
const ZOOKEEPER_ACLS: OptionKind = OptionKind::Choice(&["creator", "private", "open"]);
const CACHES: OptionKind = OptionKind::Choice(&["fallback", "leader", "off"]);
const PERCENT: OptionKind = OptionKind::Integer { min: 0, max: 100 };
const ENDPOINTS: OptionKind = OptionKind::Integer { min: 0, max: 1_000_000 };
const FAILURES: OptionKind = OptionKind::Integer { min: 0, max: 1_000_000 };

/// The options of clients that a call may have of its own.
pub const CALL_OPTIONS: [&str; 8] = [
    "timeout_ms",
    "idempotent",
    "retries",
    "window",
    "ignore_null_values",
    "affinity",
    "hedge",
    "wait_for_ready",
];
const SESSION_MS: OptionKind = OptionKind::Integer { min: 500, max: 300_000 };

// The options that clients and servers share have one text each. Macros, because an attribute takes no constant.
macro_rules! frame_doc {
    () => {
        "Largest message sent or accepted, in bytes of JSON. A larger one to be sent fails with FAST_E_TOO_LARGE; a larger one received ends its connection."
    };
}
macro_rules! depth_doc {
    () => {
        "How deep arrays and objects may nest in arguments and values. Deeper ones to be sent fail with FAST_E_INVALID; deeper ones received end their connection."
    };
}
macro_rules! name_doc {
    () => {
        "Longest name of a method, in bytes of UTF-8. A call with a longer one fails with FAST_E_TOO_LARGE; a server answers it as an unknown method."
    };
}
macro_rules! write_limit_doc {
    () => {
        "Bytes that may wait to be written to one slow peer. One more value or call fails with FAST_E_OVERLOAD until the peer has read some."
    };
}
macro_rules! unacknowledged_doc {
    ($why:literal) => {
        concat!(
            "Longest that a TCP peer may leave what was sent to it without acknowledgement, or take nothing more, before its connection is given up. 0 leaves that to the system, which takes up to 15 minutes. ",
            $why
        )
    };
}
macro_rules! checksum_doc {
    () => {
        "Checksum of version 1 messages: xmodem as node-fast, arc as rust-fast before 0.2 and node-fast 2.8 in its V2 mode, either to understand both and answer each request with its own (a client sends xmodem)."
    };
}
macro_rules! session_doc {
    () => {
        "ZooKeeper session timeout asked for; the ensemble may grant another. Shorter notices a crash sooner, longer rides out longer pauses."
    };
}

macro_rules! zookeeper_acl_doc {
    () => {
        "Whom the ZooKeeper nodes are for that are made, and missing parents of theirs: creator (everybody reads, only those with the same credentials change; open if there are none), private (only those with the same credentials), open (everybody)."
    };
}
macro_rules! zookeeper_auth_doc {
    () => {
        "File with credentials for ZooKeeper, a line each: digest USER:PASSWORD or sasl USER:PASSWORD (DIGEST-MD5). Read anew when a session begins or is taken up after it was lost, not when its connection comes back before. Empty means zookeeper_auth_command, else $FAST_ZOOKEEPER_AUTH_FILE, else the same text in $FAST_ZOOKEEPER_AUTH, else none."
    };
}
macro_rules! zookeeper_command_doc {
    () => {
        "Program that prints what would be in zookeeper_auth_file, such as the client of a store of secrets: its name and arguments, separated by spaces (no shell runs it). It is run whenever the file would be read, and must end within 4 s. Empty means $FAST_ZOOKEEPER_AUTH_COMMAND, unless there is a file."
    };
}
macro_rules! zookeeper_ca_doc {
    () => {
        "PEM file with the certificates that the certificates of ZooKeeper servers must be signed by, and revocation lists if there are any. Connections use TLS if it is set. Empty means $FAST_ZOOKEEPER_CA_FILE, else no TLS."
    };
}
macro_rules! zookeeper_cert_doc {
    () => {
        "PEM file with the certificate that is shown to ZooKeeper servers. Empty means $FAST_ZOOKEEPER_CERT_FILE, else none."
    };
}
macro_rules! zookeeper_key_doc {
    () => {
        "PEM file with the key of `zookeeper_cert_file`. Empty means $FAST_ZOOKEEPER_KEY_FILE."
    };
}

macro_rules! layouts_doc {
    () => {
        "How entries are listed in ZooKeeper, one or several of fast, thriftkeeper, serverset (Finagle, Aurora; Prometheus reads it), curator, spring (the same, with the payload of Spring Cloud) and dubbo (interface level; it can only be read), separated by commas; each with :/PATH if it is below another root than the target's. A server lists itself in each, a client finds the servers of all. See docs/REGISTRIES.md."
    };
}
macro_rules! metrics_doc {
    () => {
        "Whether calls, connections and messages are counted and measured, as docs/METRICS.md lists."
    };
}
macro_rules! legacy_names_doc {
    () => {
        "Whether completed calls are counted and timed under the metric names of node-fast, too."
    };
}
macro_rules! zone_doc {
    () => {
        "Failure domain, such as a data centre. A server announces its own; a client prefers servers of the same while 70 % of them are ready. Empty means unknown."
    };
}
macro_rules! labels_doc {
    () => {
        "Labels that all metrics with names of node-fast get, as in component=api,zone=a. A name has letters, digits and _."
    };
}

options! {
    /// How a client behaves. Names, defaults and bounds are the same in every language.
    pub struct ClientOptions {
        timeout_ms: u64 = 5_000, ANY_MS,
            "Longest a call may take, from its start to its last message, retries included. 0 means no limit.";
        send_deadline: bool = true, OptionKind::Flag,
            "Whether servers are told how long each call still waits, so that they need not begin what nobody waits for. Only those are told that understand `watch_servers`, from their first answer to it on.";
        connect_timeout_ms: u64 = 1_000, OptionKind::Integer { min: 1, max: DAY_MS },
            "Longest that making one connection may take.";
        connections_max: u64 = 1, OptionKind::Integer { min: 1, max: 64 },
            "Most connections to one endpoint. Another one is made when more than 100 calls or 1 MiB of requests wait on each that is there. One serves most programs best: more spread the work over the cores of the server.";
        connection_idle_ms: u64 = 600_000, ANY_MS,
            "Time without calls after which a connection is closed; the next call makes another one. 0 keeps it.";
        connection_age_ms: u64 = 1_800_000, ANY_MS,
            "Age at which a connection is replaced, more or less a tenth: calls under way on it go on, new ones take a new connection, which may reach another server behind the same address. 0 is no limit.";
        connects_per_second: u64 = 1, OptionKind::Integer { min: 0, max: 1_000_000 },
            "Connections to one endpoint that are begun per second at most, after five at once. While none may be begun calls fail as the last one did, or go elsewhere. 0 is no limit.";
        wait_for_ready: bool = false, OptionKind::Flag,
            "Whether a call waits, as long as its time allows, while no provider is listed or none can be connected to, instead of failing with FAST_E_NO_ENDPOINT or FAST_E_CONNECT. Usually set per call.";
        connect_wait_ms: u64 = 1_000, OptionKind::Integer { min: 1, max: DAY_MS },
            "Longest that a call waits for a connection to one endpoint, whoever began to make it, before it goes to another one or fails with FAST_E_CONNECT. With `wait_for_ready` it tries again.";
        connect_wait_calls: u64 = 1_024, OptionKind::Integer { min: 0, max: 1 << 24 },
            "Most calls that wait at once for providers to be listed or for connections. One more goes to an endpoint that is connected, or fails with FAST_E_OVERLOAD.";
        unacknowledged_ms: u64 = 5_000, ANY_MS,
            unacknowledged_doc!("A server that reads no requests because its answers are not read counts, too.");
        watch_servers: bool = true, OptionKind::Flag,
            "Whether servers are asked, after the first answer on a connection, to tell before they stop, so that no call is lost by that. A server that knows nothing of it refuses.";
        ping_after_ms: u64 = 2_000, ANY_MS,
            "Longest time without a byte from a server, while calls are under way on its connection, until it is asked whether it is there; it is asked sooner if that is ten times as long as its answers usually take. Only servers are asked that answered to watch_servers. 0 asks none.";
        ping_timeout_ms: u64 = 2_000, OptionKind::Integer { min: 1, max: DAY_MS },
            "Longest to wait for the answer to that. Without one the connection is given up and its calls fail with FAST_E_CONN_LOST.";
        policy: Policy = Policy::P2c, POLICIES,
            "How an endpoint is chosen: p2c prefers the one with the lowest latency and load, least_loaded the one with the fewest calls under way; round_robin takes them in turn and random at random, both also by weight with weighted_ before; hash takes the owner of the call's `affinity`, the same for all clients of the same endpoints; sticky stays with one as long as it is ready, for each `affinity`.";
        affinity: String = String::new(), OptionKind::Text,
            "Key of what calls belong to, such as a user or a document, for the policies hash and sticky: calls with the same key go to the same endpoint as long as it is ready and not overloaded. Usually set per call. Empty means none: hash then chooses as p2c, and sticky one endpoint for all.";
        zone: String = String::new(), OptionKind::Text, zone_doc!();
        subset_size: u64 = 20, ENDPOINTS,
            "Most endpoints that this client uses of a service with more than `subset_above`; other clients use others. Fewer save connections, more even out bad ones. 0 means all.";
        subset_above: u64 = 40, ENDPOINTS,
            "Number of endpoints above which only `subset_size` of them are used. Below twice that number little is saved.";
        slow_start_ms: u64 = 10_000, ANY_MS,
            "In which time an endpoint that is new or comes back gets from a tenth of its share of calls to all of it. Longer for servers that need to get warm; 0 means at once.";
        eject_failures: u64 = 5, FAILURES,
            "Failures in a row after which an endpoint gets no calls for a while, if others are ready. Broken connections and timeouts are failures, errors that the method answers are not. 0 means never for this reason.";
        eject_below_percent: u64 = 80, PERCENT,
            "Part of an endpoint's calls of the last ten seconds that must succeed, of at least 20, or it gets none for a while. 0 means never for this reason.";
        eject_timeouts: u64 = 3, FAILURES,
            "Calls in a row that timed out, while nothing came for ten times the usual latency, after which an endpoint gets none for a while. 0 means never for this reason.";
        eject_ms: u64 = 1_000, OptionKind::Integer { min: 1, max: DAY_MS },
            "How long that while is the first time; half of it is at random. Then one call finds out, and each failure of that doubles it.";
        eject_max_ms: u64 = 60_000, OptionKind::Integer { min: 1, max: DAY_MS },
            "How long that while is at most.";
        retry_percent: u64 = 20, PERCENT,
            "How many calls of the last ten seconds may be repeated, as a part of all of this client: a fault must not multiply the load. Repetitions of what was never sent are free.";
        retries_per_second: u64 = 10, OptionKind::Integer { min: 0, max: 1_000_000 },
            "How many calls a second may be repeated on top of `retry_percent`, or a client with few calls could repeat none.";
        retries: u64 = 2, OptionKind::Integer { min: 0, max: 10 },
            "How often a failed call is repeated on another endpoint, if nothing of it was sent or it is marked idempotent.";
        hedge: bool = false, OptionKind::Flag,
            "Whether a second attempt is made on another endpoint while an idempotent call takes longer than most; the first one that answers counts. Usually set per call.";
        hedge_ms: u64 = 0, ANY_MS,
            "How long the first attempt may take before the second one is made. 0 is as long as 95 of 100 such calls took lately.";
        hedge_percent: u64 = 5, PERCENT,
            "How many of the calls with `hedge` of the last ten seconds may get a second attempt, which counts against `retry_percent` and `retries_per_second`, too.";
        throttle: bool = false, OptionKind::Flag,
            "Whether calls fail at once with FAST_E_OVERLOAD, up to 80 % of them, while the endpoints together took fewer than half of the calls of the last 30 seconds.";
        idempotent: bool = false, OptionKind::Flag,
            "Whether calls may be repeated although the server may have run them. Usually set per call.";
        window: u64 = 64, OptionKind::Integer { min: 1, max: 1 << 20 },
            "Values of a stream handed to a completion queue before the program grants more.";
        stream_buffer_bytes: u64 = MIB, OptionKind::Integer { min: 4096, max: 1024 * MIB },
            "Bytes of a stream kept for a slow reader; beyond this its connection is not read, which also holds up other calls on it.";
        max_calls: u64 = 65_536, OptionKind::Integer { min: 1, max: 1 << 24 },
            "Most calls under way at once; one more fails with FAST_E_OVERLOAD.";
        ignore_null_values: bool = false, OptionKind::Flag,
            "Drop null values that a server sends instead of failing the call with FAST_E_PROTOCOL.";
        wire_version: u64 = 2, OptionKind::Integer { min: 1, max: 2 },
            "Version of the messages sent. 1 is for servers older than node-fast 3.0.";
        write_limit_bytes: u64 = 64 * MIB, WRITE_LIMIT, write_limit_doc!();
        checksum_v1: ChecksumV1 = ChecksumV1::Xmodem, CHECKSUMS, checksum_doc!();
        max_frame_bytes: u64 = 16 * MIB, FRAME_BYTES, frame_doc!();
        max_depth: u64 = 10_000, DEPTH, depth_doc!();
        max_name_bytes: u64 = 65_536, NAME_BYTES, name_doc!();
        client_name: String = String::new(), OptionKind::Text,
            "Name under which this client is listed among a service's consumers, empty for the name of the program; and by which its servers know it, if it is not empty, for rate limits and kicks.";
        announce_consumer: bool = true, OptionKind::Flag,
            "Whether this client is listed among the consumers of the service it calls.";
        removal_hold_ms: u64 = 10_000, ANY_MS,
            "How long a server is used on, if it answers, that vanished from the registry without saying that it would stop. 0 means not at all.";
        quarantine_ms: u64 = 300_000, ANY_MS,
            "The same if half of those that answer vanished, or all: then the registry is more likely to be wrong than they are. 0 means `removal_hold_ms`.";
        registry_cache: RegistryCache = RegistryCache::Fallback, CACHES,
            "What is done with the last list of a service's endpoints in ZooKeeper. fallback keeps it in a file, which counts as long as ZooKeeper does not answer at a start. leader is for hosts with many short or equal processes, such as workers of PHP: one of those that use the same file asks ZooKeeper, the others read the file and have no session; none is listed as consumer. off keeps nothing.";
        registry_cache_dir: String = String::new(), OptionKind::Text,
            "Folder of these files. Empty means $XDG_CACHE_HOME/libfast, else ~/.cache/libfast, else none are kept.";
        registry_cache_stale: bool = false, OptionKind::Flag,
            "Whether such a file counts although nobody has confirmed it for seven days.";
        layouts: String = "fast".into(), OptionKind::Text, layouts_doc!();
        zookeeper_session_ms: u64 = 15_000, SESSION_MS, session_doc!();
        zookeeper_acl: ZooKeeperAcl = ZooKeeperAcl::Creator, ZOOKEEPER_ACLS, zookeeper_acl_doc!();
        zookeeper_auth_file: String = String::new(), OptionKind::Text, zookeeper_auth_doc!();
        zookeeper_auth_command: String = String::new(), OptionKind::Text, zookeeper_command_doc!();
        zookeeper_ca_file: String = String::new(), OptionKind::Text, zookeeper_ca_doc!();
        zookeeper_cert_file: String = String::new(), OptionKind::Text, zookeeper_cert_doc!();
        zookeeper_key_file: String = String::new(), OptionKind::Text, zookeeper_key_doc!();
        metrics: bool = true, OptionKind::Flag, metrics_doc!();
        metrics_legacy_names: bool = false, OptionKind::Flag, legacy_names_doc!();
        metrics_labels: String = String::new(), OptionKind::Text, labels_doc!();
    }
}

options! {
    /// How a server behaves. Names, defaults and bounds are the same in every language.
    pub struct ServerOptions {
        listen: String = "127.0.0.1:0".into(), OptionKind::Text,
            "Address to listen on: host:port or unix:/path; port 0 takes a free one. The default is reached from this machine only.";
        announce: String = String::new(), OptionKind::Text,
            "Target under which the server is found: a service name, dir:///folder/service or zk://hosts/root/service. Empty announces nothing.";
        announce_at_start: bool = true, OptionKind::Flag,
            "Whether the server is announced as soon as it listens. If not, it is when the program says so, because it has to get ready first.";
        advertise: String = String::new(), OptionKind::Text,
            "Address that is announced, where it differs from the one listened on; port 0 stands for the port listened on. Empty means $FAST_ADVERTISE, else the address listened on; for a server on all addresses, the one from which this machine reaches ZooKeeper, or 127.0.0.1 in a folder.";
        advertise_metrics: String = String::new(), OptionKind::Text,
            "Address where the metrics of this server are scraped, host:port, which the layout serverset tells Prometheus. Empty tells nothing.";
        weight: u64 = 100, OptionKind::Integer { min: 0, max: 1_000_000 },
            "Share of calls relative to other providers; 0 takes no new calls.";
        zone: String = String::new(), OptionKind::Text, zone_doc!();
        metadata: String = String::new(), OptionKind::Text,
            "What the server says of itself in the registry beside that, such as version=1.2,shard=7: for programs that choose by it and for fastctl ls. An entry has 4096 bytes in all.";
        max_inflight: u64 = 65_536, OptionKind::Integer { min: 1, max: 1 << 24 },
            "Most requests under way at once, waiting ones included; one more is refused with FastOverloaded.";
        max_inflight_per_connection: u64 = 65_536, OptionKind::Integer { min: 1, max: 1 << 24 },
            "Most requests of one connection under way at once; one more is refused with FastOverloaded. Set it below max_inflight where one client must not take all places.";
        concurrency: Concurrency = Concurrency::Unlimited,
            OptionKind::IntegerOr { words: Concurrency::WORDS, min: 1, max: 1 << 20 },
            "Most handlers at work at once: off for as many as come, auto to find out by how long they take, or a number. Twice as many requests wait, in turns by connection and at most concurrency_wait_ms; others are refused with FastOverloaded. A request counts until its first value or its end.";
        concurrency_wait_ms: u64 = 100, OptionKind::Integer { min: 1, max: DAY_MS },
            "Longest that a request waits for its turn where concurrency is set; a fifth of it once some have been waiting for that long without a break, until none has for as long.";
        rate_limits: String = String::new(), OptionKind::Text,
            "How often clients may ask, with semicolons between limits, as in \"client=* rate=1000; method=echo rate=50 burst=10\". Client is an address, a client_name, or * for each by itself; without one all are counted together. What comes too early is refused with FastRateLimited. May be changed while the server runs; docs/OVERLOAD.md.";
        max_connections: u64 = 10_000, OptionKind::Integer { min: 1, max: 1 << 20 },
            "Most connections open at once; one more is closed at once.";
        drain_ms: u64 = 30_000, ANY_MS,
            "Longest that stop takes in all: what still runs then is cancelled.";
        drain_grace_ms: u64 = 3_000, ANY_MS,
            "Longest that a server goes on taking new connections after it said that it is about to stop, as part of drain_ms. It is shorter if no request comes for 100 ms.";
        unacknowledged_ms: u64 = 0, ANY_MS,
            unacknowledged_doc!("A client that stops reading a stream for so long counts, too, which is why a server does not set it by itself.");
        receive_timeout_ms: u64 = 10_000, ANY_MS,
            "Longest that a message of a client may take from its first byte to its last before the connection is closed; longer only if it comes at 1 KiB a second or more. 0 waits for ever.";
        send_timeout_ms: u64 = 30_000, ANY_MS,
            "Longest that a client may take next to nothing, less than 128 bytes a second, of what waits for it before its connection is closed. 0 waits for ever: for programs whose readers of streams pause that long.";
        write_buffer_bytes: u64 = 256 * 1024, OptionKind::Integer { min: 4096, max: 1024 * MIB },
            "Bytes waiting for one slow client above which its handlers are told to wait; they go on below a quarter of it.";
        write_limit_bytes: u64 = 64 * MIB, WRITE_LIMIT, write_limit_doc!();
        checksum_v1: ChecksumV1 = ChecksumV1::Xmodem, CHECKSUMS, checksum_doc!();
        max_frame_bytes: u64 = 16 * MIB, FRAME_BYTES, frame_doc!();
        max_depth: u64 = 10_000, DEPTH, depth_doc!();
        max_name_bytes: u64 = 65_536, NAME_BYTES, name_doc!();
        layouts: String = "fast".into(), OptionKind::Text, layouts_doc!();
        zookeeper_session_ms: u64 = 15_000, SESSION_MS, session_doc!();
        zookeeper_acl: ZooKeeperAcl = ZooKeeperAcl::Creator, ZOOKEEPER_ACLS, zookeeper_acl_doc!();
        zookeeper_auth_file: String = String::new(), OptionKind::Text, zookeeper_auth_doc!();
        zookeeper_auth_command: String = String::new(), OptionKind::Text, zookeeper_command_doc!();
        zookeeper_ca_file: String = String::new(), OptionKind::Text, zookeeper_ca_doc!();
        zookeeper_cert_file: String = String::new(), OptionKind::Text, zookeeper_cert_doc!();
        zookeeper_key_file: String = String::new(), OptionKind::Text, zookeeper_key_doc!();
        metrics: bool = true, OptionKind::Flag, metrics_doc!();
        metrics_legacy_names: bool = false, OptionKind::Flag, legacy_names_doc!();
        metrics_labels: String = String::new(), OptionKind::Text, labels_doc!();
    }
}

/// All options once each, in the order of their declaration; the ones of clients first.
pub fn option_specs() -> Vec<OptionSpec> {
    let mut specs = ClientOptions::specs();
    for spec in ServerOptions::specs() {
        if specs.iter().all(|known| known.name != spec.name) {
            specs.push(spec);
        }
    }
    specs
}

/// The option of that name, or an error that lists what was near.
pub fn find_option(name: &str) -> Result<OptionSpec> {
    let specs = option_specs();
    let found = specs.iter().find(|spec| spec.name == name).cloned();
    found.ok_or_else(|| unknown_option(name, &specs))
}

fn unknown_option(name: &str, specs: &[OptionSpec]) -> Error {
    let near = specs.iter().min_by_key(|spec| distance(spec.name, name));
    let hint = match near {
        Some(spec) if distance(spec.name, name) <= 3 => format!("; did you mean {:?}?", spec.name),
        _ => format!("; known are {}", specs.iter().map(|s| s.name).collect::<Vec<_>>().join(", ")),
    };
    Error::new(ErrorKind::Invalid, format!("option {name:?} does not exist{hint}"))
}

/// Levenshtein distance, for "did you mean".
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.bytes().enumerate() {
            let substitute = diagonal + usize::from(ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_read_back() {
        for spec in ClientOptions::specs() {
            ClientOptions::default().set(spec.name, &spec.default).unwrap();
        }
        for spec in ServerOptions::specs() {
            ServerOptions::default().set(spec.name, &spec.default).unwrap();
        }
    }

    #[test]
    fn errors_name_the_option_the_value_and_the_bounds() {
        let mut options = ClientOptions::default();
        let error = options.set("timout_ms", "5").unwrap_err();
        assert!(error.message().contains("did you mean \"timeout_ms\""), "{error}");
        let error = options.set("timeout_ms", "-1").unwrap_err();
        assert!(error.message().contains("\"-1\"") && error.message().contains("0 to 86400000"), "{error}");
        let error = options.set("policy", "best").unwrap_err();
        assert!(error.message().contains("p2c, round_robin"), "{error}");
        assert_eq!(options.timeout_ms, 5_000);
    }

    /// A server's option on a client would do nothing, and somebody would wonder why.
    #[test]
    fn options_of_the_other_group_are_refused() {
        assert_eq!(ClientOptions::from_pairs([("timeout_ms", "7")]).unwrap().timeout_ms, 7);
        let error = ClientOptions::from_pairs([("listen", ":1")]).unwrap_err();
        assert!(error.message().contains("\"listen\" is not one of ClientOptions"), "{error}");
        assert!(ClientOptions::from_pairs([("lisen", ":1")]).is_err());
    }
}
