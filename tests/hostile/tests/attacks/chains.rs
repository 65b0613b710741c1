//! Chains of descriptors that lie about themselves.

use tests_hostile::{Place::Clients, attacks, survives};

attacks!(LOOPS, Clients, {
    a_chain_that_loops_poisons: "chain-loop" => survives().refused(&[0x32]).saw("in state 0");
    a_chain_that_loops_without_a_byte_poisons: "chain-empty-loop" => survives().refused(&[0x32]).saw("in state 0");
    a_chain_of_too_many_pieces_poisons: "chain-long" => survives().refused(&[0x32]).saw("in state 0");
    a_chain_of_too_many_bytes_poisons: "chain-huge" => survives().refused(&[0x34]).saw("in state 0");
    a_piece_of_four_gib_poisons: "chain-four-gib" => survives().refused(&[0x34]).saw("in state 0");
    a_next_piece_that_is_not_there_poisons: "chain-next" => survives().refused(&[0x31]).saw("in state 0");
    a_next_piece_far_away_poisons: "chain-next-far" => survives().refused(&[0x31]).saw("in state 0");
    a_first_piece_that_is_not_there_poisons: "head-unlisted" => survives().refused(&[0x31]).saw("in state 0");
    a_chain_of_one_memory_twice_is_a_message: "chain-overlap" => survives().saw("skepskep");
    a_piece_of_its_own_text_is_read: "chain-of-text" => survives().refused(&[0x13]);
});

attacks!(PLACES, Clients, {
    a_piece_across_the_end_of_memory_poisons: "chain-outside" => survives().refused(&[0x35]).saw("in state 0");
    a_piece_below_memory_poisons: "chain-below" => survives().refused(&[0x35]).saw("in state 0");
    a_piece_far_away_poisons: "chain-far" => survives().refused(&[0x35]).saw("in state 0");
    a_piece_in_a_register_page_poisons: "chain-registers" => survives().refused(&[0x35]).saw("in state 0");
    a_piece_in_the_info_page_poisons: "chain-info" => survives().refused(&[0x35]).saw("in state 0");
    a_piece_around_the_end_of_addresses_poisons: "chain-wrap" => survives().refused(&[0x35]).saw("in state 0");
    an_unknown_flag_poisons: "chain-flag" => survives().refused(&[0x33]).saw("in state 0");
    an_indirect_piece_poisons: "chain-indirect" => survives().refused(&[0x33]).saw("in state 0");
    a_writable_piece_of_a_message_poisons: "chain-writable" => survives().refused(&[0x33]).saw("in state 0");
});

attacks!(RECEIVERS, Clients, {
    a_readable_receive_buffer_poisons: "rx-readable" => survives().refused(&[0x43]).saw("in state 0");
    a_receive_buffer_in_text_poisons: "rx-text" => survives().refused(&[0x45]).saw("in state 0");
    a_receive_buffer_outside_memory_poisons: "rx-outside" => survives().refused(&[0x45]).saw("in state 0");
    a_receive_buffer_in_the_info_page_poisons: "rx-info" => survives().refused(&[0x45]).saw("in state 0");
    a_receive_buffer_around_the_end_of_addresses_poisons: "rx-wrap" => survives().refused(&[0x45]).saw("in state 0");
    a_receive_chain_poisons: "rx-chained" => survives().refused(&[0x43]).saw("in state 0");
    an_indirect_receive_buffer_poisons: "rx-indirect" => survives().refused(&[0x43]).saw("in state 0");
    a_receive_buffer_that_is_not_there_poisons: "rx-head" => survives().refused(&[0x41]).saw("in state 0");
    answers_over_its_own_rings_only_hurt_their_owner: "rx-own-rings" => survives().refused(&[0x43]);
});

attacks!(SMALL, Clients, {
    a_receive_buffer_too_small_is_its_owners_trouble: "rx-small" => survives();
});
