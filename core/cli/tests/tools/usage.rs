//! What all tools have in common.

use super::support::*;
use std::process::Command;

const TOOLS: [&str; 5] = ["fastcall", "fastserve", "fastbench", "fastctl", "fastd"];

#[test]
fn each_tool_has_help_and_a_version() {
    for tool in TOOLS {
        let help = run(tool, &["--help"]).data();
        assert!(help.contains(&format!("Usage: {tool}")) && help.contains("130 interrupted"), "{help}");
        let version = format!("{tool} {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(run(tool, &["--version"]).data(), version);
        assert_eq!(run("libfast-cli", &[tool, "--version"]).data(), version);
        assert_eq!(run(&format!("/some/where/{tool}"), &["--version"]).data(), version);
    }
    let help = run("libfast-cli", &["--help"]).data();
    assert!(TOOLS.iter().all(|tool| help.contains(tool)), "{help}");
}

#[test]
fn what_is_unknown_is_2_with_a_hint() {
    for (tool, args, hint) in [
        ("fastcall", &["--timout", "1s", "t", "m"][..], "--timeout"),
        ("fastserve", &["--anounce", "x"], "--announce"),
        ("fastbench", &["--slow", "p99<1ms", "t", "m"], "--slo"),
        ("fastctl", &["sl"], "--help"),
        ("fastctl", &[], "ls"),
        ("fastctl", &["ls", "--outptu", "json"], "--output"),
        ("libfast-cli", &["fastcal"], "fastcall"),
        ("libfast-cli", &[], "fastcall"),
        ("libfast-cli", &["fastcall", "--nonsense"], "--help"),
    ] {
        let ended = run(tool, args);
        assert_eq!((ended.code(), ended.stdout.as_str()), (2, ""), "{tool} {args:?}");
        assert!(ended.stderr.contains(hint), "{ended:?}");
    }
}

#[test]
fn tools_of_later_releases_say_so() {
    for args in [&[][..], &["-c", "10", "sync", "localhost", "2030"], &["--nonsense"]] {
        let ended = run("fastd", args);
        assert_eq!((ended.code(), ended.stdout.as_str()), (2, ""));
        assert_eq!(ended.stderr, "fastd is not part of this release yet\n");
    }
}

#[test]
fn the_environment_chooses_a_format_and_an_option_another() {
    let folder = tempfile::tempdir().unwrap();
    let target = format!("dir://{}", folder.path().display());
    let ls = |args: &[&str], format| {
        finish(start(tool("fastctl").args(["ls", &target]).args(args).env("FAST_OUTPUT", format)))
    };
    assert!(ls(&[], "json").data().starts_with("{\"schema\":"));
    assert!(ls(&["-o", "json"], "table").data().starts_with("{\"schema\":"));
    assert_eq!(ls(&[], "auto").data(), ls(&[], "table").data());
    let ended = ls(&[], "colour");
    assert!(ended.code() == 2 && ended.stderr.starts_with("fastctl: invalid value 'colour'"), "{ended:?}");
}

#[test]
fn links_give_the_binary_its_names_and_can_be_made_again() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_libfast-cli"), folder.path().join("libfast-cli")).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/install-links.sh");
    for _ in 0..2 {
        finish(start(Command::new(script).arg(folder.path()))).data();
    }
    for tool in TOOLS {
        let ended = finish(start(Command::new(folder.path().join(tool)).arg("--version")));
        assert_eq!(ended.data(), format!("{tool} {}\n", env!("CARGO_PKG_VERSION")));
    }
    assert_eq!(finish(start(Command::new(script).arg("/nowhere"))).code(), 2);
}
