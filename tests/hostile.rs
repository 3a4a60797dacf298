//! A server process among a million broken frames and ten thousand connections of strangers: it answers its good
//! clients all the while, outlives the others, and keeps nothing of them.

mod hostile {
    pub mod client;
    pub mod frames;
    pub mod mutation;
    pub mod process;
    pub mod strangers;
}

use fastrand::Rng;
use hostile::client::Client;
use hostile::frames::{self, Judged};
use hostile::process::Process;
use hostile::strangers;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What is thrown at the server.
#[derive(Clone, Copy)]
struct Load {
    frames: usize,
    strangers: usize,
}

/// For a server that is built for release.
const FULL: Load = Load { frames: 1_000_000, strangers: 10_000 };
/// For one that is not, so that it takes seconds while somebody works on it.
const SHORT: Load = Load { frames: 100_000, strangers: 1_000 };
/// Before memory is measured for the first time.
const WARM_UP: Load = Load { frames: 50_000, strangers: 500 };

/// What the server may have grown by. Allocators do not give everything back at once.
const GROWTH: u64 = 16 << 20;
const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn a_server_outlives_what_strangers_send_and_answers_its_clients() {
    let Some(mut server) = Process::start() else {
        println!("skipped: hostile connections (fastserve is not built; make tools)");
        assert!(std::env::var_os("CI").is_none(), "in CI every test runs");
        return;
    };
    let seed =
        std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    println!("hostile: SEED={seed} repeats this against {}", server.program);
    Client::connect(&server.address).answers(&mut Rng::with_seed(seed));
    throw(&server, WARM_UP, seed ^ 1);
    let before = until_at_rest(&mut server, u64::MAX);

    let load = if server.is_release() { FULL } else { SHORT };
    let start = Instant::now();
    let (judged, calls) = throw(&server, load, seed);
    let took = start.elapsed();

    let peak = server.peak_resident_bytes();
    let after = until_at_rest(&mut server, before + GROWTH);
    Client::connect(&server.address).answers(&mut Rng::with_seed(seed));
    println!("{judged}");
    println!("{:>9} connections of strangers, none of which hurt others", load.strangers);
    println!("{calls:>9} calls of good clients meanwhile, all of them answered right");
    println!(
        "{:>9.1} s; resident memory {:.1} MiB before, {:.1} MiB at most, {:.1} MiB after",
        took.as_secs_f64(),
        mib(before),
        mib(peak),
        mib(after)
    );
    assert!(calls > 100, "the good clients were not held up");
}

/// Runs the load, and good clients beside it until it is over. Gives what became of the frames, and the calls.
fn throw(server: &Process, load: Load, seed: u64) -> (Judged, u64) {
    let address = &server.address;
    let over = AtomicBool::new(false);
    // None of them can wait for ever: their sockets have a time limit.
    thread::scope(|scope| {
        let good = [2, 3].map(|salt| scope.spawn(calls_until(address, &over, seed ^ salt)));
        let broken = [4, 5].map(|salt| {
            scope.spawn(move || frames::throw(address, load.frames / 2, &mut Rng::with_seed(seed ^ salt)))
        });
        let strangers =
            scope.spawn(move || strangers::come(address, load.strangers, &mut Rng::with_seed(seed ^ 6)));
        let judged = broken.map(|thread| thread.join());
        let strangers = strangers.join();
        // Before anything fails, or the good clients would go on for ever.
        over.store(true, Ordering::Relaxed);
        let calls = good.map(|thread| thread.join().expect("a good client fails"));
        strangers.expect("a stranger sees something wrong");
        let [one, other] = judged.map(|judged| judged.expect("broken frames have the wrong effect"));
        (one + other, calls.iter().sum())
    })
}

/// Calls until it is over; gives the number of calls.
fn calls_until<'t>(address: &'t str, over: &'t AtomicBool, seed: u64) -> impl FnOnce() -> u64 + Send + 't {
    move || {
        let mut rng = Rng::with_seed(seed);
        let mut calls = 0;
        while !over.load(Ordering::Relaxed) {
            // A new connection now and then: those are to be served as well.
            let mut client = Client::connect(address);
            for _ in 0..20 {
                calls += client.answers(&mut rng);
                // They are to be there all the while, not to be the load.
                thread::sleep(Duration::from_millis(1));
            }
        }
        calls
    }
}

/// Waits until all connections are gone and the memory is at most that; gives the memory.
fn until_at_rest(server: &mut Process, most: u64) -> u64 {
    let start = Instant::now();
    loop {
        let (resident, connections) = (server.resident_bytes(), server.connections());
        if connections == 0 && resident <= most {
            return resident;
        }
        assert!(
            start.elapsed() < LIMIT,
            "{connections} connections are left and {:.1} MiB, of at most {:.1}",
            mib(resident),
            mib(most)
        );
        server.assert_alive();
        thread::sleep(Duration::from_millis(10));
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
