//! `portraitd-port ADDRESS`: binds the ports 443, 80 and 53 of an address in 127.77.0.0/16 for `portraitd run`, and hands
//! them over through its standard input. Meant for the capability `cap_net_bind_service`; it does nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    return portraitd_isolation::low_ports::helper(std::env::args_os().skip(1));
    #[cfg(not(target_os = "linux"))]
    {
        eprintln!("portraitd-port is of use on Linux only");
        ExitCode::from(2)
    }
}
