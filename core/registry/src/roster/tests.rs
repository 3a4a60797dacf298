//! Cases by hand, and a cluster on simulated time.

use super::*;
use libfast_model::Endpoint;
use std::collections::BTreeSet;

const REMOVAL: Duration = Duration::from_secs(10);
const QUARANTINE: Duration = Duration::from_secs(300);

fn roster() -> Roster {
    Roster::new(Patience { removal: REMOVAL, quarantine: QUARANTINE })
}

fn address(port: usize) -> Address {
    format!("h:{}", port + 1).parse().unwrap()
}

fn provider(port: usize) -> Provider {
    Provider { key: format!("key-{port}"), endpoint: Endpoint::new(address(port)) }
}

fn draining(port: usize) -> Provider {
    let endpoint = Endpoint { draining: true, ..Endpoint::new(address(port)) };
    Provider { key: format!("drain-{port}"), endpoint }
}

fn list(ports: impl IntoIterator<Item = usize>) -> Vec<Provider> {
    ports.into_iter().map(provider).collect()
}

fn used(roster: &Roster) -> BTreeSet<Address> {
    roster.providers().map(|provider| provider.endpoint.address).collect()
}

fn ports(ports: impl IntoIterator<Item = usize>) -> BTreeSet<Address> {
    ports.into_iter().map(address).collect()
}

#[test]
fn who_vanishes_and_answers_is_held_for_a_while() {
    let (mut roster, start) = (roster(), Instant::now());
    roster.list(start, list(0..5), |_| Reach::Answers);
    roster.list(start, list(1..5), |_| Reach::Answers);
    assert_eq!(used(&roster), ports(0..5));
    assert!(!roster.is_quarantined() && roster.next_review(start).is_some());
    assert!(!roster.review(start + REMOVAL / 2, |_| Reach::Answers));
    assert!(roster.review(start + REMOVAL, |_| Reach::Answers));
    assert_eq!(used(&roster), ports(1..5));
    assert_eq!(roster.next_review(start), None);
    assert_eq!(roster.counts(), RosterCounts { held: 1, quarantines: 0 });
}

#[test]
fn who_vanishes_goes_at_once_if_it_is_down_or_was_never_tried_or_said_that_it_leaves() {
    for reach in [Reach::Down, Reach::Unknown, Reach::Leaving] {
        let (mut roster, now) = (roster(), Instant::now());
        roster.list(now, list(0..5), |_| Reach::Answers);
        roster.list(now, list(1..5), |_| reach);
        assert_eq!(used(&roster), ports(1..5), "{reach:?}");
    }
    // A clean stop lists the server as draining first, and then not at all.
    let (mut roster, now) = (roster(), Instant::now());
    roster.list(now, list(0..1), |_| Reach::Answers);
    roster.list(now, vec![draining(0)], |_| Reach::Answers);
    assert_eq!(roster.held(), 0, "the address is listed still");
    roster.list(now, vec![], |_| Reach::Answers);
    assert_eq!(used(&roster), ports([]));
}

#[test]
fn who_goes_down_while_it_is_held_goes_then() {
    let (mut roster, now) = (roster(), Instant::now());
    roster.list(now, list(0..5), |_| Reach::Answers);
    roster.list(now, list(1..5), |_| Reach::Answers);
    assert!(roster.review(now, |_| Reach::Down));
    assert_eq!(used(&roster), ports(1..5));
}

#[test]
fn half_of_all_is_quarantined_also_when_they_vanish_one_by_one() {
    for steps in [vec![5], vec![1, 2, 3, 4, 5]] {
        let (mut roster, start) = (roster(), Instant::now());
        roster.list(start, list(0..10), |_| Reach::Answers);
        for (second, gone) in steps.iter().enumerate() {
            let now = start + Duration::from_secs(second as u64);
            roster.list(now, list(*gone..10), |_| Reach::Answers);
        }
        assert!(roster.is_quarantined(), "{steps:?}");
        roster.review(start + QUARANTINE - Duration::from_secs(5), |_| Reach::Answers);
        assert_eq!(used(&roster), ports(0..10), "{steps:?}");
        roster.review(start + QUARANTINE + Duration::from_secs(5), |_| Reach::Answers);
        assert_eq!(used(&roster), ports(5..10), "{steps:?}");
        assert_eq!(roster.counts().quarantines, 1);
    }
}

#[test]
fn a_quarantine_keeps_those_that_were_never_tried() {
    let (mut roster, now) = (roster(), Instant::now());
    roster.list(now, list(0..4), |_| Reach::Unknown);
    roster.list(now, vec![], |_| Reach::Unknown);
    assert_eq!(used(&roster), ports(0..4));
    roster.review(now, |at| if *at == address(0) { Reach::Down } else { Reach::Unknown });
    assert_eq!(used(&roster), ports(1..4));
}

#[test]
fn half_of_all_that_are_down_are_no_reason_for_doubt() {
    let (mut roster, now) = (roster(), Instant::now());
    roster.list(now, list(0..10), |_| Reach::Answers);
    let reach = |at: &Address| if *at > address(4) { Reach::Answers } else { Reach::Down };
    roster.list(now, list(6..10), reach);
    assert!(!roster.is_quarantined());
    assert_eq!(used(&roster), ports(5..10), "only the one that answers is held");
}

/// The sessions of all servers expired, and they come back one by one.
#[test]
fn a_quarantine_ends_when_most_are_back_and_the_last_get_their_time() {
    let (mut roster, start) = (roster(), Instant::now());
    roster.list(start, list(0..4), |_| Reach::Answers);
    roster.list(start, vec![], |_| Reach::Answers);
    let later = start + Duration::from_secs(60);
    roster.list(later, list(0..2), |_| Reach::Answers);
    assert!(roster.is_quarantined());
    roster.list(later, list(0..3), |_| Reach::Answers);
    assert!(!roster.is_quarantined());
    roster.review(later + REMOVAL / 2, |_| Reach::Answers);
    assert_eq!(used(&roster), ports(0..4));
    roster.review(later + REMOVAL, |_| Reach::Answers);
    assert_eq!(used(&roster), ports(0..3));
}

/// A server whose session ended, and that an operator takes out of service.
#[test]
fn what_operators_decide_holds_for_those_that_are_held() {
    let (mut roster, now) = (roster(), Instant::now());
    let decided = |text: &str| Overrides::from_json(text.as_bytes()).unwrap();
    let draining = |roster: &Roster| -> Vec<Address> {
        let draining = roster.providers().filter(|provider| provider.endpoint.draining);
        draining.map(|provider| provider.endpoint.address).collect()
    };
    roster.list(now, list(0..4), |_| Reach::Answers);
    assert!(!roster.decide(decided(r#"{"overrides":{"h:4":{"weight":7}}}"#)), "the list says it");
    roster.list(now, list(1..4), |_| Reach::Answers);
    assert!(!roster.decide(decided(r#"{"overrides":{"h:9":{"draining":true}}}"#)), "nobody has this address");
    assert!(roster.decide(decided(r#"{"overrides":{"h:1":{"draining":true}}}"#)));
    assert_eq!((draining(&roster), roster.held()), (vec![address(0)], 1));
    assert!(roster.decide(Overrides::default()));
    assert_eq!((draining(&roster), roster.held()), (vec![], 1));
}

#[test]
fn without_patience_the_list_is_what_counts() {
    let mut roster = Roster::new(Patience { removal: Duration::ZERO, quarantine: Duration::ZERO });
    let now = Instant::now();
    roster.list(now, list(0..3), |_| Reach::Answers);
    roster.list(now, vec![], |_| Reach::Answers);
    assert_eq!((used(&roster), roster.counts()), (ports([]), RosterCounts::default()));
}

/// A server of the simulation.
#[derive(Clone, Copy, Default)]
struct Simulated {
    alive: bool,
    leaving: bool,
    /// What the registry says, which lags behind and errs.
    is_listed: bool,
    /// Since when it lives and is not listed.
    forgotten_at: Option<Instant>,
}

/// Servers come, die, leave, lose their sessions alone and all together, and get them back. Whatever happens: who is listed
/// is used; who is not and is down or leaves is not; nobody is held longer than a quarantine lasts; and as long as the
/// registry errs for less than that, somebody is used if anybody lives who was used before.
#[test]
fn a_thousand_clusters_keep_their_live_servers_and_lose_the_dead() {
    for seed in 0..1000 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let count = rng.usize(1..12);
        let mut cluster = vec![Simulated { alive: true, is_listed: true, ..Simulated::default() }; count];
        let (mut roster, mut now) = (roster(), Instant::now());
        for step in 0..100 {
            now += Duration::from_millis(rng.u64(1..5_000));
            let one = rng.usize(0..count);
            match rng.u32(0..20) {
                0 => cluster[one] = Simulated { is_listed: cluster[one].is_listed, ..Simulated::default() },
                1 => cluster[one].leaving = true,
                2 => cluster.iter_mut().for_each(|server| server.is_listed = false),
                3..6 => cluster[one].is_listed = false,
                6..8 => cluster[one] = Simulated { alive: true, is_listed: true, ..Simulated::default() },
                8..12 => cluster.iter_mut().for_each(|server| server.is_listed = server.alive),
                12 => cluster.iter_mut().filter(|server| !server.alive).for_each(|s| s.is_listed = false),
                _ => {}
            }
            let before = used(&roster);
            let reach = |at: &Address| match cluster[(0..count).find(|i| address(*i) == *at).unwrap()] {
                Simulated { leaving: true, .. } => Reach::Leaving,
                Simulated { alive: true, .. } => Reach::Answers,
                _ => Reach::Down,
            };
            if rng.bool() {
                roster.list(now, list((0..count).filter(|i| cluster[*i].is_listed)), reach);
                for server in &mut cluster {
                    let forgotten = !server.is_listed && server.alive;
                    server.forgotten_at = forgotten.then(|| server.forgotten_at.unwrap_or(now));
                }
            } else {
                roster.review(now, reach);
            }
            let (used, context) = (used(&roster), format!("seed {seed}, step {step}"));
            let listed: BTreeSet<_> = roster.listed.keys().cloned().collect();
            assert!(listed.is_subset(&used), "{context}");
            for (i, server) in cluster.iter().enumerate().filter(|(i, _)| !listed.contains(&address(*i))) {
                let is_used = used.contains(&address(i));
                assert!(!is_used || (server.alive && !server.leaving), "{context}: server {i} is used");
                // Each end of a quarantine may add the shorter time once more.
                let longest = QUARANTINE + REMOVAL + Duration::from_secs(5);
                let forgotten = server.forgotten_at.map_or(Duration::ZERO, |at| now - at);
                assert!(!is_used || forgotten <= longest, "{context}: server {i} is held for ever");
            }
            let errs_shortly = |server: &Simulated| {
                server.alive && !server.leaving && server.forgotten_at.is_none_or(|at| now - at < REMOVAL)
            };
            let could = (0..count).any(|i| before.contains(&address(i)) && errs_shortly(&cluster[i]));
            assert!(!could || !used.is_empty(), "{context}: nobody is left");
        }
    }
}
