//! Packs the relocations of the static program: they are a twentieth of it. GNU ld from 2.38 and lld know the option, an older
//! one says that it ignores it; the C library that Rust brings for musl (1.2.5) applies them.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |what: &str| std::env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    if target("OS") == "linux" && target("ENV") == "musl" {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
