//! Sets the cfg `through_host`, so that the scenarios know that they run through the host store.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(through_host)");
    println!("cargo:rustc-cfg=through_host");
}
