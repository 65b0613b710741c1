//! Doing without end what may be done once.

use tests_hostile::{Place, attacks, ends, survives};

attacks!(ENDLESS, Place::Endless(200), {
    an_endless_loop_takes_only_its_share: "endless-loop" => ends(&["none"]).killed();
    a_pause_loop_takes_only_its_share: "pause-loop" => ends(&["none"]).killed();
    a_loop_of_faults_takes_only_its_share: "fault-loop" => ends(&["none"]).killed();
});

attacks!(PAIR, Place::Pair(100), {
    a_caller_that_hands_its_turn_over_takes_only_its_share: "ping" => ends(&["none"]).killed();
    a_server_that_hands_its_turn_back_takes_only_its_share: "pong" => ends(&["none"]).killed();
});

attacks!(STORMS, Place::Alone, {
    a_cpuid_storm_takes_only_its_share: "cpuid-storm" => survives().saw("virtualisation 0");
    a_log_flood_takes_only_its_share: "log-flood" => survives();
});

attacks!(NOTIFY_STORM, Place::Clients, {
    a_notify_storm_takes_only_its_share: "notify-storm" => survives().saw("an answer");
});

attacks!(NOTIFY_NOISE, Place::Clients, {
    notifying_any_number_is_refused: "notify-noise" => survives().refused(&[0x0b]).saw("an answer");
});

attacks!(FLOODS, Place::Clients, {
    a_flood_of_messages_drowns_nobody: "message-flood" => survives().saw("an answer");
});

attacks!(CALL_FLOOD, Place::Clients, {
    a_flood_of_calls_drowns_nobody: "call-flood" => survives().refused(&[0x03]).saw("many calls true");
});

attacks!(REFUSAL_FLOOD, Place::Clients, {
    a_flood_of_refusals_drowns_nobody: "refusal-flood" => survives().refused(&[0x10]).saw("an answer");
});

attacks!(TOGGLES, Place::Clients, {
    opening_and_closing_a_port_without_end_drowns_nobody: "port-toggle" => survives().saw("an answer");
    resetting_the_device_without_end_drowns_nobody: "reset-storm" => survives().saw("an answer");
});

attacks!(CONTROL_NOISE, Place::Clients, {
    control_messages_of_noise_are_refused: "control-noise" => survives().refused(&[0x0b]).saw("an answer");
});

attacks!(ENTROPY_FLOOD, Place::Clients, {
    asking_for_entropy_without_end_drowns_nobody: "entropy-flood" => survives().saw("random true").saw("an answer");
});
