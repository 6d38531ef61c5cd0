//! The binary `portraitd`; everything is in the library beside it.

/// A call spends a third less time in this allocator than in the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    // The processes that `portraitd run` starts: the one that becomes its command must not have threads yet.
    #[cfg(target_os = "linux")]
    {
        let mut words = std::env::args_os().skip(1).peekable();
        match words.peek().and_then(|word| word.to_str()) {
            Some(portraitd_isolation::enter::COMMAND) => {
                return portraitd_isolation::enter::run(words.skip(1));
            }
            Some(portraitd_isolation::address::HELPER_COMMAND) => {
                return portraitd_isolation::low_ports::helper(words.skip(1));
            }
            _ => {}
        }
    }
    portraitd::run()
}
