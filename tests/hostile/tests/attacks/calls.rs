//! The calls of the supervisor, with arguments that make no sense.

use tests_hostile::{Place::Alone, attacks, ends, survives};

attacks!(CALLS, Alone, {
    control_bytes_in_the_log_stay_in_their_line: "log-control" => survives();
    log_text_of_any_length_is_cut: "log-huge" => survives();
    log_text_outside_memory_is_empty: "log-nowhere" => survives();
    a_panic_outside_memory_is_a_panic: "panic-nowhere" => ends(&["panicked"]);
    a_panic_of_any_length_is_cut: "panic-huge" => ends(&["panicked"]);
    an_exit_code_may_be_negative: "exit-negative" => ends(&["exit:-2147483648"]);
    an_exit_code_has_32_bits: "exit-wide" => ends(&["exit:42"]);
    deadlines_in_the_past_only_yield: "wait-past" => survives().saw("wakes 0x2");
    deadlines_that_are_near_cost_nobody_else: "wait-short" => survives();
    being_ready_again_and_again_changes_nothing: "ready-storm" => survives();
    queues_that_are_not_there_cannot_be_notified: "notify-nobody" => survives().refused(&[0x0b]);
});

attacks!(REGISTER_NOISE, Alone, {
    every_register_may_be_written_with_noise: "registers-noise" => survives().refused(&[0x0b]).and_more();
});

attacks!(DEVICE_NOISE, Alone, {
    a_handshake_of_noise_is_refused: "device-noise" => survives().refused(&[0x0b]).and_more();
});
