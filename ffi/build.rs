//! Gives the shared library what a C library has and plain cargo leaves out.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libfast.so.1");
    // Threads and a fork hook outlive dlclose, so the code must stay.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // The linker makes symbols of its own for a dependency's sections; only fast_* may be seen from outside.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,start-stop-visibility=hidden");
}
