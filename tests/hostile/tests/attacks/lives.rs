//! Odd states of the processor, and what one life leaves to the next.

use tests_hostile::{Place, attacks, ends, survives};

attacks!(MODES, Place::Alone, {
    a_fault_in_user_mode_ends_a_qube: "user-mode" => ends(&["panicked"]);
    vmmcall_in_user_mode_ends_a_qube: "user-call" => ends(&["instruction:0x81", "panicked"]);
    calls_from_32_bit_code_are_calls: "half-mode" => ends(&["instruction:0x78"]);
    armed_exceptions_are_the_qubes_own: "float-trap" => survives().saw("still armed true");
});

attacks!(LIVES, Place::Endless(300), {
    a_life_leaves_nothing_to_the_next: "leave-behind" => ends(&["memory:0x1000"])
        .in_life(2)
        .saw("memory clean true")
        .saw("vectors clean true")
        .saw("cr2 clean true")
        .saw("gs clean true");
});

attacks!(CRASHES, Place::Endless(400), {
    a_qube_that_crashes_in_every_life_waits_longer_each_time: "crash-loop" => ends(&["memory:0x0"]).in_life(3);
});
