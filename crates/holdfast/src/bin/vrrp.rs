//! The binary `holdfast-vrrp`; everything is in the library of this package.

fn main() -> std::process::ExitCode {
    holdfast::vrrp_main()
}
