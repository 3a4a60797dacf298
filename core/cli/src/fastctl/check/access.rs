//! Who may do what in ZooKeeper, and its clock.

use super::SESSION;
use super::item::Item;
use libfast::ServiceName;
use libfast_zookeeper::{Inspection, RootInspection, ServiceInspection};

/// What ZooKeeper's own leases and people who compare logs can live with.
const CLOCKS_DIFFER_MS: i64 = 500;
const ANNOUNCING: &str = "announcing";
const ACL: &str = "acl";

/// The session, the root and the clock.
pub fn of_registry(name: &str, inspection: Option<Inspection>) -> Vec<Item> {
    let Some(Inspection { session_timeout, root }) = inspection else {
        return vec![Item::ok(SESSION, name, "can be read")];
    };
    let mut items =
        vec![Item::ok(SESSION, name, format!("open, timeout {} ms", session_timeout.as_millis()))];
    let Some(root) = root else {
        items.push(Item::ok(
            "root",
            name,
            "is not there yet; the first server that announces itself makes it",
        ));
        return items;
    };
    items.push(match &root.announcing {
        Ok(()) => Item::ok(ANNOUNCING, name, "is allowed"),
        Err(error) => {
            Item::warning(ANNOUNCING, name, error.message(), "servers need CREATE and DELETE at the root")
        }
    });
    items.push(match root.anybody_may.as_str() {
        "" => Item::ok(ACL, name, "nobody may change the root without credentials"),
        may => Item::warning(
            ACL,
            name,
            format!("anybody who reaches ZooKeeper may {may} at the root"),
            "give servers credentials and the root an ACL, unless the network keeps strangers out",
        ),
    });
    if let Some(ahead) = root.clock_ahead_ms {
        let detail = format!("{ahead} ms ahead of this machine's, within {} ms", root.uncertain_ms);
        let differs = ahead.saturating_abs().saturating_sub(root.uncertain_ms) > CLOCKS_DIFFER_MS;
        items.push(match differs {
            false => Item::ok("clock", name, detail),
            true => Item::warning("clock", name, detail, "synchronise the clocks, as with chrony"),
        });
    }
    items
}

/// The nodes of a service, which keep the ACL that they were made with. What is so at the root, too, is said there.
pub fn of_service(service: &ServiceName, found: &ServiceInspection, root: &RootInspection) -> Vec<Item> {
    let mut items = Vec::new();
    match &found.announcing {
        Ok(()) => items.push(Item::ok(ANNOUNCING, service, "is allowed")),
        Err(error) if root.announcing.is_ok() => items.push(Item::warning(
            ANNOUNCING,
            service,
            error.message(),
            "servers need CREATE and DELETE at the list: other credentials made it, set its ACL",
        )),
        Err(_) => {}
    }
    let holes = found.open.iter().filter(|(_, may)| *may != root.anybody_may);
    let holes: Vec<_> = holes.map(|(node, may)| format!("{may} at {node}")).collect();
    if found.open.is_empty() {
        items.push(Item::ok(ACL, service, "nobody may change its nodes without credentials"));
    } else if !holes.is_empty() {
        let detail = format!("anybody who reaches ZooKeeper may {}", holes.join(", "));
        items.push(Item::warning(ACL, service, detail, "set the ACL of these nodes, as that of the root"));
    }
    items
}
