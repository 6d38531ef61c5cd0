//! The binary `portraitd`; everything is in the library beside it.

fn main() -> std::process::ExitCode {
    portrait_server::run()
}
