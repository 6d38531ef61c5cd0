//! The target that `FUZZ_TARGET` names, on what libFuzzer makes up.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portraitd::internals::fuzz::{TARGETS, World};
use std::cell::RefCell;

thread_local! {
    static STATE: RefCell<(World, String)> = RefCell::new((World::new(), {
        let target = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
        assert!(TARGETS.contains(&target.as_str()), "{target} is none of {TARGETS:?}");
        target
    }));
}

fuzz_target!(|bytes: &[u8]| {
    STATE.with_borrow_mut(|(world, target)| world.run(target, bytes));
});
