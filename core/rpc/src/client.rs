//! A client of one service or of fixed endpoints.

mod closing;
mod following;

use crate::affinity::Affinity;
use crate::allowance::Allowance;
use crate::call::Call;
use crate::call_options::CallOptions;
use crate::call_request::CallRequest;
use crate::channel::{Channel, Wait};
use crate::clock;
use crate::connections::Connections;
use crate::interceptors::Interceptors;
use crate::liveness;
use crate::metrics::{ClientMeter, ClientMethods, EndpointMeter, Metrics, RegistryMeter};
use crate::outgoing_call::{ClientInterceptor, OutgoingCall};
use crate::picked::Picked;
use crate::registries::Registries;
use crate::remote;
use crate::wakers::Wakers;
use bytes::Bytes;
use following::{Follower, Known, follow};
use libfast_balance::{BalanceOptions, Balancer, Load, Member, Moment};
use libfast_model::{ClientOptions, Endpoint, Error, ErrorKind, OptionValue, RegistryCache, Result, Target};
use libfast_protocol::json;
use libfast_registry::{Announcement, Record, Resolution, Role};
use serde::Serialize;
use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{Notify, futures::OwnedNotified};
use tokio::task::AbortHandle;

/// Calls the methods of a service, balanced over its providers. Cheap to clone; all clones share connections.
///
/// Dropping the last clone closes it, once the calls under way have ended.
#[derive(Clone)]
pub struct Client(Arc<Guard>);

/// Ends the background work when the last [`Client`] goes, of which calls under way hold one.
struct Guard {
    shared: Arc<Shared>,
    follower: AbortHandle,
    consumer: Mutex<Option<Announcement>>,
}

/// One who waits for a change, for as long as this lives.
pub(crate) type Waiter = Pin<Box<OwnedNotified>>;

pub(crate) struct Shared {
    pub target: String,
    pub runtime: Handle,
    pub methods: ClientMethods,
    meter: Option<Arc<ClientMeter>>,
    options: Arc<ClientOptions>,
    /// What a call does unless told otherwise.
    of_calls: CallOptions,
    interceptors: Interceptors<ClientInterceptor>,
    pub allowance: Allowance,
    balancer: Balancer<Channel>,
    /// Locked while the balancer learns of it, too.
    known: Mutex<Known>,
    /// Those who wait for the registry to answer, or for a connection that is ready.
    changed: Arc<Notify>,
    pub connections: Arc<Connections>,
    in_flight: AtomicU64,
    idle: Wakers,
    /// Takes no new calls.
    closed: AtomicBool,
    /// Calls under way make no further progress.
    detached: AtomicBool,
}

impl Client {
    /// A client with default options. See [`with_options`](Self::with_options).
    pub fn new(target: &str) -> Result<Self> {
        Self::with_options(target, ClientOptions::default())
    }

    /// A client of `target`: a service name, `host:port[,host:port…]`, `unix:/path`, `dir:///folder/service` or
    /// `zk://hosts/root/service`. Returns at once: providers are found and connections made in the background, on the
    /// tokio runtime this is called in.
    pub fn with_options(target: &str, options: ClientOptions) -> Result<Self> {
        Self::with_metrics(target, options, Metrics::global())
    }

    /// As [`with_options`](Self::with_options), with metrics other than those of the process.
    pub fn with_metrics(target: &str, options: ClientOptions, metrics: &Metrics) -> Result<Self> {
        let runtime = crate::runtime()?;
        let meter = ClientMeter::new(&options, metrics)?;
        let parsed = Target::parse(target)?;
        let mut registry_meter = None;
        let (watch, consumer) = match &parsed {
            Target::Fixed(addresses) => (libfast_registry::fixed(addresses), None),
            Target::Service { registry, service } => {
                registry_meter = meter.as_ref().map(|meter| RegistryMeter::new(meter, service));
                let registries = Registries::of_client(registry, &options)?;
                let record = Record::of_this_process(&options.client_name);
                let announce = || registries.announcer.announce(service, Role::Consumer, record);
                let announces = options.announce_consumer && options.registry_cache != RegistryCache::Leader;
                (registries.resolver.watch(service), announces.then(announce))
            }
        };
        let options = Arc::new(options);
        let shared = Arc::new(Shared {
            target: parsed.to_string(),
            runtime: runtime.clone(),
            methods: ClientMethods::new(meter.clone()),
            balancer: Balancer::new(BalanceOptions::from(&*options), fastrand::u64(..)),
            of_calls: CallOptions::from(&*options),
            allowance: Allowance::new(options.clone(), meter.clone()),
            meter,
            interceptors: Interceptors::default(),
            known: Mutex::new(Known::new(&options)),
            options,
            changed: Arc::default(),
            connections: Arc::default(),
            in_flight: AtomicU64::new(0),
            idle: Wakers::default(),
            closed: AtomicBool::new(false),
            detached: AtomicBool::new(false),
        });
        shared.resolved(watch.current());
        let follower = runtime.spawn(follow(Follower(shared.clone()), watch, registry_meter)).abort_handle();
        let (client, options) = (Arc::downgrade(&shared), shared.options.clone());
        runtime.spawn(async move { liveness::look_after(client, &options).await });
        Ok(Self(Arc::new(Guard { shared, follower, consumer: Mutex::new(consumer) })))
    }

    /// Calls a method with arguments that serialise to a JSON array, such as a tuple or a `Vec`. The call is sent when
    /// the returned value is awaited (all values, in a `Vec`) or made a [`stream`](CallRequest::stream).
    pub fn call(&self, method: &str, args: impl Serialize) -> CallRequest {
        CallRequest {
            client: self.clone(),
            method: method.to_owned(),
            args: serde_json::to_vec(&args).map(Bytes::from).map_err(|error| {
                Error::new(
                    ErrorKind::Invalid,
                    format!("the arguments of {method:?} cannot be written as JSON: {error}"),
                )
            }),
            options: self.call_options(),
        }
    }

    /// As [`call`](Self::call), with the values one by one.
    pub fn stream(&self, method: &str, args: impl Serialize) -> Call {
        self.call(method, args).stream()
    }

    /// Starts a call with the JSON text of its arguments, for callers that have it already.
    pub fn start(&self, method: &str, args: Bytes, options: CallOptions) -> Call {
        let shared = &self.0.shared;
        shared.call_began();
        match shared.interceptors.chain() {
            None => self.begin(method, args, options),
            Some(chain) => OutgoingCall::pass(self, method, args, options, &chain),
        }
    }

    /// Starts a call that has passed the interceptors.
    pub(crate) fn begin(&self, method: &str, args: Bytes, options: CallOptions) -> Call {
        match self.0.shared.check(method, &args) {
            Ok(()) => Call::new(self.clone(), method, args, options),
            // A call that comes too late is a failed call like others; one with wrong arguments is none.
            Err(error) if error.cause().is_some() => {
                Call::failed(self.clone(), method, remote::with_call(error, method, None))
            }
            Err(error) => Call::failed(self.clone(), method, error),
        }
    }

    /// Has calls that begin from now on, of all clones, go through `interceptor`, behind those installed before.
    /// `docs/INTERCEPTORS.md` has examples.
    pub fn intercept(
        &self,
        interceptor: impl Fn(&mut OutgoingCall<'_>) -> Result<()> + Send + Sync + 'static,
    ) {
        self.0.shared.interceptors.add(Arc::new(interceptor));
    }

    /// What a call does unless told otherwise.
    pub fn call_options(&self) -> CallOptions {
        self.0.shared.of_calls.clone()
    }

    /// This client's options.
    pub fn options(&self) -> &ClientOptions {
        &self.0.shared.options
    }

    /// Waits until a provider is known and connected, or fails with the reason why not. Cancel safe.
    pub async fn ready(&self, timeout: Duration) -> Result<()> {
        let shared = &self.0.shared;
        let mut last = None;
        let connect = async {
            let mut waiter = None;
            loop {
                let pick = std::future::poll_fn(|cx| {
                    // Registered first: a change after a vain pick must be noticed.
                    shared.await_change(cx, &mut waiter);
                    match shared.poll_pick(cx, &mut waiter, clock::moment(Instant::now()), None, |_| false) {
                        Poll::Ready(Err(error)) if error.kind() != ErrorKind::Closed => {
                            last = Some(error);
                            Poll::Pending
                        }
                        picked => picked,
                    }
                });
                let member = pick.await?;
                let mut wait = Wait::default();
                match std::future::poll_fn(|cx| member.owner.poll_connection(cx, &mut wait)).await {
                    Ok(_) => return Ok(()),
                    Err(error) => last = Some(error),
                }
                tokio::time::sleep(READY_PAUSE).await;
            }
        };
        let result = tokio::time::timeout(timeout, connect).await;
        result.unwrap_or_else(|_| {
            let why = last.map_or("the registry has not answered".into(), |error: Error| error.to_string());
            let message = format!("{} was not ready within {} ms: {why}", shared.target, timeout.as_millis());
            Err(Error::new(ErrorKind::Timeout, message))
        })
    }

    /// Chooses an endpoint without calling it, for programs that speak another protocol to it. Waits until providers
    /// are known, at most `timeout_ms`. Tell the outcome with [`Picked::report`]. Cancel safe.
    pub async fn pick(&self) -> Result<Picked> {
        let shared = &self.0.shared;
        let affinity = shared.of_calls.affinity;
        let mut waiter = None;
        let pick = std::future::poll_fn(|cx| {
            shared.poll_pick(cx, &mut waiter, clock::moment(Instant::now()), affinity, |_| false)
        });
        let member = match shared.of_calls.timeout {
            None => pick.await,
            Some(limit) => tokio::time::timeout(limit, pick).await.unwrap_or_else(|_| {
                let message = format!("{} was not resolved within {} ms", shared.target, limit.as_millis());
                Err(Error::new(ErrorKind::Timeout, message))
            }),
        };
        Ok(Picked::new(member?))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    /// Connections and requests as a JSON object, as [`KangSnapshot`](crate::KangSnapshot) has them.
    pub fn kang(&self) -> String {
        crate::KangSnapshot::new("").client(self).without_service()
    }

    /// Counters and endpoints as a JSON object, for operators. `docs/BALANCING.md` explains its members.
    pub fn stats(&self) -> String {
        let shared = &self.0.shared;
        let set = shared.balancer.set();
        let now = clock::moment(Instant::now());
        let endpoints: Vec<_> = set.members().iter().map(|member| member_stats(member, now)).collect();
        serde_json::json!({
            "target": shared.target,
            "policy": shared.options.policy.to_text(),
            "in_flight": shared.in_flight.load(Ordering::Relaxed),
            "registry": shared.lock().stats(),
            "endpoints": endpoints,
        })
        .to_string()
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({})", self.0.shared.target)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

impl Shared {
    /// Chooses an endpoint, or waits until providers are known.
    pub fn poll_pick(
        &self,
        cx: &Context<'_>,
        waiter: &mut Option<Waiter>,
        now: Moment,
        affinity: Option<Affinity>,
        tried: impl Fn(&Member<Channel>) -> bool,
    ) -> Poll<Result<Arc<Member<Channel>>>> {
        if let Err(detached) = self.check_attached() {
            return Poll::Ready(Err(detached));
        }
        let affinity = affinity.map(Affinity::hash);
        let choose = || clock::with_rng(|rng| self.balancer.choose(now, affinity, rng, &tried));
        if let Some(member) = choose() {
            return Poll::Ready(Ok(member));
        }
        let known = self.lock();
        if matches!(known.resolution, Resolution::Pending) {
            // Under the lock, so that the answer cannot come in between.
            self.await_change(cx, waiter);
            return Poll::Pending;
        }
        // It may have come in between.
        Poll::Ready(choose().ok_or_else(|| match &known.resolution {
            Resolution::Failed(error) => error.clone(),
            _ => self.no_endpoint(self.balancer.set().members().len()),
        }))
    }

    /// Has the next change wake `cx`: an answer of the registry, or a connection that is ready. For as long as `waiter` lives.
    pub fn await_change(&self, cx: &Context<'_>, waiter: &mut Option<Waiter>) {
        let cx = &mut Context::from_waker(cx.waker());
        let next = || Box::pin(self.changed.clone().notified_owned());
        while waiter.get_or_insert_with(next).as_mut().poll(cx).is_ready() {
            *waiter = None;
        }
    }

    /// Whether there is an endpoint that takes calls, for which `tried` is false. Nobody is chosen.
    pub fn has_other(&self, tried: impl Fn(&Member<Channel>) -> bool) -> bool {
        let set = self.balancer.set();
        set.members().iter().any(|member| member.endpoint.weight > 0 && !tried(member))
    }

    pub fn call_began(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub fn call_ended(&self) {
        if self.in_flight.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.idle.wake_all();
        }
    }

    fn check(&self, method: &str, args: &[u8]) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(self.was_closed());
        }
        if self.in_flight.load(Ordering::Relaxed) > self.options.max_calls {
            let message = format!("`max_calls` of {} calls are under way already", self.options.max_calls);
            return Err(Error::new(ErrorKind::Overload, message));
        }
        json::check_array(args, self.options.max_depth as usize).map_err(|error| {
            let message = format!("the arguments of {method:?} must be a JSON array: {error}");
            Error::new(ErrorKind::Invalid, message)
        })
    }

    fn channel(&self, endpoint: &Endpoint, load: &Arc<Load>) -> Channel {
        let (address, options) = (endpoint.address.clone(), self.options.clone());
        let connections = self.connections.clone();
        let meter = self.meter.as_ref().map(|meter| meter.endpoint(&endpoint.address));
        if let Some(ejections) = meter.as_ref().map(EndpointMeter::ejections) {
            load.on_ejection(move || _ = ejections.inc());
        }
        let shared = (connections, self.changed.clone());
        Channel::new(address, load.clone(), options, self.runtime.clone(), shared, meter)
    }

    fn was_closed(&self) -> Error {
        Error::new(ErrorKind::Closed, format!("the client of {} was closed", self.target))
    }

    /// Fails once calls under way have to end.
    pub fn check_attached(&self) -> Result<()> {
        if self.detached.load(Ordering::Acquire) { Err(self.was_closed()) } else { Ok(()) }
    }

    /// Fails calls that have no connection yet, from now on.
    fn detach(&self) {
        self.closed.store(true, Ordering::Release);
        self.detached.store(true, Ordering::Release);
        self.changed.notify_waiters();
    }

    fn no_endpoint(&self, listed: usize) -> Error {
        let mut message = format!("no provider of {}", self.target);
        let _ = match listed {
            0 => write!(message, " is listed; start a server that announces it"),
            _ => write!(message, " takes calls: all {listed} listed have weight 0"),
        };
        Error::new(ErrorKind::NoEndpoint, message)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Between tries of `ready` to connect.
const READY_PAUSE: Duration = Duration::from_millis(20);

fn member_stats(member: &Member<Channel>, now: libfast_balance::Moment) -> serde_json::Value {
    let Member { endpoint, load, owner, .. } = member;
    serde_json::json!({
        "address": endpoint.address.to_string(),
        "weight": endpoint.weight,
        "zone": endpoint.zone,
        "metadata": endpoint.metadata,
        "state": owner.state_name(),
        "connections": owner.connected(),
        "health": if load.is_on_trial() { "probing" } else { load.state().name() },
        "ejected_ms": load.ejected_for(now).map(|left| left.as_millis() as u64),
        "draining": endpoint.draining,
        "warm_percent": (load.warmth(now) * 100.0).round() as u64,
        "in_flight": load.in_flight(),
        "picks": load.picks(),
        "failures": load.failures(),
        "ejections": load.ejections(),
        "latency_us": load.latency_ns(now).map(|ns| (ns / 1e3).round()),
    })
}
