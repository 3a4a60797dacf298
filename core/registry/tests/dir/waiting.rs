//! Waiting for what must happen, with a generous limit and no sleeping.

use libfast_registry::{Resolution, Watch};
use std::time::Duration;

/// Fails a test that waits for something that does not come.
pub async fn in_time<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("what was waited for did not come")
}

pub async fn until(watch: &mut Watch, wanted: impl Fn(&Resolution) -> bool) {
    in_time(async {
        while !wanted(&watch.current()) {
            watch.changed().await;
        }
    })
    .await;
}

pub async fn absent(watch: &mut Watch) {
    until(watch, |now| matches!(now, Resolution::Absent)).await;
}

/// Waits until so many providers are listed, and returns their addresses.
pub async fn bound(watch: &mut Watch, count: usize) -> Vec<String> {
    until(watch, |now| matches!(now, Resolution::Bound(list) if list.len() == count)).await;
    let Resolution::Bound(list) = watch.current() else { panic!("was bound") };
    list.iter().map(|provider| provider.endpoint.address.to_string()).collect()
}

/// For what nothing reports: asks again and again.
pub async fn condition(wanted: impl Fn() -> bool) {
    in_time(async {
        while !wanted() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
