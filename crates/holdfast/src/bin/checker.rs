//! The binary `holdfast-checker`; everything is in the library of this package.

fn main() -> std::process::ExitCode {
    holdfast::checker_main()
}
