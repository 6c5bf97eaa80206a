//! How the static program is linked. GNU ld from 2.38 and lld know the options.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=without-unwinding.ld");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    if variable("CARGO_CFG_TARGET_OS") != "linux" || variable("CARGO_CFG_TARGET_ENV") != "musl" {
        return;
    }
    // Packed relocations: a twentieth of the program. The C library that Rust brings for musl (1.2.5) applies them.
    println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    // What `[profile.agent]` alone is built with; what a profile does on a panic is not told here.
    if variable("OPT_LEVEL") == "z" {
        let script = format!("{}/without-unwinding.ld", variable("CARGO_MANIFEST_DIR"));
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{script}");
    }
}
