//! User mode, and what one life leaves to the next.

use tests_hostile::{Place, attacks, ends};

attacks!(USER_MODE, Place::Alone, {
    a_fault_in_user_mode_ends_a_qube: "user-mode" => ends(&["panicked"]);
    vmmcall_in_user_mode_ends_a_qube: "user-call" => ends(&["instruction:0x81", "panicked"]);
});

attacks!(LIVES, Place::Endless(300), {
    a_life_leaves_nothing_to_the_next: "leave-behind" => ends(&["memory:0x1000"])
        .in_life(2)
        .saw("memory clean true")
        .saw("vectors clean true")
        .saw("cr2 clean true")
        .saw("gs clean true");
});
