//! One asks the registry, and the others read what it wrote.

use super::*;

const REFRESH: Duration = Duration::from_millis(20);

fn leading(folder: &Path) -> CacheSettings {
    CacheSettings { lead: true, ..settings(folder) }
}

#[tokio::test]
async fn one_leads_the_others_read_what_it_wrote_and_one_of_them_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let settings = leading(folder.path());
    let told = Told::new(Resolution::Bound(providers(1..3)));
    let mut leader = watch_cached(&told, &settings);
    until(&mut leader, 1..3).await;
    let mut followers = [watch_cached(&told, &settings), watch_cached(&told, &settings)];
    for follower in &mut followers {
        until(follower, 1..3).await;
    }
    told.sender.send_replace(Resolution::Bound(providers(1..6)));
    for follower in &mut followers {
        until(follower, 1..6).await;
        assert!(follower.condition().borrow().stale_since.is_none());
    }
    assert_eq!(told.asked(), 1, "the others ask nobody");
    drop(leader);
    let limit = Instant::now() + LONG;
    while told.asked() < 2 {
        assert!(Instant::now() < limit, "nobody took over");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    told.sender.send_replace(Resolution::Bound(providers(1..9)));
    for follower in &mut followers {
        until(follower, 1..9).await;
    }
    assert_eq!(told.asked(), 2);
}

/// As the child of a leader that forked before it had written its list.
#[tokio::test]
async fn who_cannot_ask_waits_for_the_list_of_another_and_follows_it() {
    let folder = tempfile::tempdir().unwrap();
    let settings = leading(folder.path());
    let reading = CacheSettings { can_ask: false, ..settings.clone() };
    let (unusable, told) = (Told::new(away()), Told::new(Resolution::Pending));
    let mut reader = watch_cached(&unusable, &reading);
    let _leader = watch_cached(&told, &settings);
    let limit = Instant::now() + LONG;
    while told.asked() < 1 {
        assert!(Instant::now() < limit, "nobody leads");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    told.sender.send_replace(Resolution::Bound(providers(1..3)));
    reader.changed().await;
    let first = reader.current();
    assert!(matches!(&first, Resolution::Bound(list) if *list == providers(1..3)), "{first:?}");
    told.sender.send_replace(Resolution::Bound(providers(1..5)));
    until(&mut reader, 1..5).await;
    assert_eq!(reader.condition().borrow().stale_since, None, "its leader confirms it");

    let nobody = CacheSettings { folder: folder.path().join("empty"), ..reading };
    let mut reader = watch_cached(&unusable, &nobody);
    reader.changed().await;
    assert!(matches!(reader.current(), Resolution::Failed(_)), "{:?}", reader.current());
}

/// As when somebody cleans up the folder. The one that led goes on with what the next one writes.
#[tokio::test]
async fn of_those_who_lead_after_the_lock_was_removed_one_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let settings = leading(folder.path());
    let told = Told::new(Resolution::Bound(providers(1..3)));
    let times = Times { refresh: Duration::from_millis(50), ..Times::new(true) };
    let watch = || cached(&told, &settings).watch_at(&service(), times);
    let mut first = watch();
    until(&mut first, 1..3).await;
    let mut second = watch();
    until(&mut second, 1..3).await;
    assert_eq!((told.asked(), told.sender.receiver_count()), (1, 1));

    let limit = Instant::now() + LONG;
    // The leader writes into it meanwhile.
    while let Err(error) = fs::remove_dir_all(&settings.folder) {
        assert!(Instant::now() < limit, "{error}");
    }
    while told.asked() < 2 || told.sender.receiver_count() > 1 {
        assert!(Instant::now() < limit, "{} ask of {}", told.sender.receiver_count(), told.asked());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    told.sender.send_replace(Resolution::Bound(providers(1..9)));
    until(&mut first, 1..9).await;
    until(&mut second, 1..9).await;
}

/// A server that stops drains and leaves the list within less than what passes between two readings of the file. Readers
/// that miss the first would hold on to it.
#[tokio::test]
async fn those_who_read_the_file_hear_that_a_server_stops_before_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let settings = leading(folder.path());
    let told = Told::new(Resolution::Bound(providers(1..4)));
    let mut leader = watch_cached(&told, &settings);
    until(&mut leader, 1..4).await;
    let mut follower = watch_cached(&told, &settings);
    until(&mut follower, 1..4).await;

    let mut stopping = providers(1..4);
    stopping[1].endpoint.draining = true;
    told.sender.send_replace(Resolution::Bound(stopping.clone()));
    until_list(&mut leader, &stopping).await;
    let rest = providers([1, 3]);
    told.sender.send_replace(Resolution::Bound(rest.clone()));
    until_list(&mut leader, &rest).await;
    until_list(&mut follower, &stopping).await;
    until_list(&mut follower, &rest).await;
    // One that is back is no more on its way out.
    told.sender.send_replace(Resolution::Bound(stopping.clone()));
    until_list(&mut leader, &stopping).await;
    told.sender.send_replace(Resolution::Bound(providers(1..4)));
    until(&mut follower, 1..4).await;
}

/// A client calls those on that vanish without a word, and operators must be able to take them out of service.
#[tokio::test]
async fn those_who_read_the_file_hear_what_operators_decide_about_whomever() {
    let folder = tempfile::tempdir().unwrap();
    let settings = leading(folder.path());
    let told = Told::new(Resolution::Bound(providers(1..3)));
    let mut leader = watch_cached(&told, &settings);
    until(&mut leader, 1..3).await;
    let mut follower = watch_cached(&told, &settings);
    until(&mut follower, 1..3).await;
    assert_eq!(*follower.overrides().borrow(), Overrides::default());

    let decided = Overrides::from_json(br#"{"overrides":{"h:9":{"weight":0,"draining":true}}}"#).unwrap();
    for decision in [decided.clone(), Overrides::default(), decided.clone()] {
        told.overrides.send_replace(decision.clone());
        let mut heard = follower.overrides();
        let hears = heard.wait_for(|known| *known == decision);
        tokio::time::timeout(LONG, hears).await.expect("it is heard in time").unwrap();
    }
    // Also by those who start while nobody answers.
    drop((leader, follower));
    let settings = CacheSettings { lead: false, ..settings };
    let mut later = watch_cached(&Told::new(away()), &settings);
    until(&mut later, 1..3).await;
    assert_eq!(*later.overrides().borrow(), decided);
}

/// A leader that hangs keeps the lead; one whose registry is away confirms nothing.
#[tokio::test]
async fn a_followers_list_is_stale_when_its_leader_confirms_it_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let settings = leading(folder.path());
    let file = file(&settings);
    let _hanging = Lead::take(file.path()).unwrap().expect("nobody has it");
    file.save(&providers(1..3), &Overrides::default(), RECENT).unwrap();
    let told = Told::new(Resolution::Pending);
    let times = Times { left: Duration::from_millis(200), ..Times::new(true) };
    let mut follower = cached(&told, &settings).watch_at(&service(), times);
    until(&mut follower, 1..3).await;
    until_condition(&follower, |condition| condition.stale_since.is_some()).await;
    // Again and again: one that takes its time to be written is old when it is read.
    let confirmed = async {
        while follower.condition().borrow().stale_since.is_some() {
            file.save(&providers(1..3), &Overrides::default(), Duration::ZERO).unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, confirmed).await.expect("it is confirmed");
    assert_eq!(told.asked(), 0);
}

#[tokio::test]
async fn a_follower_without_a_list_says_who_is_to_write_it_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let settings = leading(folder.path());
    let file = file(&settings);
    let hanging = Lead::take(file.path()).unwrap().expect("nobody has it");
    let told = Told::new(Resolution::Bound(providers(1..9)));
    let times = Times { silence: Duration::from_millis(50), ..Times::new(true) };
    let watch = || cached(&told, &settings).watch_at(&service(), times);
    let [mut follower, mut heir] = [watch(), watch()];
    for watch in [&mut follower, &mut heir] {
        let failed = tokio::time::timeout(LONG, watch.changed()).await.expect("it gives up waiting");
        let Resolution::Failed(error) = failed else { panic!("{failed:?}") };
        let leader = format!("process {}", std::process::id());
        assert!(error.message().contains(&leader), "{error}");
        assert!(error.message().contains("zk://h:1/fast/calc"), "{error}");
    }
    assert_eq!(told.asked(), 0);
    file.save(&providers(1..3), &Overrides::default(), RECENT).unwrap();
    until(&mut follower, 1..3).await;
    drop(hanging);
    until(&mut follower, 1..9).await;
    until(&mut heir, 1..9).await;
    assert_eq!(told.asked(), 1);
}

/// The folder may be one that others can write to.
#[test]
fn a_lock_that_somebody_else_put_there_costs_no_file_of_the_user() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("calc.json");
    let (lock, precious) = (folder.path().join("calc.lock"), folder.path().join("precious"));
    fs::write(&precious, "text").unwrap();
    std::os::unix::fs::symlink(&precious, &lock).unwrap();
    assert!(Lead::take(&list).unwrap_err().message().contains("cannot be locked"));
    fs::remove_file(&lock).unwrap();
    fs::hard_link(&precious, &lock).unwrap();
    assert!(Lead::take(&list).unwrap().is_some());
    assert_eq!(fs::read_to_string(&precious).unwrap(), "text");
    fs::remove_file(&lock).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &lock, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert!(Lead::take(&list).is_err());
    assert_eq!(Lead::holder(&list), None);
    fs::remove_file(&lock).unwrap();
    let _lead = Lead::take(&list).unwrap().unwrap();
    assert_eq!(Lead::holder(&list), Some(std::process::id()));
}

/// Otherwise they could not tell it from a leader that hangs.
#[tokio::test]
async fn those_who_have_no_list_hear_that_nobody_is_listed_and_others_keep_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let settings = leading(folder.path());
    let told = Told::new(Resolution::Absent);
    let _leader = watch_cached(&told, &settings);
    until_written(&settings, &[]).await;
    let mut follower = watch_cached(&told, &settings);
    let absent = tokio::time::timeout(LONG, follower.changed()).await.expect("it is told");
    assert!(matches!(absent, Resolution::Absent), "{absent:?}");
    assert!(follower.condition().borrow().stale_since.is_none());
    told.sender.send_replace(Resolution::Bound(providers(1..3)));
    until(&mut follower, 1..3).await;
    // Who starts and finds a list believes that rather than that there is nobody.
    let other = tempfile::tempdir().unwrap();
    let settings = CacheSettings { folder: other.path().join("made"), ..settings };
    file(&settings).save(&providers(1..3), &Overrides::default(), RECENT).unwrap();
    let told = Told::new(Resolution::Absent);
    let mut leader = watch_cached(&told, &settings);
    if !matches!(leader.current(), Resolution::Absent) {
        leader.changed().await;
    }
    let mut follower = watch_cached(&told, &settings);
    until(&mut follower, 1..3).await;
    // And those who start while nobody answers hear no more than that.
    let settings = CacheSettings { lead: false, ..settings };
    file(&settings).save(&[], &Overrides::default(), RECENT).unwrap();
    let mut later = watch_cached(&Told::new(away()), &settings);
    assert!(matches!(later.changed().await, Resolution::Failed(_)));
}

#[tokio::test]
async fn a_leader_confirms_its_list_while_its_registry_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (settings, told, leader) = confirming(folder.path()).await;
    let away = Condition { stale_since: Some(Instant::now()), ..Condition::default() };
    told.conditions.send_replace(away);
    until_condition(&leader, |condition| *condition == away).await;
    until_not_confirmed(&settings).await;
}

#[tokio::test]
async fn a_list_that_its_registry_denies_is_not_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let (settings, told, mut leader) = confirming(folder.path()).await;
    told.sender.send_replace(Resolution::Absent);
    while !matches!(leader.current(), Resolution::Absent) {
        leader.changed().await;
    }
    until_not_confirmed(&settings).await;
    // It says so again.
    let version = file(&settings).version();
    told.sender.send_replace(Resolution::Bound(providers(1..3)));
    until_file(&settings, |file| file.version() != version).await;
}

/// A leader that confirms its list again and again.
async fn confirming(folder: &Path) -> (CacheSettings, Told, Watch) {
    let settings = leading(folder);
    let told = Told::new(Resolution::Bound(providers(1..3)));
    let times = Times { refresh: REFRESH, ..Times::new(true) };
    let leader = cached(&told, &settings).watch_at(&service(), times);
    until_written(&settings, &providers(1..3)).await;
    for _ in 0..3 {
        let version = file(&settings).version();
        until_file(&settings, |file| file.version() != version).await;
    }
    (settings, told, leader)
}

async fn until_not_confirmed(settings: &CacheSettings) {
    // One may be under way.
    let limit = Instant::now() + LONG;
    let mut version = file(settings).version();
    loop {
        tokio::time::sleep(REFRESH * 5).await;
        if file(settings).version() == version {
            break;
        }
        version = file(settings).version();
        assert!(Instant::now() < limit, "it goes on confirming");
    }
}
