//! The binary `portraitd`; everything is in the library beside it.

/// A third less time in it than in the system's, at every call.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    portraitd::run()
}
