//! What a call costs as something grows.

use crate::contender::Contender;
use crate::options::Options;
use crate::results::{Failure, Results, Spread};
use crate::run::measure;
use libfast_bench::Workload;
use serde::{Deserialize, Serialize};

/// What grows.
pub struct Curve {
    /// Its name in the results, and of its plot.
    pub name: &'static str,
    pub title: &'static str,
    /// What is measured at each point.
    pub about: &'static str,
    pub points: &'static [usize],
    /// The load of a point, spelled out.
    load: fn(usize) -> String,
    /// Whether only libfast has such a thing.
    own: bool,
    /// Why it is as it is, where it is not flat.
    pub because: &'static str,
}

/// All curves.
pub const CURVES: &[Curve] = &[
    Curve {
        name: "connections",
        title: "Connections",
        about: "One call under way on each.",
        points: &[1, 10, 100, 1_000, 10_000],
        load: |n| format!("{n}x1"),
        own: false,
        because: "With few connections a process sleeps and is woken for every call; with more it finds several of them ready \
                  when it wakes, and the cost falls. With thousands it rises, as buffers and state of all of them, in the kernel \
                  and out of it, no longer fit the caches of the CPU.",
    },
    Curve {
        name: "endpoints",
        title: "Endpoints",
        about: "One client, 64 calls under way, and so many endpoints: addresses of one server, each with its connection. Of more \
                than 40, a client uses 20.",
        points: &[1, 10, 100, 1_000, 10_000],
        load: |n| format!("1x64@{n}"),
        own: true,
        because: "Calls on one connection share system calls, and those on different connections do not. Of more than 40 endpoints \
                  a client uses 20, so that its connections become no more.",
    },
    Curve {
        name: "payload",
        title: "Bytes of payload",
        about: "One call under way on one connection.",
        points: &[1, 16, 256, 4 << 10, 64 << 10, 1 << 20, 16 << 20],
        load: |n| format!("1x1x{n}"),
        own: false,
        because: "Up to some kilobytes waking, system calls and envelopes are all there is to pay for. Then every byte is copied into the kernel and out \
                  of it, checked as JSON, and summed, twice on each side: the cost grows with the payload.",
    },
    Curve {
        name: "in-flight",
        title: "Calls under way",
        about: "Over as many connections, but at most 100.",
        points: &[1, 10, 100, 1_000, 10_000, 100_000, 1_000_000],
        load: |n| format!("{}x{}", n.min(100), n.div_ceil(100)),
        own: false,
        because: "Up to 100, each call has a connection of its own, and what is ready at once shares a wake. Beyond, calls on one \
                  connection share system calls, too.",
    },
];

/// So many calls under way are measured for one second more.
const ROUND_PER_SECOND: f64 = 200_000.0;

/// One measured point.
#[derive(Serialize, Deserialize)]
pub struct Point {
    pub curve: String,
    pub x: usize,
    pub contender: String,
    pub round: usize,
    /// CPU time of a call.
    pub client_us: f64,
    pub server_us: f64,
    pub per_second: Option<f64>,
}

/// Measures all points of all curves, in turn.
pub fn run(contenders: &[&Contender], options: &Options, results: &mut Results) -> Result<(), String> {
    // There are many points, and their spread is shown.
    let (rounds, seconds) = (if options.quick { 1 } else { options.rounds }, options.seconds / 2.0);
    for round in 0..rounds {
        for curve in CURVES {
            // The last point is the one that takes long.
            let points = if options.quick { &curve.points[..curve.points.len() - 1] } else { curve.points };
            for x in points.iter().step_by(if options.quick { 2 } else { 1 }) {
                let load = Workload::find(&(curve.load)(*x))?;
                let able = |contender: &&&Contender| !curve.own || contender.name == "libfast";
                for contender in contenders.iter().filter(able) {
                    match point(curve, *x, contender, load, round, seconds) {
                        Ok(point) => results.growth.push(point),
                        Err(error) => {
                            let workload = format!("{} = {x}", curve.name);
                            let contender = contender.name.into();
                            results.failed(Failure { contender, workload, round, error });
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

fn point(
    curve: &Curve,
    x: usize,
    contender: &Contender,
    load: &Workload,
    round: usize,
    seconds: f64,
) -> Result<Point, String> {
    // A million calls under way make their first round in seconds: it must not be all that is measured.
    let seconds = seconds.max((load.connections * load.in_flight) as f64 / ROUND_PER_SECOND);
    let figures = measure(contender, load, seconds)?;
    let figure = |name: &str| figures.get(name).and_then(serde_json::Value::as_f64);
    let cost =
        |name: &str| figure(name).ok_or_else(|| format!("{name} is not known: it needs schedstat in /proc"));
    Ok(Point {
        curve: curve.name.into(),
        x,
        contender: contender.name.into(),
        round,
        client_us: cost("client_window_us")?,
        server_us: cost("server_window_us")?,
        per_second: figure("per_second").map(|units| units / load.units() as f64),
    })
}

/// A figure at one point over the rounds.
pub fn spread(
    results: &Results,
    curve: &str,
    contender: &str,
    x: usize,
    figure: impl Fn(&Point) -> f64,
) -> Option<Spread> {
    let at = |point: &&Point| point.curve == curve && point.contender == contender && point.x == x;
    Spread::of(results.growth.iter().filter(at).map(figure))
}
