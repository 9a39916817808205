//! The binary `holdfast`; everything is in the library of this package.

fn main() -> std::process::ExitCode {
    holdfast::main()
}
