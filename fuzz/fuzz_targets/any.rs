//! Runs the target that `FUZZ_TARGET` names on inputs that libFuzzer makes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portraitd_fuzz::{FuzzEnvironment, TARGETS};
use std::cell::RefCell;

thread_local! {
    static STATE: RefCell<(FuzzEnvironment, String)> = RefCell::new((FuzzEnvironment::new(), {
        let target = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
        assert!(TARGETS.contains(&target.as_str()), "{target} is not a target; the targets are {TARGETS:?}");
        target
    }));
}

fuzz_target!(|bytes: &[u8]| {
    STATE.with_borrow_mut(|(environment, target)| environment.run(target, bytes));
});
