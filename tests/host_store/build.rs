//! Sets the cfg `through_host`, by which the scenarios detect that they run through the host store.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(through_host)");
    println!("cargo:rustc-cfg=through_host");
}
