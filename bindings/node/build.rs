//! Links the addon as Node wants it.

fn main() {
    napi_build::setup();
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // I/O threads outlive the environment that loaded the addon: its image must stay mapped when a worker exits.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
