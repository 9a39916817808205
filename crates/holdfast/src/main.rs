//! The binary; everything is in the library of this package.

fn main() -> std::process::ExitCode {
    holdfast::main()
}
