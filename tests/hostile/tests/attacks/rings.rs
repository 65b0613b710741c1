//! Rings that are set up wrongly, and indexes that run away.

use tests_hostile::{Place::Clients, attacks, survives};

attacks!(RINGS, Clients, {
    a_ring_outside_memory_is_refused: "ring-outside" => survives().refused(&[0x0b]).saw("ready 0");
    a_ring_across_the_end_of_memory_is_refused: "ring-at-end" => survives().refused(&[0x0b]).saw("ready 0");
    a_ring_below_memory_is_refused: "ring-below" => survives().refused(&[0x0b]).saw("ready 0");
    a_ring_around_the_end_of_addresses_is_refused: "ring-wrap" => survives().refused(&[0x0b]).saw("ready 0");
    a_crooked_table_is_refused: "ring-crooked" => survives().refused(&[0x0b]).saw("ready 0");
    a_crooked_available_ring_is_refused: "ring-odd-driver" => survives().refused(&[0x0b]).saw("ready 0");
    a_crooked_used_ring_is_refused: "ring-odd-device" => survives().refused(&[0x0b]).saw("ready 0");
    a_used_ring_in_text_is_refused: "ring-read-only" => survives().refused(&[0x0b]).saw("ready 0");
    a_table_in_a_register_page_is_refused: "ring-registers" => survives().refused(&[0x0b]).saw("ready 0");
    a_used_ring_in_the_info_page_is_refused: "ring-info" => survives().refused(&[0x0b]).saw("ready 0");
});

attacks!(SIZES, Clients, {
    a_ring_of_no_size_is_refused: "ring-empty" => survives().refused(&[0x0b]).saw("ready 0");
    a_ring_of_an_uneven_size_is_refused: "ring-uneven" => survives().refused(&[0x0b]).saw("ready 0");
    a_ring_too_large_is_refused: "ring-huge" => survives().refused(&[0x0b]).saw("ready 0");
    a_ring_of_two_billion_is_refused: "ring-endless" => survives().refused(&[0x0b]).saw("ready 0");
    a_ring_set_up_twice_stays_where_it_was: "ring-twice" => survives().refused(&[0x0b]).saw("an answer");
    queues_that_are_not_there_are_refused: "queue-unlisted" => survives().refused(&[0x0b]).saw("an answer");
    a_queue_before_the_features_is_refused: "no-features" => survives().refused(&[0x0b]).saw("ready 0");
});

attacks!(INDEXES, Clients, {
    a_transmit_index_that_runs_ahead_poisons: "tx-index-ahead" => survives().refused(&[0x30]).saw("in state 0");
    a_transmit_index_that_runs_back_poisons: "tx-index-back" => survives().refused(&[0x30]).saw("in state 0");
    a_receive_index_that_runs_ahead_poisons: "rx-index-ahead" => survives().refused(&[0x40]).saw("in state 0");
    a_control_index_that_runs_ahead_poisons: "control-index" => survives().refused(&[0x30]);
    announcements_into_text_poison: "control-rx-bad" => survives().refused(&[0x35]);
    an_announcement_index_that_runs_ahead_poisons: "control-rx-index" => survives().refused(&[0x30]);
    control_messages_of_other_lengths_are_refused: "control-long" => survives().refused(&[0x0b, 0x34]);
    a_control_message_outside_memory_poisons: "control-outside" => survives().refused(&[0x35]);
    an_entropy_buffer_in_text_poisons: "entropy-bad" => survives().refused(&[0x35]).saw("an answer");
    a_poisoned_port_stays_closed: "after-poison" => survives()
        .refused(&[0x30, 0x0b])
        .saw("state 0 after opening")
        .saw("state 0 after a reset")
        .saw("silence, port 0 in state 0");
});

attacks!(OVERLAPS, Clients, {
    a_used_ring_over_the_table_only_hurts_its_owner: "used-on-table" => survives().refused(&[0x35]).saw("skep");
    a_used_ring_over_the_available_ring_only_hurts_its_owner: "used-on-driver" => survives().saw("skep");
    a_message_that_changes_while_it_is_read_is_read_once: "used-on-message" => survives()
        .saw("original")
        .saw("the text is overwritten true");
    two_queues_in_one_ring_only_hurt_their_owner: "ring-of-ring" => survives().refused(&[0x43]);
});
