//! Who may do what, and what those hear who may not.

mod support;

use libfast_model::{ZooKeeperAccess, ZooKeeperAcl};
use libfast_registry::{AnnouncementState, Announcer, Resolution, Resolver, Role};
use libfast_testkit::{Secrets, ZooKeeper, ZooKeeperSettings};
use libfast_zookeeper::ZooKeeperRegistry;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use support::*;
use zookeeper_client::{Acl, Acls, AuthId, Client, CreateMode, Error as ZkError, Permission, SaslOptions};

const PASSWORD: &str = "correct-horse-battery-staple";
/// Within which an operator hears what is wrong.
const TOLD: Duration = Duration::from_secs(5);

static SECRETS: LazyLock<Secrets> = LazyLock::new(|| Secrets::new().unwrap());

/// Knows one user of SASL; everybody can have digest credentials.
static SERVER: LazyLock<ZooKeeper> =
    LazyLock::new(|| SECRETS.with_sasl(ZooKeeperSettings::default(), "fleet", PASSWORD).start().unwrap());

/// Has a port with TLS, too, whose address comes with it.
static SECURED: LazyLock<(ZooKeeper, String)> = LazyLock::new(|| {
    let (settings, address) = SECRETS.with_tls(ZooKeeperSettings::default()).unwrap();
    (settings.start().unwrap(), address)
});

/// The latter, once it can be used: the port with TLS opens after the other one.
async fn secured() -> &'static (ZooKeeper, String) {
    let registry = open(&SECURED.1, "/awaited", tls_access());
    until_state(&registry.announce(&service("calc"), Role::Provider, record(1)), is_registered).await;
    &SECURED
}

/// What a session is opened with, as a file that an option names.
fn access(file: &str, text: &str) -> ZooKeeperAccess {
    ZooKeeperAccess { auth_file: SECRETS.file(file, text), ..ZooKeeperAccess::from(Duration::from_secs(10)) }
}

fn tls_access() -> ZooKeeperAccess {
    ZooKeeperAccess {
        ca_file: SECRETS.ca_file(),
        cert_file: SECRETS.cert_file(),
        key_file: SECRETS.key_file(),
        ..ZooKeeperAccess::from(Duration::from_secs(10))
    }
}

fn open(address: &str, root: &str, access: ZooKeeperAccess) -> ZooKeeperRegistry {
    logged::keep();
    ZooKeeperRegistry::open(&[address.to_owned()], root, access)
}

/// Also what ZooKeeper's client logs for those who look for defects must not hold it.
fn assert_kept() {
    let logged = logged::so_far();
    let line = logged.lines().find(|line| line.contains(PASSWORD));
    assert_eq!(line, None);
    assert!(!logged.is_empty(), "warnings at least");
}

/// Announces, and gives what an operator is told instead.
async fn told(registry: &ZooKeeperRegistry) -> String {
    let start = Instant::now();
    let announcement = registry.announce(&service("refused"), Role::Provider, record(1));
    let error = tokio::time::timeout(LIMIT, announcement.registered()).await.unwrap().unwrap_err();
    assert!(start.elapsed() < TOLD, "told after {:?}", start.elapsed());
    assert!(!error.to_string().contains(PASSWORD), "{error}");
    assert_kept();
    error.to_string()
}

/// Nobody but its owner can take a server off the list: that is judged on the parent, whatever the ACL of the node.
#[tokio::test]
async fn strangers_can_read_but_neither_create_nor_delete() {
    let address = SERVER.connect_string();
    for (name, credentials) in [("digest", "digest fleet:"), ("sasl", "sasl fleet:")] {
        let root = format!("/acl-{name}/fast");
        let registry = open(&address, &root, access(name, &format!("{credentials}{PASSWORD}\n")));
        let announcement = announced(&registry, "calc", 1).await;
        announcement.change(|record| record.weight = 7).await.unwrap();

        let stranger = Client::connect(&address).await.unwrap();
        let folder = format!("{root}/calc/providers");
        let names = stranger.list_children(&folder).await.unwrap();
        let node = format!("{folder}/{}", names[0]);
        stranger.get_data(&node).await.unwrap();
        assert_eq!(stranger.delete(&node, None).await, Err(ZkError::NoAuth));
        assert_eq!(stranger.set_data(&node, b"", None).await.map(drop), Err(ZkError::NoAuth));
        let options = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
        for path in [folder.clone(), format!("{root}/calc"), root.clone()] {
            let created = stranger.create(&format!("{path}/mine"), b"", &options).await;
            assert_eq!(created.map(drop), Err(ZkError::NoAuth), "{path}");
        }
        // A client without credentials finds the server all the same.
        let mut watch = open(&address, &root, Duration::from_secs(10).into()).watch(&service("calc"));
        until_listed(&mut watch, &[1]).await;
        announcement.withdraw().await;
        assert_kept();
        assert_eq!(stranger.list_children(&folder).await.unwrap().len(), 0);
    }
}

#[tokio::test]
async fn private_nodes_are_for_those_with_the_same_credentials() {
    let address = SERVER.connect_string();
    let mut fleet = access("private", &format!("digest fleet:{PASSWORD}"));
    fleet.acl = ZooKeeperAcl::Private;
    let registry = open(&address, "/private", fleet.clone());
    let _announcement = announced(&registry, "calc", 1).await;
    until_listed(&mut open(&address, "/private", fleet).watch(&service("calc")), &[1]).await;
    let mut stranger = open(&address, "/private", Duration::from_secs(10).into()).watch(&service("calc"));
    let failed = until(&mut stranger, |found| matches!(found, Resolution::Failed(_))).await;
    let Resolution::Failed(error) = failed else { unreachable!() };
    assert!(error.message().contains("not authorized"), "{error}");
}

#[tokio::test]
async fn without_credentials_nodes_are_open() {
    let registry = open(&SERVER.connect_string(), "/open", Duration::from_secs(10).into());
    let _announcement = announced(&registry, "calc", 1).await;
    let (acl, _) = raw(&SERVER).await.get_acl("/open/calc/providers").await.unwrap();
    assert_eq!((acl.len(), acl[0].permission()), (1, Permission::ALL));
}

/// As of a store of secrets, which only its own client can ask.
#[tokio::test]
async fn a_program_is_asked_for_the_credentials_of_each_session() {
    let mut server = ZooKeeper::start().unwrap();
    let asked = SECRETS.file("asked", "");
    let store = SECRETS.file("store", &format!("echo once >> $1\necho digest fleet:{PASSWORD}\n"));
    let helped = ZooKeeperAccess {
        auth_command: format!("sh {store} {asked}"),
        ..ZooKeeperAccess::from(Duration::from_secs(4))
    };
    let registry = open(&server.connect_string(), "/helped", helped);
    let announcement = registry.announce(&service("calc"), Role::Provider, record(1));
    announcement.registered().await.unwrap();
    let times = || std::fs::read_to_string(&asked).unwrap().lines().count();
    assert_eq!(times(), 1);
    let client = Client::connect(&server.connect_string()).await.unwrap();
    let (acl, _) = client.get_acl("/helped/calc/providers").await.unwrap();
    assert!(acl.iter().any(|acl| acl.scheme() == "digest" && acl.id().starts_with("fleet:")), "{acl:?}");

    // One that knows nothing of the session: another one begins.
    server.forget().unwrap();
    server.restart().unwrap();
    let limit = Instant::now() + LIMIT;
    while times() < 2 {
        assert!(Instant::now() < limit, "it is not asked again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    until_state(&announcement, is_registered).await;
    assert_kept();
}

#[tokio::test]
async fn a_program_that_tells_no_credentials_is_named_and_tried_again() {
    let address = SERVER.connect_string();
    let store = SECRETS.file("sealed", "echo sealed >&2; exit 7");
    let helped = |command: String| ZooKeeperAccess {
        auth_command: command,
        ..ZooKeeperAccess::from(Duration::from_secs(10))
    };
    let registry = open(&address, "/sealed", helped(format!("sh {store} {PASSWORD}")));
    let error = told(&registry).await;
    assert!(error.contains(r#"option "zookeeper_auth_command": "sh" failed with exit status: 7"#), "{error}");
    let announcement = registry.announce(&service("calc"), Role::Provider, record(1));
    std::fs::write(&store, format!("echo digest fleet:{PASSWORD}")).unwrap();
    until_state(&announcement, is_registered).await;

    for (command, why) in [
        ("/nowhere/store", r#""/nowhere/store" cannot be run: No such file"#),
        ("true", "there are no credentials in it"),
        ("echo fleet", "line 1 is neither"),
        ("sleep 60", r#""sleep" did not end within 4 s"#),
    ] {
        let error = told(&open(&address, "/sealed", helped(command.into()))).await;
        assert!(error.contains(why), "{error}");
    }
    let both = ZooKeeperAccess { auth_file: SECRETS.file("both", ""), ..helped("true".into()) };
    let error = told(&open(&address, "/sealed", both)).await;
    assert!(error.contains("choose one"), "{error}");
}

/// Whatever is wrong is told in time, with what to do, without the secret, and heals when it is put right.
#[tokio::test]
async fn wrong_credentials_are_told_and_heal() {
    let address = SERVER.connect_string();
    let owner = open(&address, "/owned", access("owner", &format!("digest owner:{PASSWORD}")));
    let _first = announced(&owner, "refused", 9).await;

    // A wrong digest is an identity like any other, so only what it may not do tells.
    let wrong = access("wrong-digest", &format!("digest owner:not-{PASSWORD}"));
    let error = told(&open(&address, "/owned", wrong)).await;
    assert!(error.contains("not authorized") && error.contains("zookeeper_auth_file"), "{error}");

    let file = access("wrong-sasl", &format!("sasl fleet:not-{PASSWORD}"));
    let registry = open(&address, "/sasl", file);
    let announcement = registry.announce(&service("refused"), Role::Provider, record(1));
    let error = tokio::time::timeout(TOLD, announcement.registered()).await.unwrap().unwrap_err();
    assert!(
        error.message().contains("refuses the") && error.message().contains("zookeeper_auth_file"),
        "{error}"
    );
    // The file is read anew; nobody has to start anything again.
    SECRETS.file("wrong-sasl", &format!("sasl fleet:{PASSWORD}"));
    until_state(&announcement, is_registered).await;
    assert_kept();
}

/// ZooKeeper on Netty now and then answers what its client said of itself before it has said that there is a session.
#[tokio::test]
async fn who_has_the_right_password_is_never_told_that_it_is_wrong() {
    let settings = SECRETS.with_sasl(ZooKeeperSettings::default(), "fleet", PASSWORD);
    let (settings, _) = SECRETS.with_tls(settings).unwrap();
    let server = settings.start().unwrap();
    for scheme in ["sasl", "digest"] {
        let access = access(&format!("right-{scheme}"), &format!("{scheme} fleet:{PASSWORD}"));
        for _ in 0..10 {
            let registry = open(&server.connect_string(), &format!("/{scheme}"), access.clone());
            let announcement = registry.announce(&service("calc"), Role::Provider, record(1));
            tokio::time::timeout(LIMIT, announcement.registered()).await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn files_that_cannot_be_used_are_told_with_their_names() {
    let address = SERVER.connect_string();
    let missing = ZooKeeperAccess { auth_file: "/nowhere/secret".into(), ..ZooKeeperAccess::default() };
    let error = told(&open(&address, "/files", missing)).await;
    assert!(error.contains("zookeeper_auth_file") && error.contains("/nowhere/secret"), "{error}");
    let error = told(&open(&address, "/files", access("torn", PASSWORD))).await;
    assert!(error.contains("torn: line 1"), "{error}");
    let no_ca = ZooKeeperAccess { ca_file: SECRETS.key_file(), ..ZooKeeperAccess::default() };
    let error = told(&open(&address, "/files", no_ca)).await;
    assert!(error.contains("zookeeper_ca_file") && error.contains("no certificate"), "{error}");
    let no_key = ZooKeeperAccess { key_file: SECRETS.cert_file(), ..tls_access() };
    let error = told(&open(&address, "/files", no_key)).await;
    assert!(error.contains("zookeeper_key_file") && error.contains("no key"), "{error}");
    let half = ZooKeeperAccess { key_file: String::new(), ..tls_access() };
    let error = told(&open(&address, "/files", half)).await;
    assert!(error.contains("needs zookeeper_key_file"), "{error}");
}

/// The certificate is a credential, too: nodes are for its owner.
#[tokio::test]
async fn tls_with_a_client_certificate_works_and_protects() {
    let (plain, address) = secured().await;
    let registry = open(address, "/tls", tls_access());
    let _announcement = announced(&registry, "calc", 1).await;
    until_listed(&mut registry.watch(&service("calc")), &[1]).await;
    let stranger = raw(plain).await;
    let names = stranger.list_children("/tls/calc/providers").await.unwrap();
    let deleted = stranger.delete(&format!("/tls/calc/providers/{}", names[0]), None).await;
    assert_eq!(deleted, Err(ZkError::NoAuth));
}

#[tokio::test]
async fn what_is_wrong_with_tls_is_told() {
    let (plain, address) = secured().await;
    let other_ca = ZooKeeperAccess { ca_file: SECRETS.other_ca_file(), ..tls_access() };
    let error = told(&open(address, "/tls-wrong", other_ca)).await;
    assert!(error.contains("UnknownIssuer") && error.contains("zookeeper_ca_file"), "{error}");
    let nobody = ZooKeeperAccess { cert_file: String::new(), key_file: String::new(), ..tls_access() };
    let error = told(&open(address, "/tls-wrong", nobody)).await;
    assert!(error.contains("zookeeper_cert_file"), "{error}");
    let error = told(&open(&plain.connect_string(), "/tls-wrong", tls_access())).await;
    assert!(error.contains("TLS fails"), "{error}");
    let error = told(&open(address, "/tls-wrong", Duration::from_secs(10).into())).await;
    assert!(error.contains("no session"), "{error}");
}

/// What an operator put there for the fleet, before any server of it came.
#[tokio::test]
async fn a_root_that_was_made_for_the_fleet_is_used() {
    let address = SERVER.connect_string();
    let sasl = SaslOptions::digest_md5("fleet", PASSWORD);
    let operator = Client::connector().with_sasl(sasl).connect(&address).await.unwrap();
    let options = CreateMode::Persistent.with_acls(Acls::creator_all());
    operator.mkdir("/prepared/fast", &options).await.unwrap();
    let fleet = access("fleet", &format!("sasl fleet:{PASSWORD}"));
    let registry = open(&address, "/prepared/fast", fleet);
    registry.announce(&service("calc"), Role::Provider, record(1)).registered().await.unwrap();
    // To others it is closed, and that is told.
    let error = told(&open(&address, "/prepared/fast", Duration::from_secs(10).into())).await;
    assert!(error.contains("not authorized"), "{error}");
    let nobody = open(&address, "/prepared/fast", Duration::from_secs(10).into());
    let announcement = nobody.announce(&service("calc"), Role::Consumer, record(1));
    until_state(&announcement, |state| matches!(state, AnnouncementState::Failed(_))).await;
}

/// Folders keep the ACL that they were made with, and whoever made them.
#[tokio::test]
async fn an_inspection_sees_whose_the_nodes_of_a_service_are_and_touches_nothing() {
    let address = SERVER.connect_string();
    let fleet = open(&address, "/looked-at", access("fleet-looks", &format!("digest fleet:{PASSWORD}")));
    let entries = ["closed", "hole"].map(|name| fleet.announce(&service(name), Role::Provider, record(1)));
    for entry in &entries {
        entry.registered().await.unwrap();
    }
    let providers = "/looked-at/hole/providers";
    let owner = Client::connector().with_auth("digest", format!("fleet:{PASSWORD}").as_bytes());
    let owner = owner.connect(&address).await.unwrap();
    owner.set_acl(providers, &[Acl::new(Permission::ALL, AuthId::anyone())], None).await.unwrap();
    let before = owner.check_stat(providers).await.unwrap();

    let closed = fleet.inspect_service(&service("closed")).await.unwrap();
    assert!(closed.open.is_empty() && closed.announcing.is_ok(), "{closed:?}");
    let hole = fleet.inspect_service(&service("hole")).await.unwrap();
    let open_nodes: Vec<_> = hole.open.iter().map(|(node, _)| node.as_str()).collect();
    assert!(open_nodes == [providers] && hole.announcing.is_ok(), "{hole:?}");
    assert!(hole.open[0].1.contains("DELETE"), "{hole:?}");
    let absent = fleet.inspect_service(&service("absent")).await.unwrap();
    assert!(absent.open.is_empty() && absent.announcing.is_ok(), "{absent:?}");
    // Clients that watch the list would have read it again.
    assert_eq!(owner.check_stat(providers).await.unwrap(), before);

    // To others, what is closed cannot be announced in, although anybody can read it.
    let other = open(&address, "/looked-at", access("other-looks", &format!("digest other:{PASSWORD}")));
    let closed = other.inspect_service(&service("closed")).await.unwrap();
    let error = closed.announcing.unwrap_err();
    assert!(error.message().contains("/looked-at/closed/providers/"), "{error}");
    assert!(error.message().contains("not authorized"), "{error}");
    assert!(other.inspect_service(&service("hole")).await.unwrap().announcing.is_ok());
}

/// Whoever is quick sees the node that is made to look whether one can be made.
#[tokio::test]
async fn what_an_inspection_makes_for_a_moment_is_no_more_open_than_anything_else() {
    let address = SERVER.connect_string();
    let registry = open(&address, "/inspected", access("inspected", &format!("digest fleet:{PASSWORD}")));
    let _announcement = announced(&registry, "calc", 1).await;
    let inspecting = tokio::spawn(async move {
        loop {
            let found = registry.inspect().await.unwrap().root.unwrap();
            assert!(found.announcing.is_ok() && found.clock_ahead_ms.is_some(), "{found:?}");
        }
    });
    let stranger = Client::connect(&address).await.unwrap();
    let made = async || {
        let names = stranger.list_children("/inspected").await.unwrap();
        names.into_iter().find(|name| name != "calc")
    };
    let caught = async {
        loop {
            if let Some(name) = made().await
                && let Ok((acl, _)) = stranger.get_acl(&format!("/inspected/{name}")).await
            {
                return acl;
            }
        }
    };
    let acl = tokio::time::timeout(LIMIT, caught).await.unwrap();
    let world: Vec<_> =
        acl.iter().filter(|acl| acl.scheme() == "world").map(|acl| acl.permission()).collect();
    assert_eq!((acl.len(), world), (2, vec![Permission::READ]));
    // Nor does it stay if nobody waits for the answer any more.
    inspecting.abort();
    let gone = async { while made().await.is_some() {} };
    tokio::time::timeout(LIMIT, gone).await.unwrap();
}
